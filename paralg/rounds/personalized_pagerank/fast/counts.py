r"""Where stopped walks are counted: in the partition of their *source*, a short row an open source.

A source is open from its first walk's start to its last walk's stop. Its row holds
:math:`\min(n, \omega)` small integers, counters or a list of nodes; then it is used again.
"""

import numpy as np
from numpy.typing import NDArray

from paralg.core.ragged import SparseRows, joined
from paralg.core.random import derive
from paralg.rounds.personalized_pagerank.fast.records import PLACE_BITS, MoveTable
from paralg.simd.cache import compiled

__all__ = ["Partition", "StopCounts", "finish"]

_ENTRIES = 1 << 20  # entries condensed at a time


class StopCounts:
    """Counts of the sources ``index, index + partitions, ...``, row by row."""

    def __init__(self, n, omega, index=0, partitions=1, top=None, least=1):
        self.n, self.omega, self.top, self.least = n, omega, top, least
        self.index, self.partitions = index, partitions
        self.slot = np.full(len(range(index, n, partitions)), -1, dtype=np.int32)
        self.rows = np.zeros((0, min(n, omega)), dtype=np.int32)
        self.filled = np.zeros(0, dtype=np.int64)
        self.source_of = np.zeros(0, dtype=np.int64)
        self.free: list[int] = []
        self.open_rows = 0
        self.finished: list[SparseRows] = []

    def open(self, walks: NDArray[np.int64]) -> None:
        """Give the source of each of these walks a row, unless it has one."""
        sources = walks[:, 0] >> PLACE_BITS  # neighbours are often equal
        local = np.unique(sources[np.diff(sources, prepend=-1) != 0]) // self.partitions
        local = local[self.slot[local] < 0]
        self._grow(len(local) - len(self.free))
        slots = [self.free.pop() for _ in range(len(local))]
        self.slot[local] = slots
        self.source_of[slots] = local
        self.open_rows += len(slots)

    def count(self, walks: NDArray[np.int64]) -> None:
        """Count the stopped ones among these walks, and condense complete sources."""
        _count(walks, self.slot, self.partitions, self.rows, self.filled, self.n <= self.omega)
        done = np.flatnonzero(self.filled == self.omega)
        batch = max(1, _ENTRIES // max(self.rows.shape[1], 1))
        for first in range(0, len(done), batch):
            self._condense(done[first : first + batch])

    def _grow(self, missing: int) -> None:
        """Add rows, at least a quarter of those there are."""
        if missing <= 0:
            return
        old = len(self.filled)
        more = min(max(missing, old // 4, 16), max(missing, len(self.slot) - old))
        for name in ("rows", "filled", "source_of"):
            now = getattr(self, name)
            added = np.zeros((more, *now.shape[1:]), dtype=now.dtype)
            setattr(self, name, np.concatenate([now, added]))
        self.free.extend(range(old + more - 1, old - 1, -1))

    def _condense(self, slots: NDArray[np.int64]) -> None:
        """Turn complete rows into their best entries, and free them."""
        slots = slots[np.argsort(self.source_of[slots])]
        local = self.source_of[slots]
        kept = _best(self.rows, slots, self.n, self.omega, self.top, self.least)
        self.finished.append(SparseRows(local * self.partitions + self.index, *kept))
        self.rows[slots] = 0
        self.filled[slots] = 0
        self.slot[local] = -2
        self.free.extend(slots.tolist())
        self.open_rows -= len(slots)


@compiled
def _count(walks, slot, partitions, rows, filled, dense):
    for k in range(len(walks)):
        place = walks[k, 1]
        if place >= 0:
            continue
        row = slot[(walks[k, 0] >> PLACE_BITS) // partitions]
        if dense:
            rows[row, ~place] += 1
        else:
            rows[row, filled[row]] = ~place
        filled[row] += 1


def _best(rows, slots, n, omega, top, least):
    """Return index, nodes and counts of complete rows: in the order of nodes, or the ``top``."""
    room = min(n, omega) if top is None else min(n, omega, top)
    sizes = np.zeros(len(slots), dtype=np.int64)
    nodes, counts = (np.empty((len(slots), room), dtype=np.int64) for _ in range(2))
    ranked = top is not None
    _read(rows, slots, n <= omega, n, omega, ranked, room, max(least, 1), sizes, nodes, counts)
    keep = np.arange(room) < sizes[:, None]
    return joined(sizes), nodes[keep], counts[keep]


@compiled
def _read(rows, slots, dense, n, omega, ranked, room, least, sizes, nodes, counts):
    """Condense each row: count, drop the small ones, sort by (count down, node up), cut."""
    counter = np.zeros(n, dtype=np.int32)
    keys = np.empty(min(n, omega), dtype=np.int64)
    for k in range(len(slots)):
        row = rows[slots[k]]
        if not dense:
            for node in row:
                counter[node] += 1
        found = _keys(row, counter, dense, n, omega, ranked, least, keys)
        best = np.sort(keys[:found])[:room] if ranked or not dense else keys[:found]
        sizes[k] = len(best)
        for i in range(len(best)):
            nodes[k, i] = best[i] % n if ranked else best[i] // omega
            counts[k, i] = omega - best[i] // n if ranked else best[i] % omega + 1


@compiled
def _keys(row, counter, dense, n, omega, ranked, least, keys):
    """Write a key for each node with enough stops, zero the counter, and return how many."""
    found = 0
    for k in range(len(row)):
        node = k if dense else row[k]
        count = row[k] if dense else counter[node]
        counter[node] = 0
        if count >= least:
            keys[found] = (omega - count) * n + node if ranked else node * omega + count - 1
            found += 1
    return found


class Partition:
    """State of one partition, changed in place: its records, counts of its sources, its walks."""

    def __init__(self, table: MoveTable, seed: int, index, partitions, counts=None, descend=True):
        self.shard, self.root = table.shard(index, partitions), derive(seed)[()]
        self.index, self.partitions = index, partitions
        self.counts, self.descend = counts, descend
        self.blocks: list[NDArray[np.int64]] = []
        self.live = self.joins = self.sent = 0

    def empty_inbox(self) -> list[NDArray[np.int64]]:
        """Return the inbox of the first round."""
        return [np.zeros((0, 2), dtype=np.int64)]

    def take_blocks(self) -> list[NDArray[np.int64]]:
        """Return the walks that leave, one block for each partition."""
        blocks, self.blocks = self.blocks, []
        return blocks

    def round_counts(self) -> NDArray[np.int64]:
        """Return live walks, look-ups, records sent, and open rows with their bytes."""
        counts = self.counts
        return np.array([self.live, self.joins, self.sent, counts.open_rows, counts.rows.nbytes])

    def finished(self, inbox: list) -> list[SparseRows]:
        """Count the walks that stopped in the last round and return the rows of all sources."""
        self.counts.count(np.concatenate(inbox))
        return self.counts.finished


def finish(part: Partition, inbox: list):
    """Return what a partition has counted, its last walks included."""
    return part.finished(inbox)
