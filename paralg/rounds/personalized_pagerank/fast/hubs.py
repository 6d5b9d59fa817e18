r"""Records of bounded size: alias trees for hubs, big moves for small nodes.

A hub's record is cut into pieces of at most :math:`B` outcomes under a small root: *virtual*
records after those of the nodes. Shares along a path telescope to :math:`w_e / \sum w`.
A big move expands the walk tree under a node level by level while its outcomes fit one record:
mass :math:`p` alive at a small node :math:`y` becomes :math:`\alpha p` stopped at :math:`y` and
:math:`(1 - \alpha)\, p\, P(y, z)` alive at each :math:`z`. The exit from the tree is a stopping
time, so the distribution of the final stop is kept. Both ideas are those of
[lin-2019-distributed]; the internals are ours.
"""

import numpy as np

from paralg.core.checks import integer
from paralg.core.ragged import joined, stretches
from paralg.rounds.personalized_pagerank.fast.records import PLAIN, HopRecords, replace_rows
from paralg.simd.cache import compiled

__all__ = ["big_moves", "split_records"]

_BLOCK_SLOTS = 1 << 22  # 48 MB of outcomes and shares at a time


def split_records(records: HopRecords, largest: int) -> HopRecords:
    """Cut every record of more than ``largest`` outcomes into a tree of records that fit."""
    integer("largest", largest, 2)
    while (np.diff(records.indptr) > largest).any():
        records = _cut_once(records, largest)
    return records


def _cut_once(records: HopRecords, largest: int) -> HopRecords:
    """Replace each record that is too large by a list of its pieces, one level of every tree."""
    sizes = np.diff(records.indptr)
    hubs = np.flatnonzero(sizes > largest)
    pieces = -(-sizes[hubs] // largest)
    cuts = _cut_sizes(sizes[hubs], pieces)
    slots = stretches(records.indptr, hubs)
    mass = np.add.reduceat(records.shares[slots], joined(cuts)[:-1])
    numbers = len(sizes) + np.arange(len(cuts))
    roots = replace_rows(records, hubs, pieces, numbers, mass)
    shares = records.shares[slots] / np.repeat(mass, cuts)
    return HopRecords(
        np.concatenate([roots.indptr, roots.indptr[-1] + joined(cuts)[1:]]),
        np.append(roots.outcome, records.outcome[slots]),
        np.append(roots.shares, shares),
        np.append(roots.kind, np.full(len(cuts), PLAIN, dtype=np.uint8)),
        np.append(roots.hops, np.zeros(len(cuts), dtype=np.uint8)),
    )


def _cut_sizes(sizes, pieces):
    """Return the sizes of the pieces, as even as possible: ``sizes[k]`` into ``pieces[k]``."""
    piece = np.arange(pieces.sum()) - np.repeat(joined(pieces)[:-1], pieces)
    size, count = np.repeat(sizes, pieces), np.repeat(pieces, pieces)
    return size * (piece + 1) // count - size * piece // count


def big_moves(records: HopRecords, graph, alpha: float, largest: int, hops: int) -> HopRecords:
    """Replace the record of each small node by its walk tree, expanded as far as it fits."""
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


@compiled
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
            if not small[here[:count]].any():
                break
            count, stops = _one_level(arcs, alpha, largest, masses, lists, count, stops)
            if count + stops > largest:
                break
            levels[k] = level
            sizes[k] = count + stops
            on, end = filled + count, filled + count + stops  # first what goes on, then what stops
            outcome[filled:on], shares[filled:on] = here[:count], alive[here[:count]]
            outcome[on:end], shares[on:end] = ~ends[:stops], stopped[ends[:stops]]
        alive[here[:count]] = 0.0
        stopped[ends[:stops]] = 0.0
        filled += sizes[k]
    return filled


@compiled
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


@compiled
def _add(masses, nodes, count, node, mass):
    """Add mass at a node, list the node when it is new, and return the length of the list."""
    if mass > 0.0:
        if masses[node] == 0.0:
            nodes[count] = node
            count += 1
        masses[node] += mass
    return count
