r"""Step 3: grow a tree of validated splits; all open nodes of a level are split at the same time.

A split is kept when the mixture agrees with the 2-means sides and is more plausible than one
Gaussian. A node whose split is refused is a leaf, that is a cluster.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.engine import Engine, connect
from paralg.core.random import derive
from paralg.kernels.partitive_partitioning.fast.checks import check_points
from paralg.kernels.partitive_partitioning.fast.results import (
    PartitionTree,
    SplitVerdict,
    TreeNode,
    TwoMeans,
    finished,
)
from paralg.kernels.partitive_partitioning.mixture import em
from paralg.kernels.partitive_partitioning.theory import COVARIANCES
from paralg.kernels.partitive_partitioning.twomeans import two_means

__all__ = ["SplitRules", "grow", "split_node"]


@dataclass(frozen=True)
class SplitRules:
    """When a node is split; subclasses in `variants` change single rules.

    Parameters
    ----------
    cov : {"full", "diag", "tied", "spherical"}, covariances; diag where a node has under 2d points
    tau : float, least agreement
    nmin : int, least points of a node that is tried; a child needs half of it
    em_tol, em_max : float, int, when EM ends: gain of log-likelihood a point, most steps
    ridge : float, variance added to every covariance
    """

    cov: str = "full"
    tau: float = 0.9
    nmin: int = 20
    em_tol: float = 1e-6
    em_max: int = 200
    ridge: float = 1e-3

    def __post_init__(self):
        checks.one_of("cov", self.cov, COVARIANCES)
        checks.integers(1, nmin=self.nmin, em_max=self.em_max)
        checks.number("ridge", self.ridge, above=0)
        checks.number("tau", self.tau, 0, 1)
        checks.number("em_tol", self.em_tol, 0)

    def cut(self, points: NDArray, key: int) -> TwoMeans | None:
        """Return the split that is tried; ``key`` is the node's own random stream."""
        return two_means(points)

    def refusal(self, verdict: SplitVerdict, points: NDArray, cut: TwoMeans) -> str:
        """Return why a split is refused, empty if it is accepted."""
        if not self.agrees(verdict):
            return "agreement"
        return "" if verdict.gain > 0 else "evidence"

    def agrees(self, verdict: SplitVerdict) -> bool:
        """Tell whether mixture and 2-means agree enough."""
        return verdict.agreement >= self.tau

    def kind(self, n: int, d: int) -> str:
        """Return the covariances that n points can carry."""
        return "diag" if n < 2 * d and self.cov in ("full", "tied") else self.cov


def judge(points, cut: TwoMeans, rules: SplitRules) -> SplitVerdict:
    """Fit one Gaussian and two, the latter from the 2-means sides, and compare."""
    how = {"cov": rules.kind(*points.shape), "ridge": rules.ridge}
    one = em(points, np.ones((len(points), 1)), most=0, **how)
    two = em(points, np.eye(2)[cut.sides], tol=rules.em_tol, most=rules.em_max, **how)
    same = (two.resp[:, 1] > two.resp[:, 0]) == cut.sides
    of_side = tuple(float(same[cut.sides == side].mean()) for side in (0, 1))
    return SplitVerdict(float(same.mean()), of_side, one.bic - two.bic, (cut.steps, two.steps))


def split_node(
    points: ArrayLike, rules: SplitRules | None = None, *, key: int = 0
) -> tuple[SplitVerdict, NDArray | None]:
    """Try to split one node of points (n, d); return the verdict, and the sides if there is a cut.

    ``rules`` as in `grow`; ``key`` is the node's random stream.
    """
    points, rules = check_points(points), SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    checks.integer("key", key, -(2**63), 2**64 - 1)
    if len(points) < rules.nmin:
        return SplitVerdict(reason="small"), None
    cut = rules.cut(points, key)
    if cut is None:
        return SplitVerdict(reason="constant"), None
    if min(np.bincount(cut.sides, minlength=2)) < rules.nmin / 2:
        return SplitVerdict(steps=(cut.steps, 0), reason="small side"), cut.sides
    verdict = judge(points, cut, rules)
    return replace(verdict, reason=rules.refusal(verdict, points, cut)), cut.sides


def grow(
    points: ArrayLike, rules: SplitRules | None = None, *, engine: Engine | None = None,
    seed: int = 0,
) -> PartitionTree:  # fmt: skip
    """Grow the tree of validated splits of points, as they are: see `standardise`.

    Parameters
    ----------
    points : array_like, shape (n, d), finite
    rules : SplitRules, optional
    engine : Engine, optional, where nodes are split: a node is a partition; this process by default
    seed : int, only for rules that draw; a draw belongs to a node's path and a try's number

    Returns
    -------
    PartitionTree, the same bits on every engine and for every number of workers

    References
    ----------
    [sultan-2020-probabilistic], abstract; the procedure is our reconstruction.

    Examples
    --------
    >>> line = np.linspace(-1, 1, 40)[:, None] ** 3
    >>> grow(np.concatenate([line, line + 9])).k
    2
    """
    points = check_points(points)
    rules = SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    checks.integer("seed", seed, -(2**63), 2**63 - 1)
    engine = connect("serial") if engine is None else engine
    checks.instance("engine", engine, Engine)
    level, nodes = [("", np.arange(len(points)), int(derive(seed)))], []
    while level:
        parts = engine.scatter((points[rows], key) for _, rows, key in level)
        answers = engine.gather(engine.map(_split_part, parts, rules=rules))
        following = []
        for (path, rows, key), (verdict, sides) in zip(level, answers, strict=True):
            nodes.append(TreeNode(path, rows, verdict))
            if not verdict.reason:
                following += [(f"{path}{side}", rows[sides == side], int(derive(key, side)))
                              for side in (0, 1)]  # fmt: skip
        level = following
    return finished(nodes, len(points))


def _split_part(part, rules):
    return split_node(part[0], rules, key=part[1])
