"""Attention masks of the three modes and of the tree layout; they need numpy only.

Each function returns a boolean array whose entry [q, k] says whether slot q attends to slot k.
``rank`` is an integer array of shape (..., L), the place of each position in an order; the mask
then has shape (..., L, L).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["causal", "content_mask", "query_mask", "tree", "two_streams"]

Mask = NDArray[np.bool_]


def causal(length: int) -> Mask:
    """Slot i attends to the slots up to and including its own.

    Slot i carries the token x_{i-1} (slot 0 the begin symbol), so row i is the distribution of x_i
    given x_{<i}.

    >>> causal(2).astype(int).tolist()
    [[1, 0], [1, 1]]
    """
    return np.tri(length, dtype=bool)


def content_mask(rank: NDArray[np.integer]) -> Mask:
    """Content i attends to content j if and only if ``rank[j] <= rank[i]``, ties both ways."""
    return rank[..., None, :] <= rank[..., :, None]


def query_mask(rank: NDArray[np.integer], visible: int | None = None) -> Mask:
    """Query i attends to content j if and only if ``rank[j] < min(rank[i], visible)``.

    No ``visible`` makes the density mask; n makes the draft mask at progress n.

    >>> query_mask(np.array([1, 0, 2])).astype(int).tolist()
    [[0, 1, 0], [0, 0, 0], [1, 1, 0]]
    """
    limit = rank if visible is None else np.minimum(rank, visible)
    return rank[..., None, :] < limit[..., :, None]


def two_streams(
    rank: NDArray[np.integer], visible: int | None = None, at: NDArray[np.integer] | None = None
) -> Mask:
    """Content stream followed by the queries of the positions ``at``, by default of all.

    Contents attend to no query; a query to contents by :func:`query_mask` and, of queries, to
    itself.
    """
    length = rank.shape[-1]
    at = np.arange(length) if at is None else at
    mask = np.zeros((*rank.shape[:-1], length + len(at), length + len(at)), dtype=bool)
    mask[..., :length, :length] = content_mask(rank)
    mask[..., length:, :length] = query_mask(rank, visible)[..., at, :]
    mask[..., length:, length:] = np.eye(len(at), dtype=bool)
    return mask


def tree(rows: int, window: int, frozen: int) -> Mask:
    """Copies of a window side by side, after the frozen slots to which all of them attend.

    There are ``rows`` copies of ``window`` slots each; the keys and values of ``frozen`` slots come
    first. The shape is (rows * window, frozen + rows * window).

    >>> tree(2, 1, 1).astype(int).tolist()
    [[1, 1, 0], [1, 0, 1]]
    """
    own = np.kron(np.eye(rows, dtype=bool), np.ones((window, window), dtype=bool))
    return np.concatenate([np.ones((rows * window, frozen), dtype=bool), own], axis=1)
