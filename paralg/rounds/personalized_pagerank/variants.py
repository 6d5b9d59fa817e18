r"""What the paper is compared with: exact values, one batch of plain walks, doubled segments.

**Exact values.** With the arc-less nodes handled by convention, :math:`\pi_u` is the fixed point of

.. math:: F_u(y) = (1 - \alpha)\, y P + \bigl(1 - (1 - \alpha)\, \|y P\|_1\bigr)\, e_u ,

"all mass that the step loses goes back to the source"; each step shrinks the L1 error by
:math:`1 - \alpha`.

**Doubling.** Round :math:`k` joins each segment of length :math:`2^k` with one of equal length that
starts where it ends, so walks of length :math:`L` take :math:`\log_2 L` rounds instead of
:math:`L`. A segment that several others append makes their ends dependent: the estimates keep
their mean, or not even that, and lose variance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.random import derive, uniform
from paralg.rounds.personalized_pagerank.fast.kernel import walk_ids
from paralg.rounds.personalized_pagerank.graph import Digraph, check_alpha, check_dangling
from paralg.rounds.personalized_pagerank.moves import move_table
from paralg.rounds.personalized_pagerank.theory import sweeps_needed

__all__ = [
    "DoublingResult", "PICKS", "dense_solve", "monte_carlo", "power_iteration",
    "segment_doubling", "with_loops", "without_dangling",
]  # fmt: skip

PICKS = ("same", "random")
"""Which segment of the end node is appended: that of the same number, or one drawn at random."""


def dense_solve(graph: Digraph, alpha: float = 0.2, dangling: str = "stop") -> NDArray[np.float64]:
    r"""Return all :math:`n^2` values by one dense solve, the oracle of every other method.

    .. math:: \Pi = \alpha\,(I - (1 - \alpha) P)^{-1}

    ``"stop"`` turns a node without arcs into a loop. ``"source"`` normalises each row: with
    :math:`N = (I - (1-\alpha)P)^{-1}` and :math:`d` the indicator of nodes without arcs, the walk
    that jumps back has the matrix :math:`P + d e_u^\top`, and Sherman and Morrison give row
    :math:`u` as :math:`e_u^\top N` over a number.

    Parameters
    ----------
    graph : Digraph
    alpha : float, stopping probability
    dangling : {"stop", "source"}

    Returns
    -------
    ndarray of float64, shape (n, n)
        Row ``u`` sums to 1; work :math:`O(n^3)`.

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


def power_iteration(
    graph: Digraph, source: int, alpha: float = 0.2, error: float = 1e-9, dangling: str = "stop"
) -> tuple[NDArray[np.float64], Cost]:
    r"""Compute one row, :math:`\pi_u`, by power iteration [page-1999-pagerank].

    Parameters
    ----------
    graph : Digraph
    source : int, node :math:`u`
    alpha, error : float, stopping probability, bound on the L1 error
    dangling : {"stop", "source"}

    Returns
    -------
    row : ndarray of float64, shape (n,)
    cost : Cost
        ``work`` counts multiplications, ``span`` the sweeps.
    """
    graph = with_loops(graph, dangling)
    step = graph.transition().T.tocsr()
    row = np.zeros(graph.n)
    row[source] = 1.0
    sweeps, change = 0, np.inf
    while sweeps < sweeps_needed(alpha, error) and (1.0 - alpha) * change > alpha * error:
        new = (1.0 - alpha) * (step @ row)
        new[source] += 1.0 - new.sum()
        change = np.abs(new - row).sum()
        row, sweeps = new, sweeps + 1
    return row, Cost(work=sweeps * graph.m, span=sweeps)


def without_dangling(graph: Digraph) -> Digraph:
    """Remove nodes without out-arcs until none is left, for comparisons of conventions."""
    names = None if graph.names is None else np.array(graph.names, dtype=object)
    while graph.n and graph.dangling.any():
        stay = np.flatnonzero(~graph.dangling)
        number = np.full(graph.n, -1)
        number[stay] = np.arange(len(stay))
        tail, head = number[graph.tails], number[graph.targets]
        inside = (tail >= 0) & (head >= 0)
        names = None if names is None else names[stay]
        weights = graph.weights[inside]
        graph = Digraph.from_arcs(tail[inside], head[inside], weights, n=len(stay))
    names = None if names is None else tuple(names)
    return Digraph(graph.indptr, graph.targets, graph.weights, names)


def with_loops(graph: Digraph, dangling: str) -> Digraph:
    """Return the graph with a loop at each arc-less node, unless walks jump back from there."""
    check_dangling(dangling)
    ends = np.flatnonzero(graph.dangling)
    if dangling == "source" or not len(ends):
        return graph
    tails, heads = (np.concatenate([side, ends]) for side in (graph.tails, graph.targets))
    return Digraph.from_arcs(tails, heads, np.append(graph.weights, np.ones(len(ends))), n=graph.n)


