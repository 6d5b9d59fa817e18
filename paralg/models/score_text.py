"""Scores on text: nats per character beside counts of single letters and pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from paralg.data import pydoc_text
from paralg.models.filling import log_softmax
from paralg.models.network import Network
from paralg.models.objectives import draw_masks, draw_ranks

__all__ = ["nats_of", "ngram_nats", "text_scores"]

_SEED = 2025
_ROWS = 512

Tokens = NDArray[np.int64]
Logits = NDArray[np.float64]


def text_scores(network: Network) -> dict[str, float]:
    """Nats per character of 512 held-out windows, beside two baselines counted on training text.

    Returns
    -------
    dict
        ``nats``: negative log-probability (causal), the same of what is outside a prompt of
        random size and place (any-order), or the bound of masked diffusion, estimated with one
        masked set per window; ``unigram``, ``bigram``.
    """
    rng = np.random.default_rng(_SEED)
    x = pydoc_text.windows(_ROWS, network.L, rng, split="test")
    nats = {"causal": _nats_causal, "anyorder": _nats_anyorder, "bidirectional": _nats_masked}
    found = nats[network.mode](network, x, rng)
    return {"nats": found, "unigram": ngram_nats(1), "bigram": ngram_nats(2)}


def _nats_causal(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    return nats_of(network.causal(x), x).mean()


def _nats_anyorder(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    """Average over sixteen random prompts, each followed by the rest from left to right."""
    ranks, prompts = draw_ranks(network.L, np.zeros(16, dtype=np.int64), rng, ascending=True)
    found = []
    for rows, rank, m in zip(np.array_split(x, 16), ranks, prompts, strict=True):
        wanted = np.flatnonzero(rank >= m)
        found.append(nats_of(network.anyorder(rows, rank, at=wanted), rows[:, wanted]).mean())
    return np.mean(found)


def _nats_masked(network: Network, x: Tokens, rng: np.random.Generator) -> float:
    masked = draw_masks(network.L, np.zeros(len(x), dtype=np.int64), rng)
    nats = nats_of(network.denoise(np.where(masked, network.V, x)), x) * masked
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
    distribution = counts / counts.sum(axis=-1, keepdims=True)
    return float(-np.log(distribution[_runs("test", n)]).mean())


def _runs(split: str, n: int) -> tuple[Tokens, ...]:
    text = pydoc_text.load(split)
    return tuple(text[i : len(text) - n + 1 + i] for i in range(n))


def nats_of(logits: Logits, x: Tokens) -> Logits:
    """Return the negative log-probability of each token."""
    return -np.take_along_axis(log_softmax(logits), x[..., None], axis=-1)[..., 0]
