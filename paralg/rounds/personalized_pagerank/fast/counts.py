r"""Where stopped walks are counted: in the partition of their *source*, a short row an open source.

A source is open from its first walk's start to its last walk's stop.
Its row holds :math:`\min(n, \omega)` small integers: a counter for each node, or, where the walks
are fewer than the nodes, simply the list of the nodes at which they stopped.
When the last walk has stopped the row is condensed to its best entries and reused, so no partition
ever holds :math:`n^2` numbers.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.fast.records import PLACE_BITS, MoveTable
from paralg.rounds.personalized_pagerank.fast.rows import SparseRows, best_of_counts

__all__ = ["Partition", "StopCounts", "count_stopped"]

_ENTRIES = 1 << 20  # entries condensed at a time


class StopCounts:
    """Counts of the sources ``index, index + partitions, ...``, row by row."""

    def __init__(self, n, omega, index=0, partitions=1, top=None, least=1):
        own = len(range(index, n, partitions))
        self.n, self.omega, self.top, self.least = n, omega, top, least
        self.index, self.partitions = index, partitions
        self.width = min(n, omega)
        self._batch = max(1, _ENTRIES // max(self.width, 1))
        self.slot = np.full(own, -1, dtype=np.int32)
        self.rows = np.zeros((0, self.width), dtype=np.int32)
        self.filled = np.zeros(0, dtype=np.int64)
        self.source_of = np.zeros(0, dtype=np.int64)
        self.free: list[int] = []
        self.open_rows = self.most_rows = 0
        self.finished: list[SparseRows] = []

    @property
    def nbytes(self) -> int:
        """Bytes of the rows, in use or free."""
        return self.rows.nbytes

    def open(self, sources: NDArray[np.int64]) -> None:
        """Give each of these sources a row, unless it has one."""
        local = sources // self.partitions
        local = local[self.slot[local] < 0]
        self._grow(len(local) - len(self.free))
        slots = [self.free.pop() for _ in range(len(local))]
        self.slot[local] = slots
        self.source_of[slots] = local
        self.open_rows += len(slots)
        self.most_rows = max(self.most_rows, self.open_rows)

    def count(self, walks: NDArray[np.int64]) -> None:
        """Count the stopped ones among these walks, and condense the sources that are
        complete."""
        _count(walks, self.slot, self.partitions, self.rows, self.filled, self.n <= self.omega)
        done = np.flatnonzero(self.filled == self.omega)
        for first in range(0, len(done), self._batch):
            self._condense(done[first : first + self._batch])

    def _grow(self, missing: int) -> None:
        """Add rows, at least a quarter of those there are."""
        if missing <= 0:
            return
        old = len(self.filled)
        more = min(max(missing, old // 4, 16), max(missing, len(self.slot) - old))
        self.rows = np.concatenate([self.rows, np.zeros((more, self.width), dtype=np.int32)])
        self.filled = np.concatenate([self.filled, np.zeros(more, dtype=np.int64)])
        self.source_of = np.concatenate([self.source_of, np.zeros(more, dtype=np.int64)])
        self.free.extend(range(old + more - 1, old - 1, -1))

    def _condense(self, slots: NDArray[np.int64]) -> None:
        """Turn complete rows into their best entries, and free them."""
        local = self.source_of[slots]
        order = np.argsort(local)
        slots, local = slots[order], local[order]
        kept = best_of_counts(self.rows, slots, self.n, self.omega, self.top, self.least)
        self.finished.append(SparseRows(local * self.partitions + self.index, *kept))
        self.rows[slots] = 0
        self.filled[slots] = 0
        self.slot[local] = -2
        self.free.extend(slots.tolist())
        self.open_rows -= len(slots)

    def collect(self) -> list[SparseRows]:
        """Return the sources finished since the last call, and forget them."""
        finished, self.finished = self.finished, []
        return finished


@numba.njit(cache=True, nogil=True)
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


class Partition:
    """State of one partition, changed in place: its records, counts of its sources, its walks."""

    def __init__(self, shard: MoveTable, root: np.uint64, descend: bool, counts: StopCounts):
        self.shard, self.counts, self.root, self.descend = shard, counts, root, descend
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
        return np.array([self.live, self.joins, self.sent, counts.open_rows, counts.nbytes])

    def count_stopped(self, inbox: list) -> Partition:
        """Count the walks that stopped in the last round."""
        self.counts.count(np.concatenate(inbox))
        return self

    def finished_rows(self) -> list[SparseRows]:
        """Return the rows of the complete sources."""
        return self.counts.collect()


def count_stopped(part: Partition, inbox: list) -> Partition:
    """Count the walks that stopped in the last round."""
    return part.count_stopped(inbox)
