r"""Power iteration for a block of sources at a time, the exact method of the command.

Every step is that of `power_iteration`, with the values of up to 64 sources side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.rounds.personalized_pagerank.fast.records import joined
from paralg.rounds.personalized_pagerank.fast.rows import SparseRows, best_of_scores, merge_rows
from paralg.rounds.personalized_pagerank.graph import Digraph, check_dangling
from paralg.rounds.personalized_pagerank.theory import sweeps_needed
from paralg.rounds.personalized_pagerank.variants import with_loops

__all__ = ["BLOCK", "ExactResult", "blocked_power_iteration"]

BLOCK = 64
"""Sources of one block: 512 bytes of a node's values, eight cache lines."""


@dataclass(frozen=True)
class ExactResult:
    """Result of the blocked power iteration."""

    scores: SparseRows
    sweeps: int
    error: float
    cost: Cost


def blocked_power_iteration(
    graph: Digraph,
    alpha: float = 0.2,
    *,
    error: float = 1e-9,
    dangling: str = "stop",
    sources: range | None = None,
    top: int | None = None,
    least: float = 0.0,
    block: int = BLOCK,
    engine: Engine | None = None,
) -> ExactResult:
    r"""Iterate :math:`F_u` for many sources at once, one sweep over the arcs for a block of them.

    Parameters
    ----------
    graph : Digraph
    alpha : float, stopping probability
    error : float, bound on the L1 error of each row
    dangling : {"stop", "source"}
        Convention at nodes without out-arcs.
    sources : range, optional, consecutive sources; all by default
    top : int, optional
        Keep the best entries of each source; all, in the order of nodes, by default.
    least : float, drop smaller entries
    block : int, sources of one block; the result does not depend on it beyond the error bound
    engine : Engine, optional
        Where the blocks run; this process by default. Blocks are independent.

    Cost
    ----
    Work :math:`m` for each source and sweep, at most `sweeps_needed` of them; memory
    :math:`2 n \cdot` ``block`` numbers for each worker, beside the arcs.

    Examples
    --------
    >>> graph = Digraph.from_arcs([0, 1, 2], [1, 2, 0])
    >>> result = blocked_power_iteration(graph, 0.5, error=1e-12)
    >>> result.scores.row(0)[1].round(6)
    array([0.571429, 0.285714, 0.142857])
    """
    sources = _check(graph, alpha, error, dangling, sources, block)
    engine = connect("serial") if engine is None else engine
    arcs = _reversed_arcs(with_loops(graph, dangling))
    starts = range(sources.start, sources.stop, block)
    parts = engine.scatter([list(starts)[i :: engine.workers] for i in range(engine.workers)])
    solved = engine.map(
        _solve_blocks, parts,
        arcs=arcs, stop=sources.stop, block=block, alpha=alpha, error=error, top=top, least=least,
    )  # fmt: skip
    results = [result for share in engine.gather(solved) for result in share]
    sweeps = [count for _, count in results]
    work = sum(sweeps) * block * len(arcs[1])
    cost = Cost(work=work, span=max(sweeps, default=0))
    return ExactResult(merge_rows(rows for rows, _ in results), max(sweeps, default=0), error, cost)


def _check(graph, alpha, error, dangling, sources, block) -> range:
    sweeps_needed(alpha, error)
    check_dangling(dangling)
    if block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    sources = range(graph.n) if sources is None else sources
    if sources.step != 1 or sources.start < 0 or sources.stop > graph.n:
        raise ValueError(f"sources must be a range of 0..{graph.n - 1} of step 1, got {sources}")
    return sources


def _reversed_arcs(graph: Digraph):
    """Return the arcs by head: index, tails, and transition probabilities."""
    order = np.argsort(graph.targets, kind="stable")
    indptr = joined(np.bincount(graph.targets, minlength=graph.n))
    return indptr, graph.tails[order].astype(np.int32), graph.shares[order]


def _solve_blocks(firsts, *, arcs, stop, block, alpha, error, top, least):
    """Solve the blocks that begin at these sources; return rows and sweeps of each."""
    n = len(arcs[0]) - 1
    now, new = np.zeros((n, block)), np.empty((n, block))
    solved = []
    for first in firsts:
        sources = np.arange(first, min(first + block, stop))
        sweeps, now, new = _iterate(arcs, alpha, error, sources, now, new)
        scores = now[:, : len(sources)].T.copy()  # a block of one would share memory with `now`
        solved.append((best_of_scores(scores, sources, top, least), sweeps))
    return solved


def _iterate(arcs, alpha, error, sources, now, new):
    """Sweep until the step is small or the worst case is over; return sweeps and both arrays."""
    now.fill(0.0)
    now[sources, np.arange(len(sources))] = 1.0
    most, target = sweeps_needed(alpha, error), error * alpha / max(1.0 - alpha, 1e-300)
    for sweep in range(1, most + 1):
        _sweep(*arcs, 1.0 - alpha, now, new)
        step = _send_back(sources, now, new)
        now, new = new, now
        if step <= target:
            return sweep, now, new
    return most, now, new


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def _sweep(indptr, tails, shares, keep, now, new):
    """Compute ``new = keep * now P``, node by node, all lanes of a node together."""
    lanes = now.shape[1]
    for v in range(len(indptr) - 1):
        for s in range(lanes):
            new[v, s] = 0.0
        for arc in range(indptr[v], indptr[v + 1]):
            share, u = keep * shares[arc], tails[arc]
            for s in range(lanes):
                new[v, s] += share * now[u, s]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _send_back(sources, now, new):
    """Give each lane's source the mass that the sweep lost; return the largest L1 step."""
    lanes = now.shape[1]
    held, step = np.zeros(lanes), np.zeros(lanes)
    for v in range(len(now)):
        for s in range(lanes):
            held[s] += new[v, s]
            step[s] += abs(new[v, s] - now[v, s])
    for s in range(len(sources)):
        u, before = sources[s], new[sources[s], s]
        new[u, s] += 1.0 - held[s]
        step[s] += abs(new[u, s] - now[u, s]) - abs(before - now[u, s])
    return step[: len(sources)].max()
