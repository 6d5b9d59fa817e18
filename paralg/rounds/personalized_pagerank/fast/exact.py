"""Power iteration for blocks of sources, the exact method of the command [page-1999-pagerank]."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.core.checks import integer
from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.core.ragged import SparseRows, best_of_scores, merge_rows
from paralg.rounds.personalized_pagerank.fast.checks import check_kept, check_sources
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.theory import sweeps_needed
from paralg.rounds.personalized_pagerank.variants import with_loops
from paralg.simd.cache import compiled

__all__ = ["BLOCK", "ExactResult", "blocked_power_iteration"]

BLOCK = 64  # sources: 512 bytes of a node's values, eight cache lines


@dataclass(frozen=True)
class ExactResult:
    """Result of the blocked power iteration."""

    scores: SparseRows
    sweeps: int
    error: float
    cost: Cost


def blocked_power_iteration(
    graph: Digraph, alpha: float = 0.2, *, error: float = 1e-9, dangling: str = "stop",
    sources: range | None = None, top: int | None = None, least: float = 0.0, block: int = BLOCK,
    engine: Engine | None = None,
) -> ExactResult:  # fmt: skip
    r"""Iterate for many sources at once, one sweep over the arcs for a block of them.

    :math:`\pi_u` is the fixed point of :math:`(1 - \alpha)\, y P + \text{lost}(y)\, e_u`: all mass
    that a step loses goes back to the source. Each step shrinks the L1 error by :math:`1 - \alpha`.

    Parameters
    ----------
    graph, alpha, dangling
        As in `move_table`.
    error : float, bound on the L1 error of each row; no less than rounding makes of it
    least : float, drop smaller entries
    sources, top, engine
        As in `random_walks`; blocks are independent.
    block : int, sources of one block; the result does not depend on it beyond the error bound

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
    integer("block", block, 1)
    check_kept(top, least)
    arcs, most = _reversed_arcs(with_loops(graph, dangling)), sweeps_needed(alpha, error)
    checks.number("error", error, np.finfo(float).eps / 2 / alpha)  # no less than rounding makes
    sources = check_sources(graph.n, sources)
    engine = connect("serial") if engine is None else engine
    starts = range(sources.start, sources.stop, block)
    parts = engine.scatter([list(starts)[i :: engine.workers] for i in range(engine.workers)])
    solved = engine.map(
        _solve_blocks, parts,
        arcs=arcs, stop=sources.stop, block=block, alpha=alpha, error=error, most=most, top=top,
        least=least,
    )  # fmt: skip
    results = [result for share in engine.gather(solved) for result in share]
    sweeps = [count for _, count in results]
    longest = max(sweeps, default=0)
    cost = Cost(work=sum(sweeps) * block * len(arcs[1]), span=longest)
    return ExactResult(merge_rows(rows for rows, _ in results), longest, error, cost)


def _reversed_arcs(graph: Digraph):
    """Return the arcs by head: index, tails, and transition probabilities."""
    back = graph.transition().T.tocsr()
    return back.indptr.astype(np.int64), back.indices.astype(np.int32), back.data


def _solve_blocks(firsts, *, arcs, stop, block, alpha, error, most, top, least):
    """Solve the blocks that begin at these sources; return rows and sweeps of each."""
    n, solved = len(arcs[0]) - 1, []
    now, new = np.zeros((n, block)), np.empty((n, block))
    target = error * alpha / max(1.0 - alpha, 1e-300)
    for first in firsts:
        sources = np.arange(first, min(first + block, stop))
        now.fill(0.0)
        now[sources, np.arange(len(sources))] = 1.0
        sweeps, step = 0, np.inf
        while sweeps < most and step > target:
            _sweep(*arcs, 1.0 - alpha, now, new)
            step = _send_back(sources, now, new)
            now, new, sweeps = new, now, sweeps + 1
        scores = now[:, : len(sources)].T.copy()  # a block of one would share memory with `now`
        solved.append((best_of_scores(scores, sources, top, least), sweeps))
    return solved


@compiled(error_model="numpy", fastmath={"contract"})
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


@compiled(error_model="numpy")
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
