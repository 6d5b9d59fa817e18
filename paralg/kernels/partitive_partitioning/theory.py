"""Closed forms: parameters, restarts, work and span of the tree; and how alike partitions are."""

import math

import numpy as np

from paralg.core import checks

__all__ = ["COVARIANCES", "adjusted_rand", "balanced_tree", "free_parameters", "neighbours",
           "restarts_needed"]  # fmt: skip

COVARIANCES = ("full", "diag", "tied", "spherical")


def free_parameters(k: int, d: int, cov: str = "full") -> int:
    """Return the number of free parameters of k Gaussians in d dimensions, of `COVARIANCES` cov.

    >>> [free_parameters(k, 4) for k in (1, 2)]
    [14, 29]
    """
    checks.integers(1, k=k, d=d)
    each = {"full": d * (d + 1) // 2, "diag": d, "tied": 0, "spherical": 1}
    shared = d * (d + 1) // 2 if checks.one_of("cov", cov, COVARIANCES) == "tied" else 0
    return k * (d + each[cov]) + shared + k - 1


def restarts_needed(p: float, failure: float = 0.01) -> int:
    """Return the restarts that all miss, each with 1 - p, with at most the probability failure.

    >>> restarts_needed(0.3), restarts_needed(0.08)
    (13, 56)
    """
    p = checks.number("p", p, 0, 1, above=0)
    failure = checks.number("failure", failure, 0, 1, above=0)
    return 1 if p == 1 else max(1, math.ceil(math.log(failure) / math.log1p(-p)))


def balanced_tree(n: float, k: int) -> tuple[float, float]:
    """Return point visits of a balanced tree of n points, k leaves, and those on its longest path.

    >>> balanced_tree(1, 8)
    (4.0, 1.875)
    """
    n, levels = checks.number("n", n, 0), math.ceil(math.log2(checks.integer("k", k, 1)))
    return n * (1 + levels), n * (2 - 0.5**levels)


def adjusted_rand(one, other) -> float:
    """Return the adjusted Rand index of labelings ``one`` and ``other`` (n,): 1 equal, 0 by chance.

    >>> adjusted_rand([0, 0, 1, 1], [5, 5, 2, 2])
    1.0
    """
    one, other = checks.array("one", one, "i"), checks.array("other", other, "i")
    checks.sizes(one=(one, "n"), other=(other, "n"))
    if len(one) < 2:
        raise ValueError(f"one must have at least 2 labels, got {len(one)}")
    a, b = np.unique(one, return_inverse=True)[1], np.unique(other, return_inverse=True)[1]
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    pairs = [float((c * (c - 1)).sum() / 2) for c in (table, table.sum(1), table.sum(0))]
    expected = pairs[1] * pairs[2] / (len(one) * (len(one) - 1) / 2)
    most = (pairs[1] + pairs[2]) / 2
    return 1.0 if most == expected else (pairs[0] - expected) / (most - expected)


def neighbours(centres) -> list[tuple[int, int]]:
    """Return pairs of centres (k, d) whose common ball holds no third one (the Gabriel graph)."""
    far = ((centres[:, None] - centres[None]) ** 2).sum(axis=2)
    k = range(len(centres))
    return [(a, b) for a in k for b in k if a < b and not any(
        far[a, c] + far[c, b] < far[a, b] for c in k if c not in (a, b))]  # fmt: skip
