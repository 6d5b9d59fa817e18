"""Fill the masks of many rows at once, for scoring; the counted decoders are elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from paralg.models.network import Network

__all__ = ["fill", "greedy", "log_softmax"]

Tokens = NDArray[np.int64]
Logits = NDArray[np.float64]


def greedy(network: Network, x: Tokens) -> Tokens:
    """Fill the masks of many rows with the most likely tokens, one per row and call.

    Parameters
    ----------
    network : Network
    x : ndarray of int, shape (n, L)
        Rows masked in the same position_ids.

    Returns
    -------
    ndarray of int, shape (n, L)

    Notes
    -----
    Bidirectional: the most confident masked position of each row; else reading order.
    The counted decoders live in :mod:`paralg.decoding`.
    """
    if network.mode != "bidirectional":
        return fill(network, x, np.flatnonzero(x[0] == network.V))
    x = x.copy()
    for _ in range(int((x[0] == network.V).sum())):
        log_p = log_softmax(network.denoise(x))
        best = np.where(x == network.V, log_p.max(axis=2), -np.inf).argmax(axis=1)
        rows = np.arange(len(x))
        x[rows, best] = log_p[rows, best].argmax(axis=1)
    return x


def fill(
    network: Network,
    x: Tokens,
    order: Tokens,
    perturb: Callable[[Logits, int], Logits] = lambda logits, i: logits,
) -> Tokens:
    """Fill positions in a fixed order, the same for all rows.

    Parameters
    ----------
    network : Network
    x : ndarray of int, shape (n, L)
        Rows known outside `order`.
    order : ndarray of int
        Positions, first to last.
    perturb : callable (logits of shape (n, V), position) -> the same
        Applied before the arg max; adding Gumbel noise turns it into a draw.

    Returns
    -------
    ndarray of int, shape (n, L)
    """
    x, known = x.copy(), network.L - len(order)
    rank = np.full(network.L, known - 1)
    rank[order] = known + np.arange(len(order))
    for i in order:
        x[:, i] = perturb(_distribution_at(network, x, rank, i), i).argmax(axis=-1)
    return x


def _distribution_at(network: Network, x: Tokens, rank: Tokens, i: int) -> Logits:
    """Logits of position i given what is known so far, one row each."""
    if network.mode == "anyorder":
        return network.anyorder(x, rank, int(rank[i]), at=[i])[:, 0]
    call = network.causal if network.mode == "causal" else network.denoise
    return call(x, at=[i])[:, 0]


def log_softmax(logits: Logits) -> Logits:
    """Return log-probabilities over the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
