"""Scores of a trained network: distance to the exact law, exact match, nats per character.

Every score is deterministic: its states are drawn with a fixed seed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from paralg.data import addition, pydoc_text, sudoku4
from paralg.models.network import Network
from paralg.models.objectives import draw_masks

__all__ = [
    "addition_scores", "exact_grid_law", "greedy", "ngram_nats", "score", "sudoku4_scores",
    "text_scores",
]  # fmt: skip

_SEED = 2025
_ROWS = 512

Logits = NDArray[np.float64]


def score(network: Network, task: str) -> dict[str, float]:
    """Measure a network on its task.

    Parameters
    ----------
    network : Network
    task : {"sudoku4", "addition", "text"}

    Returns
    -------
    dict of str to float
        Rounded to six digits.
    """
    found = {"sudoku4": sudoku4_scores, "addition": addition_scores, "text": text_scores}[task]
    return {key: round(float(value), 6) for key, value in found(network).items()}


def sudoku4_scores(network: Network) -> dict[str, float]:
    """Mean KL divergence from the exact conditional law, and valid grids when sampling.

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


def exact_grid_law(x: NDArray[np.int64]) -> Logits:
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


def _kl_masked(network: Network, x: NDArray[np.int64], rng: np.random.Generator) -> float:
    masked = draw_masks(16, np.zeros(len(x), dtype=np.int64), rng)
    known = np.where(masked, network.V, x)
    kl = _kl(exact_grid_law(known), network.denoise(known))
    filled = masked.any(axis=1)
    return ((kl * masked).sum(axis=1)[filled] / masked.sum(axis=1)[filled]).mean()


def _kl_causal(network: Network, x: NDArray[np.int64], rng: np.random.Generator) -> float:
    logits = network.causal(x)
    return np.mean([_kl_step(x, logits, np.arange(16), i) for i in range(16)])


def _kl_anyorder(network: Network, x: NDArray[np.int64], rng: np.random.Generator) -> float:
    kl = []
    for rows in np.array_split(x, 16):
        rank = rng.permutation(16)
        logits = network.anyorder(rows, rank)
        kl += [_kl_step(rows, logits, rank, n) for n in range(16)]
    return np.mean(kl)


def _kl_step(x: NDArray[np.int64], logits: Logits, rank: NDArray[np.int64], n: int) -> float:
    """KL of the cell of rank n given the cells before it, averaged over rows."""
    known = np.where(rank < n, x, sudoku4.SYMBOLS)
    cell = int(np.flatnonzero(rank == n)[0])
    return _kl(exact_grid_law(known)[:, cell], logits[:, cell]).mean()


def _kl(p: Logits, logits: Logits) -> Logits:
    log_p = np.log(np.where(p > 0, p, 1))
    return (p * (log_p - _log_softmax(logits))).sum(axis=-1)


