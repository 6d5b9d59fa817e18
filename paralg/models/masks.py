"""Who sees whom: the attention masks of the three modes and of the tree layout.

Each function returns a boolean array whose entry [q, k] says whether slot q attends to slot k.
They need numpy only, so a page can draw them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["causal", "content_mask", "query_mask", "tree", "two_streams"]

Mask = NDArray[np.bool_]


def causal(length: int) -> Mask:
    """Slot i sees the slots up to and including its own.

    Slot i carries the token x_{i-1} (slot 0 the begin symbol), so row i is the distribution of x_i
    given
    x_{<i}.

    Parameters
    ----------
    length : int

    Returns
    -------
    ndarray of bool, shape (length, length)

    Examples
    --------
    >>> causal(2).astype(int).tolist()
    [[1, 0], [1, 1]]
    """
    return np.tri(length, dtype=bool)


def content_mask(rank: NDArray[np.integer]) -> Mask:
    """Content i sees content j if and only if ``rank[j] <= rank[i]``; ties see each other.

    Parameters
    ----------
    rank : ndarray of int, shape (..., L)

    Returns
    -------
    ndarray of bool, shape (..., L, L)
    """
    return rank[..., None, :] <= rank[..., :, None]


def query_mask(rank: NDArray[np.integer], visible: int | None = None) -> Mask:
    """Query i sees content j if and only if ``rank[j] < min(rank[i], visible)``.

    Parameters
    ----------
    rank : ndarray of int, shape (..., L)
    visible : int, optional
        None is the density mask; n is the draft mask at progress n.

    Returns
    -------
    ndarray of bool, shape (..., L, L)

    Examples
    --------
    >>> query_mask(np.array([1, 0, 2])).astype(int).tolist()
    [[0, 1, 0], [0, 0, 0], [1, 1, 0]]
    """
    limit = rank if visible is None else np.minimum(rank, visible)
    return rank[..., None, :] < limit[..., :, None]


def two_streams(
    rank: NDArray[np.integer],
    visible: int | None = None,
    at: NDArray[np.integer] | None = None,
) -> Mask:
    """Mask of the content stream followed by the query stream in one sequence.

    No content slot sees a query; a query sees contents by :func:`query_mask` and, of the queries,
    itself alone.

    Parameters
    ----------
    rank : ndarray of int, shape (..., L)
    visible : int, optional
    at : ndarray of int, shape (Q,), optional
        Positions of the queries; all L of them by default.

    Returns
    -------
    ndarray of bool, shape (..., L + Q, L + Q)
    """
    length = rank.shape[-1]
    at = np.arange(length) if at is None else at
    seen = np.zeros((*rank.shape[:-1], length + len(at), length + len(at)), dtype=bool)
    seen[..., :length, :length] = content_mask(rank)
    seen[..., length:, :length] = query_mask(rank, visible)[..., at, :]
    seen[..., length:, length:] = np.eye(len(at), dtype=bool)
    return seen


def tree(rows: int, window: int, frozen: int) -> Mask:
    """Mask of B copies of a window side by side, after the frozen slots that all of them see.

    Parameters
    ----------
    rows : int
        B, the number of copies.
    window : int
        Slots per copy.
    frozen : int
        Slots outside the window, whose keys and values come first and are shared.

    Returns
    -------
    ndarray of bool, shape (rows * window, frozen + rows * window)

    Examples
    --------
    >>> tree(2, 1, 1).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    own = np.kron(np.eye(rows, dtype=bool), np.ones((window, window), dtype=bool))
    return np.concatenate([np.ones((rows * window, frozen), dtype=bool), own], axis=1)
