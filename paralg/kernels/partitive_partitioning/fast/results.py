"""What a cut, a mixture, a verdict, a node and a tree are, as results."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost

__all__ = ["GaussianMix", "PartitionTree", "SplitVerdict", "TreeNode", "TwoMeans", "finished"]


class TwoMeans(NamedTuple):
    """A fixed point of Lloyd's iteration: sides, centres, sum of squared errors, steps taken."""

    sides: NDArray[np.int64]
    centres: NDArray[np.float64]
    sse: float
    steps: int


@dataclass(frozen=True, eq=False)
class GaussianMix:
    """A mixture of k Gaussians: shares (k,), means (k, d), covariances (k, d, d), and its fit.

    ``loglik`` is that of the points under *these* parameters, ``resp`` (n, k) the posterior shares,
    ``steps`` those of EM, ``history`` the log-likelihood before each.
    """

    shares: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    loglik: float
    resp: NDArray[np.float64]
    bic: float
    steps: int
    history: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class SplitVerdict:
    """What the mixture says of a split of m points.

    ``agreement``: share of points whose likelier component is their 2-means side; ``sides``: the
    same for each side; ``gain``: BIC of one Gaussian minus BIC of two; ``steps``: of Lloyd and of
    EM; ``reason``: why the split is refused, empty if it is accepted.
    """

    agreement: float = 0.0
    sides: tuple[float, float] = (0.0, 0.0)
    gain: float = 0.0
    steps: tuple[int, int] = (0, 0)
    reason: str = ""

    @property
    def harmonic(self) -> float:
        """The ancestor's score, percent: half the harmonic mean of both sides' agreement."""
        total = sum(self.sides)
        return 100 * self.sides[0] * self.sides[1] / total if total else 0.0


@dataclass(frozen=True, eq=False)
class TreeNode:
    """A node: path of sides from the root, its rows in rising order, what came of its split."""

    path: str
    rows: NDArray[np.int64]
    verdict: SplitVerdict

    @property
    def work(self) -> int:
        """Evaluations of a point against a centre or a Gaussian."""
        lloyd, em_steps = self.verdict.steps
        return len(self.rows) * (2 * lloyd + (1 + 2 * (em_steps + 1) if em_steps else 0))


@dataclass(frozen=True, eq=False)
class PartitionTree:
    """Nodes level by level, and the leaf of each point, (n,), numbered from left to right.

    In ``cost``, ``work`` counts evaluations of a point against a centre or a Gaussian, ``span``
    those on the longest path from the root; a level is a round.
    """

    nodes: tuple[TreeNode, ...]
    labels: NDArray[np.int64]
    cost: Cost

    @property
    def leaves(self) -> tuple[TreeNode, ...]:
        """The clusters, from left to right."""
        leaves = (one for one in self.nodes if one.verdict.reason)
        return tuple(sorted(leaves, key=lambda one: one.path))

    @property
    def k(self) -> int:
        """Number of clusters."""
        return len(self.leaves)


def finished(nodes: list[TreeNode], n: int) -> PartitionTree:
    """Number the leaves and add up the counts."""
    chain: dict[str, int] = {}
    for node in nodes:
        chain[node.path] = node.work + (chain[node.path[:-1]] if node.path else 0)
    levels, work = max(len(node.path) for node in nodes) + 1, sum(node.work for node in nodes)
    cost = Cost(work=work, span=max(chain.values()), rounds=levels)
    tree = PartitionTree(tuple(nodes), np.full(n, -1), cost)
    for number, leaf in enumerate(tree.leaves):
        tree.labels[leaf.rows] = number
    return tree