def _sample_grids(network: Network, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    parts = []
    for rows in np.array_split(np.full((n, 16), network.V), 16):
        order = np.arange(16) if network.mode == "causal" else rng.permutation(16)
        noise = rng.gumbel(size=(len(rows), 16, network.V))
        parts.append(_fill(network, rows, order, functools.partial(_add_at, noise)))
    return np.concatenate(parts)


def _add_at(noise: Logits, logits: Logits, i: int) -> Logits:
    """Add Gumbel noise: its arg max is a draw from the law of position i."""
    return logits + noise[:, i]


def addition_scores(network: Network) -> dict[str, float]:
    """Share of 1,000 held-out problems whose eight answer tokens are all right, decoded greedily.

    Returns
    -------
    dict
        ``exact_match``: by confidence, one token per call (bidirectional), else in reading order;
        for any-order weights also ``exact_match_reversed``, in the opposite order.
    """
    x = addition.problems(1000, seed=_SEED)
    found = {"exact_match": addition.is_correct(greedy(network, x)).mean()}
    if network.mode == "anyorder":
        backwards = _fill(network, x, np.arange(addition.LENGTH - 1, addition.PROMPT - 1, -1))
        found["exact_match_reversed"] = addition.is_correct(backwards).mean()
    return found


def greedy(network: Network, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fill the masks of many rows with the most likely tokens, one per row and call.

    Parameters
    ----------
    network : Network
    x : ndarray of int, shape (n, L)
        Rows masked in the same places.

    Returns
    -------
    ndarray of int, shape (n, L)

    Notes
    -----
    Bidirectional: the most confident masked position of each row; else reading order.
    A plain loop for scoring; the counted decoders live in :mod:`paralg.decoding`.
    """
    if network.mode != "bidirectional":
        return _fill(network, x, np.flatnonzero(x[0] == network.V))
    x = x.copy()
    for _ in range(int((x[0] == network.V).sum())):
        log_p = _log_softmax(network.denoise(x))
        best = np.where(x == network.V, log_p.max(axis=2), -np.inf).argmax(axis=1)
        rows = np.arange(len(x))
        x[rows, best] = log_p[rows, best].argmax(axis=1)
    return x


def _fill(
    network: Network,
    x: NDArray[np.int64],
    order: NDArray[np.int64],
    perturb: Callable[[Logits, int], Logits] = lambda logits, i: logits,
) -> NDArray[np.int64]:
    """Fill positions in a fixed order with the arg max of (perturbed) logits."""
    x, known = x.copy(), network.L - len(order)
    rank = np.full(network.L, known - 1)
    rank[order] = known + np.arange(len(order))
    for i in order:
        ask = {
            "bidirectional": lambda i: network.denoise(x, at=[i]),
            "causal": lambda i: network.causal(x, at=[i]),
            "anyorder": lambda i: network.anyorder(x, rank, int(rank[i]), at=[i]),
        }
        x[:, i] = perturb(ask[network.mode](i)[:, 0], i).argmax(axis=-1)
    return x


def text_scores(network: Network) -> dict[str, float]:
    """Nats per character of 512 held-out windows, beside two baselines counted on training text.

    Returns
    -------
    dict
        ``nats``: negative log-probability (causal), or the bound of masked diffusion, estimated
        with one masked set per window; ``unigram``, ``bigram``.
    """
    rng = np.random.default_rng(_SEED)
    x = pydoc_text.windows(_ROWS, network.L, rng, split="test")
    if network.mode == "causal":
        nats = _nats(network.causal(x), x).mean()
    else:
        nats = _nats_masked(network, x, rng)
    return {"nats": nats, "unigram": ngram_nats(1), "bigram": ngram_nats(2)}


def _nats_masked(network: Network, x: NDArray[np.int64], rng: np.random.Generator) -> float:
    masked = draw_masks(network.L, np.zeros(len(x), dtype=np.int64), rng)
    nats = _nats(network.denoise(np.where(masked, network.V, x)), x) * masked
    filled = masked.any(axis=1)
    return (nats.sum(axis=1)[filled] / masked.sum(axis=1)[filled]).mean()


def ngram_nats(n: int) -> float:
    """Nats per character of the test text under counts of the training text, plus one.

    Parameters
    ----------
    n : {1, 2}
        Length of the counted sequences.

    Returns
    -------
    float
    """
    V = len(pydoc_text.SYMBOLS)
    counts = np.ones((V,) * n)
    np.add.at(counts, _runs("train", n), 1)
    law = counts / counts.sum(axis=-1, keepdims=True)
    return float(-np.log(law[_runs("test", n)]).mean())


def _runs(split: str, n: int) -> tuple[NDArray[np.int64], ...]:
    text = pydoc_text.load(split)
    return tuple(text[i : len(text) - n + 1 + i] for i in range(n))


def _nats(logits: Logits, x: NDArray[np.int64]) -> Logits:
    return -np.take_along_axis(_log_softmax(logits), x[..., None], axis=-1)[..., 0]


def _log_softmax(logits: Logits) -> Logits:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