def monte_carlo(
    graph: Digraph, omega: int, alpha: float = 0.2, seed: int = 0
) -> tuple[NDArray[np.int64], Cost]:
    r"""Estimate by one batch of plain walks, vectorised over all of them; walks stop at dead ends.

    Each hop looks for the arc in the cumulative weights by bisection, so there is no table to
    build; all :math:`n\omega` walks are in memory from the first round.

    Parameters
    ----------
    graph : Digraph
    omega, seed : int, walks for each source; seed of the streams
    alpha : float, stopping probability

    Returns
    -------
    counts : ndarray of int64, shape (n, n)
    cost : Cost
        ``work`` counts hops and stops, ``rounds`` the moves of the longest walk.
    """
    source = np.repeat(np.arange(graph.n), omega)
    walk = walk_ids(source, np.tile(np.arange(omega), graph.n))
    at, counts = source.copy(), np.zeros((graph.n, graph.n), dtype=np.int64)
    ladder = np.cumsum(graph.shares) if graph.m else np.zeros(0)
    moves = work = 0
    while len(walk):
        work += len(walk)
        stop = (uniform(seed, walk, 2 * moves) < alpha) | graph.dangling[at]
        np.add.at(counts, (source[stop], at[stop]), 1)
        walk, source, at = walk[~stop], source[~stop], at[~stop]
        at = _hop(graph, ladder, at, uniform(seed, walk, 2 * moves + 1))
        moves += 1
    return counts, Cost(work=work, rounds=moves)


def _hop(graph: Digraph, ladder, at, chance):
    """Return the heads of the arcs that ``chance`` picks; a row of the ladder is one unit high."""
    first, last = graph.indptr[at], graph.indptr[at + 1]
    low = np.where(first > 0, ladder[first - 1], 0.0) if len(at) else chance
    arc = np.searchsorted(ladder, low + chance * (ladder[last - 1] - low), side="right")
    return graph.targets[np.clip(arc, first, last - 1)].astype(np.int64)


class DoublingResult(NamedTuple):
    """Result of `segment_doubling`."""

    counts: NDArray[np.int64]
    shared: float
    cost: Cost


def segment_doubling(
    graph: Digraph,
    omega: int,
    doublings: int,
    alpha: float = 0.2,
    *,
    pick: str = "random",
    seed: int = 0,
) -> DoublingResult:
    r"""Estimate all rows by doubling ``omega`` segments of every node.

    Parameters
    ----------
    graph : Digraph
    omega : int, segments of each node, which are its walks in the end
    doublings : int
        Rounds :math:`k`; walks are cut after :math:`2^k` moves (bias :math:`(1-\alpha)^{2^k}`).
    alpha : float, stopping probability
    pick : {"same", "random"}
        ``"same"`` appends segment ``i`` of the end to segment ``i``: a walk that comes back to a
        node repeats itself. ``"random"`` draws the number: walks of a source may share segments.
    seed : int

    Returns
    -------
    DoublingResult
        Counts, the share of the joins whose segment another walk took, too, and the cost.

    References
    ----------
    [bahmani-2011-fast], recalled and not checked against the paper, which limits the reuse that
    this baseline shows.
    """
    _check_doubling(omega, doublings, pick)
    here, number = np.divmod(np.arange(graph.n * omega), omega)
    end, stopped = _first_moves(graph, here, number, alpha, seed)
    shared = joins = 0
    for level in range(doublings):
        live = np.flatnonzero(~stopped)
        taken = end[live] * omega + _picks(pick, live, number, omega, derive(seed, 1, level))
        shared += len(taken) - (np.bincount(taken) == 1).sum()
        joins += len(taken)
        new_end, new_stopped = end.copy(), stopped.copy()
        new_end[live], new_stopped[live] = end[taken], stopped[taken]
        end, stopped = new_end, new_stopped
    counts = np.zeros((graph.n, graph.n), dtype=np.int64)
    np.add.at(counts, (here, end), 1)
    cost = Cost(work=len(here) + joins, rounds=1 + doublings)
    return DoublingResult(counts, shared / max(joins, 1), cost)


def _check_doubling(omega, doublings, pick) -> None:
    if omega < 1:
        raise ValueError(f"omega must be at least 1, got {omega}")
    if doublings < 0:
        raise ValueError(f"doublings must not be negative, got {doublings}")
    if pick not in PICKS:
        raise ValueError(f"pick must be one of {', '.join(PICKS)}, got {pick!r}")


def _first_moves(graph, here, number, alpha, seed):
    """Return the end of each one-move segment, and whether it stopped there."""
    check_alpha(alpha)
    key = here * (number.max(initial=0) + 1) + number
    stopped = (uniform(seed, key, 0) < alpha) | graph.dangling[here]
    table, end = move_table(graph, alpha), here.copy()
    first = table.indptr[here]
    spot = uniform(seed, key, 1) * (table.indptr[here + 1] - first)
    slot = first + spot.astype(np.int64)
    below = spot - np.floor(spot) < table.threshold[slot]
    moved = np.where(below, table.own[slot], table.other[slot])
    end[~stopped] = moved[~stopped]
    return end, stopped


def _picks(pick, live, number, omega, seed):
    """Return the number of the segment that each live one takes from the node at its end."""
    if pick == "same":
        return number[live]
    return (uniform(seed, live, 0) * omega).astype(np.int64)
