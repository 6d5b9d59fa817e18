"""What the paper is compared with: one batch of plain walks, power iteration of one source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.random import uniform
from paralg.rounds.personalized_pagerank.exact import sweeps_needed, with_loops
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.kernel import LEVEL_BITS, walk_ids
from paralg.rounds.personalized_pagerank.moves import MoveTable
from paralg.rounds.personalized_pagerank.records import PLAIN, RETURN

__all__ = ["monte_carlo", "power_iteration", "walk_once"]


def walk_once(table: MoveTable, source: int, number: int, seed: int = 0) -> list[int]:
    """Follow one walk in plain Python: the reference of the compiled kernel.

    Parameters
    ----------
    table : MoveTable
    source, number : int
        The walk's identity.
    seed : int
        Seed of the streams.

    Returns
    -------
    list of int
        Records visited (virtual ones included), then the node at which the walk stopped.

    Examples
    --------
    >>> from paralg.rounds.personalized_pagerank import Digraph, move_table
    >>> walk_once(move_table(Digraph.from_arcs([0], [1]), 0.2), 0, 0, seed=2)
    [0, 1, 1]
    """
    walk = int(walk_ids(np.int64(source), np.int64(number)))
    record, clock, path = source, 0, []
    while record >= 0:
        path.append(record)
        record = _draw(table, record, walk, clock, seed)
        clock = clock + 1 if record >= table.n else ((clock >> LEVEL_BITS) + 1) << LEVEL_BITS
    return [*path, ~record]


def _draw(table: MoveTable, record: int, walk: int, clock: int, seed: int) -> int:
    """Return the outcome of one look-up."""
    if table.kind[record] != PLAIN:
        if uniform(seed, walk, 2 * clock) < table.alpha:
            return ~record
        if table.kind[record] == RETURN:
            return walk >> 32
    first, last = table.indptr[record], table.indptr[record + 1]
    spot = float(uniform(seed, walk, 2 * clock + 1)) * int(last - first)
    slot = first + int(spot)
    return int(table.own[slot] if spot - int(spot) < table.threshold[slot] else table.other[slot])


def monte_carlo(
    graph: Digraph, omega: int, alpha: float = 0.2, seed: int = 0
) -> tuple[NDArray[np.int64], Cost]:
    r"""Estimate by one batch of plain walks, vectorised over all of them; walks stop at dead ends.

    Each hop looks for the arc in the cumulative weights by bisection, so there is no table to
    build; all :math:`n\omega` walks are in memory from the first round.

    Parameters
    ----------
    graph : Digraph
    omega : int
        Walks for each source.
    alpha : float
        Stopping probability.
    seed : int
        Seed of the streams.

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


def power_iteration(
    graph: Digraph, source: int, alpha: float = 0.2, error: float = 1e-9, dangling: str = "stop"
) -> tuple[NDArray[np.float64], Cost]:
    r"""Compute one row, :math:`\pi_u`, by power iteration; for all sources it must be run n times.

    Parameters
    ----------
    graph : Digraph
    source : int
        Node :math:`u`.
    alpha : float
        Stopping probability.
    error : float
        Bound on the L1 error.
    dangling : {"stop", "source"}
        Convention at nodes without out-arcs.

    Returns
    -------
    row : ndarray of float64, shape (n,)
    cost : Cost
        ``work`` counts multiplications, ``span`` the sweeps.

    References
    ----------
    [page-1999-pagerank].
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
