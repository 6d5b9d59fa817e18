"""Rows of different lengths, laid end to end: an index of them, and the best entries of each.

Row ``k`` is the stretch ``indptr[k]`` to ``indptr[k + 1] - 1``. Where all pairs of n things have a
value, a result keeps the best of each row, so that nothing of size n × n is ever held.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["SparseRows", "best_of_entries", "best_of_scores", "joined", "merge_rows", "stretches"]


def joined(sizes: ArrayLike) -> NDArray[np.int64]:
    """Return the index, shape (r + 1,), of rows of these sizes, shape (r,), laid end to end.

    >>> joined([2, 0, 3])
    array([0, 2, 2, 5])
    """
    sizes = checks.array("sizes", sizes, "i", least=0)
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def stretches(indptr: NDArray[np.int64], rows: ArrayLike) -> NDArray[np.int64]:
    """Return the places of the rows ``rows``, one row after the other.

    >>> stretches(np.array([0, 2, 2, 5]), [2, 0])
    array([2, 3, 4, 0, 1])
    """
    sizes = np.diff(indptr)[rows]
    starts = joined(sizes)
    return np.repeat(indptr[rows] - starts[:-1], sizes) + np.arange(starts[-1])


class SparseRows(NamedTuple):
    """Some entries of some rows of a square matrix, in compressed form.

    Parameters
    ----------
    sources : ndarray of int64, shape (k,), row numbers
    indptr : ndarray of int64, shape (k + 1,), entries of each row
    nodes : ndarray of int64, shape (e,)
        Columns; within a row best first, smaller number first among equals, or in the order of
        their numbers where whole rows were asked for.
    values : ndarray, shape (e,)

    Examples
    --------
    >>> rows = SparseRows(np.array([4]), np.array([0, 2]), np.array([1, 0]), np.array([5, 3]))
    >>> rows.row(0)
    (array([1, 0]), array([5, 3]))
    """

    sources: NDArray[np.int64]
    indptr: NDArray[np.int64]
    nodes: NDArray[np.int64]
    values: NDArray

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
        zero = np.zeros(0, dtype=np.int64)
        return SparseRows(zero, joined(zero), zero, zero)
    sources, nodes, values = (np.concatenate([getattr(part, name) for part in parts])
                              for name in ("sources", "nodes", "values"))  # fmt: skip
    indptr = joined(np.concatenate([np.diff(part.indptr) for part in parts]))
    if (np.diff(sources) > 0).all():
        return SparseRows(sources, indptr, nodes, values)
    order = np.argsort(sources, kind="stable")
    slots = stretches(indptr, order)
    return SparseRows(sources[order], joined(np.diff(indptr)[order]), nodes[slots], values[slots])


def best_of_scores(
    scores: NDArray, sources: ArrayLike, top: int | None = None, least: float = 0.0
) -> SparseRows:
    """Return the entries of rows (k, n) that are at least ``least`` and not 0, or the ``top`` best.

    >>> best_of_scores(np.array([[0.2, 0.0, 0.5, 0.3]]), [7], top=2).row(0)
    (array([2, 3]), array([0.5, 0.3]))
    """
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
    return best_of_entries(row, node, scores[row, node], sources, top)


def best_of_entries(row, node, value, sources: ArrayLike, top: int | None = None) -> SparseRows:
    """Sort loose entries (``value`` at ``node`` of ``row``) into rows, or their ``top`` best.

    >>> best_of_entries(np.array([1, 0, 1]), np.array([3, 2, 0]), np.array([5, 6, 7]), [0, 1]).nodes
    array([2, 0, 3])
    """
    sizes = np.bincount(row, minlength=len(sources))
    if top is None:
        order = np.lexsort((node, row)) if (np.diff(row) < 0).any() else slice(None)
    else:
        order = np.lexsort((node, -value, row))
        order = order[np.arange(len(row)) - np.repeat(joined(sizes)[:-1], sizes) < top]
        sizes = np.minimum(sizes, top)
    return SparseRows(np.asarray(sources), joined(sizes), node[order], value[order])
