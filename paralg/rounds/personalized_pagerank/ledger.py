r"""Where stopped walks are counted: at the home of their *source*, one short row for each open
source.

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

from paralg.rounds.personalized_pagerank.ranking import Rows, best_of_counts

__all__ = ["Ledger"]

_SHIFT = 32
_ENTRIES = 1 << 20  # entries condensed at a time


class Ledger:
    """Counts of the sources ``index, index + partitions, ...``, row by row.

    Parameters
    ----------
    n : int
        Nodes of the graph.
    omega : int
        Walks for each source.
    index, partitions : int
        The partition and how many there are.
    top : int, optional
        Entries that are kept of each source; all by default.
    least : int
        Entries of fewer stops are dropped.

    Attributes
    ----------
    open_rows : int
        Rows in use.
    most_rows : int
        Largest number of rows that were in use at once.
    """

    def __init__(self, n, omega, index=0, partitions=1, top=None, least=1):
        own = len(range(index, n, partitions))
        self.n, self.omega, self.top, self.least = n, omega, top, least
        self.index, self.partitions = index, partitions
        self.width = min(n, omega)
        self._batch = max(1, _ENTRIES // max(self.width, 1))
        self.slot = np.full(own, -1, dtype=np.int32)
        self.rows = np.zeros((0, self.width), dtype=np.int32)
        self.filled = np.zeros(0, dtype=np.int64)
        self.tenant = np.zeros(0, dtype=np.int64)
        self.free: list[int] = []
        self.open_rows = self.most_rows = 0
        self.finished: list[Rows] = []

    @property
    def nbytes(self) -> int:
        """Bytes of the rows, in use or free."""
        return self.rows.nbytes

    def open(self, sources: NDArray[np.int64]) -> None:
        """Give each of these sources a row, unless it has one.

        Parameters
        ----------
        sources : ndarray of int64
            Sources of this partition, each once.
        """
        local = sources // self.partitions
        local = local[self.slot[local] < 0]
        self._grow(len(local) - len(self.free))
        slots = [self.free.pop() for _ in range(len(local))]
        self.slot[local] = slots
        self.tenant[slots] = local
        self.open_rows += len(slots)
        self.most_rows = max(self.most_rows, self.open_rows)

    def count(self, walks: NDArray[np.int64]) -> None:
        """Count the stopped ones among these walks, and condense the sources that are complete.

        Parameters
        ----------
        walks : ndarray of int64, shape (k, 2)
            Identity and place; live ones are passed over.
        """
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
        self.tenant = np.concatenate([self.tenant, np.zeros(more, dtype=np.int64)])
        self.free.extend(range(old + more - 1, old - 1, -1))

    def _condense(self, slots: NDArray[np.int64]) -> None:
        """Turn complete rows into their best entries, and free them."""
        local = self.tenant[slots]
        order = np.argsort(local)
        slots, local = slots[order], local[order]
        kept = best_of_counts(self.rows, slots, self.n, self.omega, self.top, self.least)
        self.finished.append(Rows(local * self.partitions + self.index, *kept))
        self.rows[slots] = 0
        self.filled[slots] = 0
        self.slot[local] = -2
        self.free.extend(slots.tolist())
        self.open_rows -= len(slots)

    def collect(self) -> list[Rows]:
        """Return the sources finished since the last call, and forget them."""
        finished, self.finished = self.finished, []
        return finished


@numba.njit(cache=True, nogil=True)
def _count(walks, slot, partitions, rows, filled, dense):
    for k in range(len(walks)):
        place = walks[k, 1]
        if place >= 0:
            continue
        row = slot[(walks[k, 0] >> _SHIFT) // partitions]
        if dense:
            rows[row, ~place] += 1
        else:
            rows[row, filled[row]] = ~place
        filled[row] += 1
