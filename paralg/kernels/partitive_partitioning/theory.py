r"""Counts and closed forms: parameters, restarts, work and span of the tree, messages of shards."""

import math

import numpy as np

from paralg.core import checks

__all__ = [
    "COVARIANCES", "adjusted_rand", "bhattacharyya", "brute_force", "free_parameters", "miss_probability",
    "restarts_needed", "scan_work", "tree_span", "tree_work",
]  # fmt: skip

COVARIANCES = ("full", "diag", "tied", "spherical")


def free_parameters(k: int, d: int, cov: str = "full") -> int:
    """Return the number of free parameters of k Gaussians in d dimensions.

    >>> [free_parameters(k, 4) for k in (1, 2)]
    [14, 29]
    """
    checks.integers(1, k=k, d=d)
    each = {"full": d * (d + 1) // 2, "diag": d, "tied": 0, "spherical": 1}
    shared = d * (d + 1) // 2 if checks.one_of("cov", cov, COVARIANCES) == "tied" else 0
    return k * (d + each[cov]) + shared + k - 1


def bhattacharyya(mix) -> float:
    r"""Return the Bhattacharyya distance of the first two components of a mixture.

    :math:`\tfrac18 \Delta^T \bar\Sigma^{-1} \Delta + \tfrac12 \ln |\bar\Sigma| / \sqrt{|\Sigma_1||\Sigma_2|}`.
    """
    if len(mix.shares) < 2:
        raise ValueError(f"mix must have two components, got {len(mix.shares)}")
    (a, b), middle = mix.covariances[:2], mix.covariances[:2].mean(axis=0)
    apart = mix.means[1] - mix.means[0]
    logs = [np.linalg.slogdet(one)[1] for one in (middle, a, b)]
    shape = logs[0] - (logs[1] + logs[2]) / 2
    return float((np.linalg.solve(middle, apart) * apart).sum() / 8 + shape / 2)


def miss_probability(p: float, restarts: int) -> float:
    """Return the probability that no restart finds what a single one finds with probability p.

    >>> miss_probability(0.5, 3)
    0.125
    """
    checks.integer("restarts", restarts)
    return (1 - checks.number("p", p, 0, 1)) ** restarts


def restarts_needed(p: float, failure: float = 0.01) -> int:
    """Return the restarts after which the best basin is missed with at most that probability.

    >>> restarts_needed(0.3), restarts_needed(0.08)
    (13, 56)
    """
    p = checks.number("p", p, 0, 1, above=0)
    failure = checks.number("failure", failure, 0, 1, above=0)
    return 1 if p == 1 else max(1, math.ceil(math.log(failure) / math.log1p(-p)))


def tree_work(n: float, k: int, alpha: float = 0.5) -> float:
    r"""Return the point visits of a tree with k leaves whose larger child has the share alpha.

    Level by level the largest node is split: :math:`T(n) = n + T(\alpha n) + T((1-\alpha) n)`;
    every node is tried once, leaves too.

    >>> tree_work(1, 8)
    4.0
    """
    n, alpha = checks.number("n", n, 0), checks.number("alpha", alpha, 0.5, 1)
    checks.integer("k", k, 1)
    open_nodes, total = [n], n
    for _ in range(k - 1):
        open_nodes.sort()
        largest = open_nodes.pop()
        children = [alpha * largest, (1 - alpha) * largest]
        open_nodes += children
        total += sum(children)
    return float(total)


def tree_span(n: float, k: int) -> float:
    r"""Return the point visits on the longest path of a balanced tree with k leaves.

    :math:`n (1 + 1/2 + 1/4 + \dots) < 2n`: forking sub-trees cannot beat it.

    >>> tree_span(1, 8)
    1.875
    """
    levels = math.ceil(math.log2(checks.integer("k", k, 1)))
    return float(checks.number("n", n, 0) * (2 - 0.5**levels))


def scan_work(n: float, k_max: int, restarts: int = 1) -> float:
    """Return the evaluations of one step of each flat model with 1 … k_max components.

    >>> scan_work(1, 16)
    136.0
    """
    checks.integers(1, k_max=k_max, restarts=restarts)
    return float(checks.number("n", n, 0) * restarts * k_max * (k_max + 1) / 2)


def brute_force(points) -> float:
    """Return the least sum of squares of any two-way split of at most 16 points (n, d)."""
    (points,) = checks.floats(points=(points, "n d"))
    n = len(points)
    if not 2 <= n <= 16 or not points.shape[1]:
        raise ValueError(f"points must have 2 to 16 rows and a column, got {points.shape}")
    masks = (np.arange(1, 2 ** (n - 1))[:, None] >> np.arange(n)) & 1
    total = (points**2).sum()
    sums = masks @ points
    counts = masks.sum(axis=1)
    rest = points.sum(axis=0) - sums
    between = (sums**2).sum(axis=1) / counts + (rest**2).sum(axis=1) / (n - counts)
    return float(total - between.max())


def adjusted_rand(one, other) -> float:
    """Return the adjusted Rand index of two labelings (n,): 1 equal, about 0 unrelated.

    >>> adjusted_rand([0, 0, 1, 1], [5, 5, 2, 2])
    1.0
    """
    one, other = checks.array("one", one, "i"), checks.array("other", other, "i")
    checks.sizes(one=(one, "n"), other=(other, "n"))
    if len(one) < 2:
        raise ValueError(f"one must have at least 2 labels, got {len(one)}")
    names, a = np.unique(one, return_inverse=True)
    others, b = np.unique(other, return_inverse=True)
    table = np.zeros((len(names), len(others)))
    np.add.at(table, (a, b), 1)

    def pairs(counts):
        return float((counts * (counts - 1)).sum() / 2)

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = rows * columns / (len(one) * (len(one) - 1) / 2)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
