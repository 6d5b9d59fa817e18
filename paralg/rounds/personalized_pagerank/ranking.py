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
        Columns; within a row best first, smaller number first among equals.
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
    order = np.argsort(sources, kind="stable")
    slots = stretches(indptr, order)
    nodes = np.concatenate([part.nodes for part in parts])[slots]
    values = np.concatenate([part.values for part in parts])[slots]
    return Rows(sources[order], joined(np.diff(indptr)[order]), nodes, values)


def best_of_counts(rows, slots, n, omega, top=None, least=1):
    """Return the entries of complete ledger rows, largest count first.

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
    Work ``min(n, omega)`` and a sort of the distinct nodes, for each row.
    """
    top = n if top is None else top
    room = min(n, omega, top)
    sizes = np.zeros(len(slots), dtype=np.int64)
    nodes = np.empty((len(slots), room), dtype=np.int64)
    counts = np.empty((len(slots), room), dtype=np.int64)
    _read(rows, slots, n <= omega, n, omega, top, least, sizes, nodes, counts)
    keep = np.arange(room) < sizes[:, None]
    return joined(sizes), nodes[keep], counts[keep]


@numba.njit(cache=True, nogil=True)
def _read(rows, slots, dense, n, omega, top, least, sizes, nodes, counts):
    """Condense each row: count, drop the small ones, sort by (count down, node up), cut."""
    counter = np.zeros(n, dtype=np.int64)
    keys = np.empty(min(n, omega), dtype=np.int64)
    for k in range(len(slots)):
        row = rows[slots[k]]
        found = (
            _keys_of_counters(row, n, omega, least, keys)
            if dense
            else _keys_of_list(row, counter, n, omega, least, keys)
        )
        best = np.sort(keys[:found])[:top]
        sizes[k] = len(best)
        for i in range(len(best)):
            nodes[k, i] = best[i] % n
            counts[k, i] = omega - best[i] // n


@numba.njit(cache=True, nogil=True)
def _keys_of_counters(row, n, omega, least, keys):
    """Write ``(omega - count) n + node`` for each node with enough stops; return how many."""
    found = 0
    for node in range(n):
        if row[node] >= max(least, 1):
            keys[found] = (omega - row[node]) * n + node
            found += 1
    return found


@numba.njit(cache=True, nogil=True)
def _keys_of_list(row, counter, n, omega, least, keys):
    """Do the same for a list of nodes; ``counter`` is zero before and after."""
    for node in row:
        counter[node] += 1
    found = 0
    for node in row:
        if counter[node] >= max(least, 1):
            keys[found] = (omega - counter[node]) * n + node
            found += 1
        counter[node] = 0
    return found


def best_of_scores(scores, sources, top=None, least=0.0) -> Rows:
    """Return the largest scores of each row of a block.

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
        Best first, smaller node first among equals.

    Cost
    ----
    Work ``k n`` for the selection and a sort of what is kept.

    Examples
    --------
    >>> best_of_scores(np.array([[0.2, 0.5, 0.3]]), np.array([0]), top=2).nodes.tolist()
    [1, 2]
    """
    k, n = scores.shape
    top = n if top is None else min(top, n)
    if top < n:
        cut = np.partition(scores, n - top, axis=1)[:, n - top]
        kept = scores >= np.maximum(cut, least)[:, None]
    else:
        kept = scores >= least
    kept &= scores > 0
    row, node = np.nonzero(kept)
    return best_of_entries(row, node, scores[row, node], np.asarray(sources), top)


def best_of_entries(row, node, value, sources, top=None) -> Rows:
    """Sort loose entries into rows, best first, and cut the rows.

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
        Entries kept of each row; all by default.

    Returns
    -------
    Rows

    Examples
    --------
    >>> row, node, count = np.array([[0, 0, 1], [4, 2, 2], [1, 1, 5]])
    >>> rows = best_of_entries(row, node, count, [7, 9])
    >>> rows.nodes.tolist(), rows.indptr.tolist()
    ([2, 4, 2], [0, 2, 3])
    """
    order = np.lexsort((node, -value, row))
    row, node, value = row[order], node[order], value[order]
    sizes = np.bincount(row, minlength=len(sources))
    starts = joined(sizes)
    if top is not None:
        within = np.arange(len(row)) - np.repeat(starts[:-1], sizes) < top
        row, node, value = row[within], node[within], value[within]
        starts = joined(np.minimum(sizes, top))
    return Rows(np.asarray(sources), starts, node, value)
