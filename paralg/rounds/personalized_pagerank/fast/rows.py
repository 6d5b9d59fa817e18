"""Sparse rows of the result: the best entries of each source, never all :math:`n^2` of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.fast.records import joined, stretches

__all__ = ["SparseRows", "best_of_counts", "best_of_entries", "best_of_scores", "merge_rows"]


class SparseRows(NamedTuple):
    """Some entries of some rows, in compressed form.

    Parameters
    ----------
    sources : ndarray of int64, shape (k,), row numbers
    indptr : ndarray of int64, shape (k + 1,), entries of each row
    nodes : ndarray of int64, shape (e,)
        Columns; within a row best first, smaller number first among equals, or in the order of
        their numbers where whole rows were asked for.
    values : ndarray, shape (e,), counts (int64) or probabilities (float64)
    """

    sources: NDArray[np.int64]
    indptr: NDArray[np.int64]
    nodes: NDArray[np.int64]
    values: NDArray

    @classmethod
    def none(cls, dtype=np.int64) -> SparseRows:
        """Return no rows at all."""
        zero = np.zeros(0, dtype=np.int64)
        return cls(zero, np.zeros(1, dtype=np.int64), zero, np.zeros(0, dtype=dtype))

    def row(self, k: int) -> tuple[NDArray[np.int64], NDArray]:
        """Return columns and values of the ``k``-th of the rows."""
        part = slice(self.indptr[k], self.indptr[k + 1])
        return self.nodes[part], self.values[part]

    def to_csr(self, n: int):
        """Return a ``scipy.sparse.csr_array`` of shape (n, n) with these entries."""
        from scipy.sparse import coo_array

        tails = np.repeat(self.sources, np.diff(self.indptr))
        return coo_array((self.values, (tails, self.nodes)), shape=(n, n)).tocsr()


def merge_rows(parts: Iterable[SparseRows]) -> SparseRows:
    """Join rows of different sources and put them in the order of the sources."""
    parts = list(parts)
    if not parts:
        return SparseRows.none()
    sources = np.concatenate([part.sources for part in parts])
    indptr = joined(np.concatenate([np.diff(part.indptr) for part in parts]))
    nodes = np.concatenate([part.nodes for part in parts])
    values = np.concatenate([part.values for part in parts])
    if (np.diff(sources) > 0).all():
        return SparseRows(sources, indptr, nodes, values)
    order = np.argsort(sources, kind="stable")
    slots = stretches(indptr, order)
    return SparseRows(sources[order], joined(np.diff(indptr)[order]), nodes[slots], values[slots])


def best_of_counts(rows, slots, n, omega, top=None, least=1):
    """Return the entries of complete ledger rows: all in the order of nodes, or the largest
    first."""
    room = min(n, omega) if top is None else min(n, omega, top)
    sizes = np.zeros(len(slots), dtype=np.int64)
    nodes = np.empty((len(slots), room), dtype=np.int64)
    counts = np.empty((len(slots), room), dtype=np.int64)
    ranked = top is not None
    _read(rows, slots, n <= omega, n, omega, ranked, room, max(least, 1), sizes, nodes, counts)
    keep = np.arange(room) < sizes[:, None]
    return joined(sizes), nodes[keep], counts[keep]


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
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


def best_of_scores(scores, sources, top=None, least=0.0) -> SparseRows:
    """Return the scores of each row of a block: all in the order of nodes, or the largest
    first."""
    k, n = scores.shape
    floor = np.maximum(least, np.nextafter(0.0, 1.0))
    if top is not None and top < n:
        cut = np.partition(scores, n - top, axis=1)[:, n - top]
        floor = np.maximum(cut, floor)[:, None]
    kept = scores >= floor
    if top is None and kept.all():  # whole rows without a zero, as most are
        everything = np.tile(np.arange(n), k)
        return SparseRows(np.asarray(sources), n * np.arange(k + 1), everything, scores.ravel())
    row, node = np.nonzero(kept)
    return best_of_entries(row, node, scores[row, node], np.asarray(sources), top)


def best_of_entries(row, node, value, sources, top=None) -> SparseRows:
    """Sort loose entries into rows; rank and cut the rows if asked."""
    sizes = np.bincount(row, minlength=len(sources))
    starts = joined(sizes)
    if top is None:
        order = np.lexsort((node, row)) if (np.diff(row) < 0).any() else slice(None)
        return SparseRows(np.asarray(sources), starts, node[order], value[order])
    order = np.lexsort((node, -value, row))
    order = order[np.arange(len(row)) - np.repeat(starts[:-1], sizes) < top]
    indptr = joined(np.minimum(sizes, top))
    return SparseRows(np.asarray(sources), indptr, node[order], value[order])
