"""Scores on 4×4 Sudoku, whose exact conditional distributions are known by counting grids."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from paralg.data import sudoku4
from paralg.models.filling import fill, log_softmax
from paralg.models.network import Network
from paralg.models.objectives import draw_masks

__all__ = ["exact_grid_distribution", "sudoku4_scores"]

_SEED = 2025
_ROWS = 512

Tokens = NDArray[np.int64]
Logits = NDArray[np.float64]


def sudoku4_scores(network: Network) -> dict[str, float]:
    """Mean KL divergence from the exact conditional distribution, and valid grids when sampling.

    Returns
    -------
    dict
        ``kl``: nats per cell, averaged over the cells of partial grids with evenly spread numbers
        of known cells; ``valid``: share of valid grids among 512, one cell drawn per call in
        reading order (causal) or in sixteen random orders.
    """
    rng = np.random.default_rng(_SEED)
    x = sudoku4.grids()[rng.integers(0, 288, _ROWS)]
    kl = {"bidirectional": _kl_masked, "causal": _kl_causal, "anyorder": _kl_anyorder}
    valid = sudoku4.is_valid(_sample_grids(network, _ROWS, rng)).mean()
    return {"kl": kl[network.mode](network, x, rng), "valid": valid}


def exact_grid_distribution(x: Tokens) -> Logits:
    """Count the valid grids that agree with partial ones.

    Parameters
    ----------
    x : ndarray of int, shape (n, 16)
        Partial grids with mask 4, each the part of some valid grid.

    Returns
    -------
    ndarray, shape (n, 16, 4)
        Exact probability of each symbol in each cell.
    """
    every = sudoku4.grids()
    agree = ((x[:, None] == every) | (x[:, None] == sudoku4.SYMBOLS)).all(axis=2)
    holds = every[:, :, None] == np.arange(sudoku4.SYMBOLS)
    counts = np.einsum("ng,gcv->ncv", agree.astype(float), holds.astype(float))
    return counts / agree.sum(axis=1)[:, None, None]


def _kl_masked(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    masked = draw_masks(16, np.zeros(len(x), dtype=np.int64), rng)
    known = np.where(masked, network.V, x)
    kl = _kl(exact_grid_distribution(known), network.denoise(known))
    filled = masked.any(axis=1)
    return ((kl * masked).sum(axis=1)[filled] / masked.sum(axis=1)[filled]).mean()


def _kl_causal(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    logits = network.causal(x)
    return np.mean([_kl_step(x, logits, np.arange(16), i) for i in range(16)])


def _kl_anyorder(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    kl = []
    for rows in np.array_split(x, 16):
        rank = rng.permutation(16)
        logits = network.anyorder(rows, rank)
        kl += [_kl_step(rows, logits, rank, n) for n in range(16)]
    return np.mean(kl)


def _kl_step(x: Tokens, logits: Logits, rank: Tokens, n: int) -> float:
    """KL of the cell of rank n given the cells before it, averaged over rows."""
    known = np.where(rank < n, x, sudoku4.SYMBOLS)
    cell = int(np.flatnonzero(rank == n)[0])
    return _kl(exact_grid_distribution(known)[:, cell], logits[:, cell]).mean()


def _kl(p: Logits, logits: Logits) -> Logits:
    log_p = np.log(np.where(p > 0, p, 1))
    return (p * (log_p - log_softmax(logits))).sum(axis=-1)


def _sample_grids(network: Network, n: int, rng: np.random.Generator) -> Tokens:
    parts = []
    for rows in np.array_split(np.full((n, 16), network.V), 16):
        order = np.arange(16) if network.mode == "causal" else rng.permutation(16)
        noise = rng.gumbel(size=(len(rows), 16, network.V))
        parts.append(fill(network, rows, order, functools.partial(_add_at, noise)))
    return np.concatenate(parts)


def _add_at(noise: Logits, logits: Logits, i: int) -> Logits:
    """Add Gumbel noise: its arg max is a draw from the distribution of position i."""
    return logits + noise[:, i]
