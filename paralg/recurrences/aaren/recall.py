"""Associative recall: key and value, key and value, …, and then a key whose value is asked for.

In the joined form a pair is one token, so that a single layer has a chance: no layer has to bind a
value to the token before it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paralg.recurrences.aaren.model import Shape

__all__ = ["CHANCE", "KEYS", "VALUES", "accuracy", "draw", "histogram_guess", "loss", "shape"]

KEYS = VALUES = 8
CHANCE = 1 / VALUES
_BATCH = 128
_TEST = 2048


def shape(layers: int) -> Shape:
    """Return the sizes: one-hot keys, one-hot values and a mark of the question come in."""
    return Shape(KEYS + VALUES + 1, VALUES, layers=layers)


def draw(rows: int, rng: np.random.Generator, *, joined: bool) -> tuple[Tensor, Tensor]:
    """Return tokens (rows, n, 17) and the values asked for (rows,).

    All eight keys occur, in random order; values are drawn independently. Two tokens a pair and
    the question make 17 tokens; joined, it is nine.
    """
    keys = rng.permuted(np.tile(np.arange(KEYS), (rows, 1)), axis=1)
    values = rng.integers(VALUES, size=(rows, KEYS))
    asked = rng.integers(KEYS, size=rows)
    own, step = np.arange(rows), 1 if joined else 2
    tokens = np.zeros((rows, step * KEYS + 1, KEYS + VALUES + 1), np.float32)
    for place in range(KEYS):
        tokens[own, step * place, keys[:, place]] = 1
        tokens[own, step * place + step - 1, KEYS + values[:, place]] = 1
    tokens[own, -1, keys[own, asked]] = 1
    tokens[:, -1, -1] = 1
    return torch.from_numpy(tokens), torch.from_numpy(values[own, asked])


def loss(joined: bool):
    """Return the loss of one form of the task: cross-entropy of the answer at the last token."""

    def of(model: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        tokens, wanted = draw(_BATCH, rng, joined=joined)
        logits = model(tokens)[:, -1]
        return cross_entropy(logits, wanted), {
            "right": (logits.argmax(1) == wanted).float().mean().item()
        }

    return of


@torch.no_grad()
def accuracy(model: nn.Module, *, joined: bool, seed: int = 1) -> float:
    """Return the share of right answers on 2,048 new sequences."""
    tokens, wanted = draw(_TEST, np.random.default_rng([seed, 99]), joined=joined)
    return (model.eval()(tokens)[:, -1].argmax(1) == wanted).float().mean().item()


def histogram_guess(rows: int = 200_000, seed: int = 0) -> float:
    """Return how often the most frequent value among the eight is the one asked for.

    It is the best that anybody can do who knows which values occurred but not with which key.
    """
    values = np.random.default_rng(seed).integers(VALUES, size=(rows, KEYS))
    counts = (values[:, :, None] == np.arange(VALUES)).sum(1)
    return float(counts.max(1).mean() / KEYS)
