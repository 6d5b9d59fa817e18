r"""What the paper is compared with: exact values, and segments of walks that are doubled.

**Doubling.** Round :math:`k` joins each segment of length :math:`2^k` with an equal one that starts
where it ends: :math:`\log_2 L` rounds for walks of length :math:`L`. Segments that several others
append make their ends dependent, which costs variance.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core.checks import instance, integer, one_of
from paralg.core.cost import Cost
from paralg.core.random import derive, uniform
from paralg.rounds.personalized_pagerank.fast.checks import check_alpha, check_dangling
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.moves import move_table

__all__ = ["DoublingResult", "PICKS", "dense_solve", "segment_doubling", "with_loops"]

PICKS = ("same", "random")  # which segment is appended: that of the same number, or any


def dense_solve(graph: Digraph, alpha: float = 0.2, dangling: str = "stop") -> NDArray[np.float64]:
    r"""Return all :math:`n^2` values by one dense solve, the oracle of every other method.

    .. math:: \Pi = \alpha\,(I - (1 - \alpha) P)^{-1}

    ``"stop"`` turns a node without arcs into a loop. ``"source"`` normalises each row of the
    inverse, as the formula of Sherman and Morrison says.

    Parameters
    ----------
    graph, alpha, dangling
        As in `move_table`.

    Returns
    -------
    ndarray of float64, shape (n, n), rows sum to 1; work :math:`O(n^3)`

    Examples
    --------
    >>> dense_solve(Digraph.from_arcs([0], [1]), alpha=0.5)  # 0 -> 1, and 1 has no arc
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    alpha = check_alpha(alpha)
    step = with_loops(graph, dangling).transition().toarray()
    visits = np.linalg.solve(np.eye(graph.n) - (1.0 - alpha) * step, np.eye(graph.n))
    return visits / visits.sum(axis=1, keepdims=True)


def with_loops(graph: Digraph, dangling: str) -> Digraph:
    """Return the graph with a loop at each arc-less node, unless walks jump back from there."""
    check_dangling(dangling)
    instance("graph", graph, Digraph)
    ends = np.flatnonzero(graph.dangling)
    if dangling == "source" or not len(ends):
        return graph
    tails, heads = (np.concatenate([side, ends]) for side in (graph.tails, graph.targets))
    return Digraph.from_arcs(tails, heads, np.append(graph.weights, np.ones(len(ends))), n=graph.n)


class DoublingResult(NamedTuple):
    """Counts, the share of the joins whose segment another walk took, too, and the cost."""

    counts: NDArray[np.int64]
    shared: float
    cost: Cost


def segment_doubling(
    graph: Digraph, omega: int, doublings: int, alpha: float = 0.2, *, pick: str = "random",
    seed: int = 0,
) -> DoublingResult:  # fmt: skip
    r"""Estimate all rows by doubling ``omega`` segments of every node.

    [bahmani-2011-fast], recalled and not checked against the paper, limits the reuse.

    Parameters
    ----------
    graph, alpha, seed
        As in `move_table` and `random_walks`.
    omega : int, segments of each node, which are its walks in the end
    doublings : int
        Rounds :math:`k`; walks are cut after :math:`2^k` moves (bias :math:`(1-\alpha)^{2^k}`).
    pick : {"same", "random"}
        ``"same"`` appends segment ``i`` of the end to segment ``i``: a walk that comes back to a
        node repeats itself. ``"random"`` draws the number: walks of a source may share segments.

    Examples
    --------
    >>> segment_doubling(Digraph.from_arcs([0], [1]), 5, 2, alpha=1.0).counts.tolist()
    [[5, 0], [0, 5]]
    """
    integer("omega", omega, 1)
    integer("doublings", doublings)
    one_of("pick", pick, PICKS)
    instance("graph", graph, Digraph)
    here, number = np.divmod(np.arange(graph.n * omega), omega)
    end, stopped = _first_moves(graph, here, number, alpha, seed)
    shared = joins = 0
    for level in range(doublings):
        live = np.flatnonzero(~stopped)
        chance = uniform(derive(seed, 1, level), live, 0)
        drawn = number[live] if pick == "same" else (chance * omega).astype(np.int64)
        taken = end[live] * omega + drawn
        shared += len(taken) - (np.bincount(taken) == 1).sum()
        joins += len(taken)
        new_end, new_stopped = end.copy(), stopped.copy()
        new_end[live], new_stopped[live] = end[taken], stopped[taken]
        end, stopped = new_end, new_stopped
    counts = np.zeros((graph.n, graph.n), dtype=np.int64)
    np.add.at(counts, (here, end), 1)
    cost = Cost(work=len(here) + joins, rounds=1 + doublings)
    return DoublingResult(counts, shared / max(joins, 1), cost)


def _first_moves(graph, here, number, alpha, seed):
    """Return the end of each one-move segment, and whether it stopped there."""
    check_alpha(alpha)
    key = here * (number.max(initial=0) + 1) + number
    stopped = (uniform(seed, key, 0) < alpha) | graph.dangling[here]
    table = move_table(graph, alpha)
    first = table.indptr[here]
    spot = uniform(seed, key, 1) * (table.indptr[here + 1] - first)
    slot = first + spot.astype(np.int64)
    below = spot - np.floor(spot) < table.threshold[slot]
    return np.where(stopped, here, np.where(below, table.own[slot], table.other[slot])), stopped
