r"""Exact values: a dense solve, and power iteration for a block of sources at a time.

With the arc-less nodes handled by convention, :math:`\pi_u` is the fixed point of

.. math:: F_u(y) = (1 - \alpha)\, y P + \bigl(1 - (1 - \alpha)\, \|y P\|_1\bigr)\, e_u ,

"all mass that the step loses goes back to the source"; each step shrinks the L1 error by
:math:`1 - \alpha`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.rounds.personalized_pagerank.graph import Digraph, check_alpha, check_dangling
from paralg.rounds.personalized_pagerank.ranking import Rows, best_of_scores, merge_rows
from paralg.rounds.personalized_pagerank.records import joined

__all__ = [
    "BLOCK", "ExactRows", "blocked_power_iteration", "dense_solve", "sweeps_needed", "with_loops",
]  # fmt: skip

BLOCK = 64
"""Sources of one block: 512 bytes of a node's values, eight cache lines."""


@dataclass(frozen=True)
class ExactRows:
    """Result of the blocked power iteration.

    Parameters
    ----------
    scores : Rows
        Best values of each source.
    sweeps : int
        Largest number of sweeps that a block needed.
    error : float
        Bound on the L1 error of every row.
    cost : Cost
        ``work`` counts multiplications of an arc with a value, ``span`` the sweeps.
    """

    scores: Rows
    sweeps: int
    error: float
    cost: Cost


def dense_solve(graph: Digraph, alpha: float = 0.2, dangling: str = "stop") -> NDArray[np.float64]:
    r"""Return all :math:`n^2` values by one dense solve, the oracle of every other method.

    .. math:: \Pi = \alpha\,(I - (1 - \alpha) P)^{-1}

    Parameters
    ----------
    graph : Digraph
    alpha : float
        Stopping probability.
    dangling : {"stop", "source"}
        ``"stop"`` turns a node without arcs into a loop; ``"source"`` normalises each row, which is
        the same as sending the walk back to where it came from.

    Returns
    -------
    ndarray of float64, shape (n, n)
        Row ``u`` sums to 1.

    Cost
    ----
    Work :math:`O(n^3)`; memory three arrays of :math:`n^2`.

    Notes
    -----
    With :math:`N = (I - (1-\alpha)P)^{-1}` and :math:`d` the indicator of nodes without arcs, the
    walk that jumps back has the matrix :math:`P + d e_u^\top`; Sherman and Morrison give row
    :math:`u` as :math:`e_u^\top N` over a number, so normalising is all there is to do.

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


def sweeps_needed(alpha: float, error: float) -> int:
    r"""Return the sweeps after which the L1 error is surely below ``error``.

    :math:`\lceil \log_{1/(1-\alpha)} (2/\text{error}) \rceil`, since two
    distributions differ by at most 2.

    Examples
    --------
    >>> sweeps_needed(0.2, 1e-6)
    66
    """
    if not 0.0 < error < math.inf:
        raise ValueError(f"error must be positive, got {error!r}")
    if check_alpha(alpha) == 1.0 or error >= 2.0:
        return 1
    return max(1, math.ceil(math.log(2.0 / error) / -math.log1p(-alpha)))


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
) -> ExactRows:
    r"""Iterate :math:`F_u` for many sources at once, one sweep over the arcs for a block of them.

    Parameters
    ----------
    graph : Digraph
    alpha : float
        Stopping probability.
    error : float
        Bound on the L1 error of each row.
    dangling : {"stop", "source"}
        Convention at nodes without out-arcs.
    sources : range, optional
        Consecutive sources; all by default.
    top : int, optional
        Keep the best entries of each source; all, in the order of nodes, by default.
    least : float
        Drop smaller entries.
    block : int
        Sources of one block; the result does not depend on it beyond the error bound.
    engine : Engine, optional
        Where the blocks run; this process by default. Blocks are independent.

    Returns
    -------
    ExactRows

    Raises
    ------
    ValueError
        ``alpha``, ``error``, ``block`` or ``sources`` is out of range.
    EngineError
        The engine failed.

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
    return ExactRows(merge_rows(rows for rows, _ in results), max(sweeps, default=0), error, cost)


def _check(graph, alpha, error, dangling, sources, block) -> range:
    sweeps_needed(alpha, error)
    check_dangling(dangling)
    if block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    sources = range(graph.n) if sources is None else sources
    if sources.step != 1 or sources.start < 0 or sources.stop > graph.n:
        raise ValueError(f"sources must be a range of 0..{graph.n - 1} of step 1, got {sources}")
    return sources


def with_loops(graph: Digraph, dangling: str) -> Digraph:
    """Return the graph with a loop at each arc-less node, unless walks jump back from there."""
    check_dangling(dangling)
    ends = np.flatnonzero(graph.dangling)
    if dangling == "source" or not len(ends):
        return graph
    tails, heads = (np.concatenate([side, ends]) for side in (graph.tails, graph.targets))
    return Digraph.from_arcs(tails, heads, np.append(graph.weights, np.ones(len(ends))), n=graph.n)


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
