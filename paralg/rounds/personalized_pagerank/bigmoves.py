r"""Big moves: one draw carries a walk from a small node over several hops.

The walk tree under a node is expanded level by level while its outcomes fit into one record.
Nodes at which the expansion has ended, large ones among them, stay as *alive* outcomes, so the exit
from the tree is a stopping time and the strong Markov property keeps the law of the final stop.
"""

from __future__ import annotations

import numba
import numpy as np

from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.records import PLAIN, Records, replace_rows

__all__ = ["big_moves"]

_BLOCK_SLOTS = 1 << 22  # 48 MB of outcomes and shares at a time


def big_moves(records: Records, graph: Digraph, alpha: float, largest: int, hops: int) -> Records:
    r"""Replace the record of each small node by its walk tree, expanded as far as it fits.

    A level turns the mass :math:`p` that is alive at a small node :math:`y` into :math:`\alpha p`
    stopped at :math:`y` and :math:`(1 - \alpha)\, p\, P(y, z)` alive at each :math:`z`.

    Parameters
    ----------
    records : Records
        Single hops, as `hop_records` gives them.
    graph : Digraph
    alpha : float
        Stopping probability.
    largest : int
        Bound :math:`B` on the outcomes; a node with more than ``largest`` arcs counts as large.
    hops : int
        Levels at most.

    Returns
    -------
    Records
        Same numbers; ``hops[u]`` says how many levels node ``u`` got (a record that does not even
        fit one level keeps its coin and single hops).

    Cost
    ----
    For each node and level the arcs of the small nodes among at most ``largest`` outcomes.

    References
    ----------
    [lin-2019-distributed] for the idea, short walks of small nodes computed beforehand; the
    internals are ours.
    """
    parts = list(_blocks(records, graph, alpha, largest, hops))
    if not parts:
        return records
    sizes, levels, outcome, shares = map(np.concatenate, zip(*parts, strict=True))
    wide = levels > 0
    merged = replace_rows(records, np.flatnonzero(wide), sizes[wide], outcome, shares)
    return merged._replace(
        kind=np.where(wide, np.uint8(PLAIN), records.kind),
        hops=np.maximum(levels, 1).astype(np.uint8),
    )


def _blocks(records, graph, alpha, largest, hops):
    """Yield sizes, levels, outcomes and shares of consecutive blocks of nodes."""
    degree = graph.out_degree
    small = (degree <= largest) & ((degree > 0) | (records.kind == PLAIN))
    arcs = (graph.indptr, graph.targets, graph.shares, small)
    masses = tuple(np.zeros(graph.n) for _ in range(3))
    lists = tuple(np.empty(graph.n, dtype=np.int64) for _ in range(3))
    block = max(1, min(graph.n, _BLOCK_SLOTS // largest))
    for first in range(0, graph.n, block):
        last = min(first + block, graph.n)
        sizes, levels = np.zeros(last - first, np.int64), np.zeros(last - first, np.int64)
        outcome = np.empty((last - first) * largest, dtype=np.int32)
        shares = np.empty((last - first) * largest)
        filled = _expand_block(
            first, arcs, alpha, largest, hops, masses, lists, sizes, levels, outcome, shares
        )
        yield sizes, levels, outcome[:filled].copy(), shares[:filled].copy()


@numba.njit(cache=True)
def _expand_block(first, arcs, alpha, largest, hops, masses, lists, sizes, levels, outcome, shares):
    """Expand each small node of the block; return the number of slots written."""
    alive, _, stopped = masses
    here, _, ends = lists
    small = arcs[3]
    filled = 0
    for k in range(len(sizes)):
        if not small[first + k]:
            continue
        alive[first + k] = 1.0
        here[0] = first + k
        count, stops = 1, 0
        for level in range(1, hops + 1):
            if not _any_small(small, here, count):
                break
            count, stops = _one_level(arcs, alpha, largest, masses, lists, count, stops)
            if count + stops > largest:
                break
            levels[k] = level
            sizes[k] = count + stops
            _write(filled, alive, here, count, stopped, ends, stops, outcome, shares)
        _clear(alive, here, count)
        _clear(stopped, ends, stops)
        filled += sizes[k]
    return filled


@numba.njit(cache=True)
def _any_small(small, here, count):
    for i in range(count):  # noqa: SIM110 (compiled)
        if small[here[i]]:
            return True
    return False


@numba.njit(cache=True)
def _one_level(arcs, alpha, largest, masses, lists, count, stops):
    """Expand every small node on the frontier; stop early once the outcomes are too many."""
    indptr, targets, chance, small = arcs
    alive, ahead, stopped = masses
    here, there, ends = lists
    news = 0
    for i in range(count):
        y = here[i]
        mass, alive[y] = alive[y], 0.0
        if news + stops > largest:
            continue
        if not small[y]:
            news = _add(ahead, there, news, y, mass)
            continue
        degree = indptr[y + 1] - indptr[y]
        stops = _add(stopped, ends, stops, y, mass if degree == 0 else alpha * mass)
        for arc in range(indptr[y], indptr[y + 1]):
            news = _add(ahead, there, news, targets[arc], (1.0 - alpha) * mass * chance[arc])
    for i in range(news):
        y = there[i]
        here[i] = y
        alive[y], ahead[y] = ahead[y], 0.0
    return news, stops


@numba.njit(cache=True)
def _add(masses, nodes, count, node, mass):
    """Add mass at a node, list the node when it is new, and return the length of the list."""
    if mass > 0.0:
        if masses[node] == 0.0:
            nodes[count] = node
            count += 1
        masses[node] += mass
    return count


@numba.njit(cache=True)
def _write(at, alive, here, count, stopped, ends, stops, outcome, shares):
    """Write the record: first the outcomes that go on, then those that stop."""
    for i in range(count):
        outcome[at + i], shares[at + i] = here[i], alive[here[i]]
    for i in range(stops):
        outcome[at + count + i], shares[at + count + i] = ~ends[i], stopped[ends[i]]


@numba.njit(cache=True)
def _clear(masses, nodes, count):
    for i in range(count):
        masses[nodes[i]] = 0.0
