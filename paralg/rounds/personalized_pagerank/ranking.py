"""Sparse rows of the result: the best entries of each source, never all :math:`n^2` of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.records import joined, stretches

__all__ = ["Rows", "best_of_counts", "best_of_entries", "best_of_scores", "merge_rows"]


class Rows(NamedTuple):
    """Some entries of some rows, in compressed form.

    Parameters
    ----------
    sources : ndarray of int64, shape (k,)
        Row numbers.
    indptr : ndarray of int64, shape (k + 1,)
        Entries of each row.
    nodes : ndarray of int64, shape (e,)
        Columns; within a row best first, smaller number first among equals, or in the order of
        their numbers where whole rows were asked for.
    values : ndarray, shape (e,)
        Counts (int64) or probabilities (float64).
    """

    sources: NDArray[np.int64]
    indptr: NDArray[np.int64]
    nodes: NDArray[np.int64]
    values: NDArray

    @classmethod
    def none(cls, dtype=np.int64) -> Rows:
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


def merge_rows(parts: Iterable[Rows]) -> Rows:
    """Join rows of different sources and put them in the order of the sources.

    Examples
    --------
    >>> one = Rows(np.array([4]), np.array([0, 1]), np.array([7]), np.array([2]))
    >>> two = Rows(np.array([1]), np.array([0, 2]), np.array([3, 5]), np.array([9, 1]))
    >>> merge_rows([one, two]).sources.tolist(), merge_rows([one, two]).nodes.tolist()
    ([1, 4], [3, 5, 7])
    """
    parts = list(parts)
    if not parts:
        return Rows.none()
    sources = np.concatenate([part.sources for part in parts])
    indptr = joined(np.concatenate([np.diff(part.indptr) for part in parts]))
    nodes = np.concatenate([part.nodes for part in parts])
    values = np.concatenate([part.values for part in parts])
    if (np.diff(sources) > 0).all():
        return Rows(sources, indptr, nodes, values)
    order = np.argsort(sources, kind="stable")
    slots = stretches(indptr, order)
    return Rows(sources[order], joined(np.diff(indptr)[order]), nodes[slots], values[slots])


def best_of_counts(rows, slots, n, omega, top=None, least=1):
    """Return the entries of complete ledger rows: all in the order of nodes, or the largest first.

    Parameters
    ----------
    rows : ndarray of int32, shape (r, min(n, omega))
        Counters (``n <= omega``) or lists of the nodes at which walks stopped.
    slots : ndarray of int64, shape (k,)
        Rows to read.
    n, omega : int
        Nodes, walks per source.
    top : int, optional
        Entries kept of each row; all by default.
    least : int
        Smallest count kept.

    Returns
    -------
    indptr, nodes, counts : ndarray of int64
        As in `Rows`.

    Cost
    ----
    Work ``min(n, omega)``, and a sort of the distinct nodes, for each row.
    """
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
    """Condense each row: count, drop the small ones, sort by (count down, node up), cut.

    A key is ``(omega - count) n + node``, or ``node omega + count - 1`` where rows are not ranked.
    """
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


def best_of_scores(scores, sources, top=None, least=0.0) -> Rows:
    """Return the scores of each row of a block: all in the order of nodes, or the largest first.

    Parameters
    ----------
    scores : ndarray of float64, shape (k, n)
        Rows of the result, one a source.
    sources : ndarray of int64, shape (k,)
        Their row numbers.
    top : int, optional
        Entries kept of each row; all by default.
    least : float
        Smallest score kept; zeros are always dropped.

    Returns
    -------
    Rows

    Cost
    ----
    Work ``k n`` for the selection, and a sort of the ``top`` that are kept.

    Examples
    --------
    >>> best_of_scores(np.array([[0.2, 0.5, 0.3]]), np.array([0]), top=2).nodes.tolist()
    [1, 2]
    """
    k, n = scores.shape
    floor = np.maximum(least, np.nextafter(0.0, 1.0))
    if top is not None and top < n:
        cut = np.partition(scores, n - top, axis=1)[:, n - top]
        floor = np.maximum(cut, floor)[:, None]
    kept = scores >= floor
    if top is None and kept.all():  # whole rows without a zero, as most are
        everything = np.tile(np.arange(n), k)
        return Rows(np.asarray(sources), n * np.arange(k + 1), everything, scores.ravel())
    row, node = np.nonzero(kept)
    return best_of_entries(row, node, scores[row, node], np.asarray(sources), top)


def best_of_entries(row, node, value, sources, top=None) -> Rows:
    """Sort loose entries into rows; rank and cut the rows if asked.

    Parameters
    ----------
    row : ndarray of int64, shape (e,)
        Row of each entry, a position in ``sources``.
    node : ndarray of int64, shape (e,)
        Columns, distinct within a row.
    value : ndarray, shape (e,)
        Counts or probabilities.
    sources : ndarray of int64, shape (k,)
        Row numbers.
    top : int, optional
        Entries kept of each row, best first; all in the order of nodes by default.

    Returns
    -------
    Rows

    Examples
    --------
    >>> row, node, count = np.array([[0, 0, 1], [4, 2, 2], [1, 1, 5]])
    >>> rows = best_of_entries(row, node, count, [7, 9], top=2)
    >>> rows.nodes.tolist(), rows.indptr.tolist()
    ([2, 4, 2], [0, 2, 3])
    """
    sizes = np.bincount(row, minlength=len(sources))
    starts = joined(sizes)
    if top is None:
        order = np.lexsort((node, row)) if (np.diff(row) < 0).any() else slice(None)
        return Rows(np.asarray(sources), starts, node[order], value[order])
    order = np.lexsort((node, -value, row))
    order = order[np.arange(len(row)) - np.repeat(starts[:-1], sizes) < top]
    return Rows(np.asarray(sources), joined(np.minimum(sizes, top)), node[order], value[order])
