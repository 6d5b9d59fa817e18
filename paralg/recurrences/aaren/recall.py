"""Associative recall: key and value, key and value, …, and then a key whose value is asked for.

In the joined form a pair is one token, so that a single layer has a chance: nobody has to bind a
value to the token before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from paralg.recurrences.aaren.model import Shape

__all__ = ["VALUES", "Recall", "histogram_guess"]

VALUES = 8
_BATCH = 128
_TEST = 2048


@dataclass(frozen=True)
class Recall:
    """The task and its sizes.

    Parameters
    ----------
    pairs : int
        Keys, all of which occur in random order; the values are drawn independently from eight.
    joined : bool
        Whether a pair is one token; otherwise it is two.
    layers : int
        Of the models that learn it.

    Examples
    --------
    >>> tokens, wanted = Recall(pairs=3, joined=True).draw(2, np.random.default_rng(0))
    >>> tokens.shape, wanted.shape
    (torch.Size([2, 4, 12]), torch.Size([2]))
    """

    pairs: int = 8
    joined: bool = False
    layers: int = 2

    @property
    def shape(self) -> Shape:
        """Sizes of a model: one-hot keys, one-hot values and the mark of the question come in."""
        return Shape(self.pairs + VALUES + 1, VALUES, layers=self.layers)

    def draw(self, rows: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return tokens (rows, n, pairs + 9), the question last, and the values asked for."""
        n, step = self.pairs, 1 if self.joined else 2
        keys = rng.permuted(np.tile(np.arange(n), (rows, 1)), axis=1)
        values, asked = rng.integers(VALUES, size=(rows, n)), rng.integers(n, size=rows)
        tokens = np.zeros((rows, step * n + 1, n + VALUES + 1), np.float32)
        own, place = np.arange(rows), np.arange(n)
        tokens[own[:, None], step * place, keys] = 1
        tokens[own[:, None], step * place + step - 1, n + values] = 1
        tokens[own, -1, keys[own, asked]] = 1
        tokens[:, -1, -1] = 1
        return torch.from_numpy(tokens), torch.from_numpy(values[own, asked])

    def loss(self, model: nn.Module, rng: np.random.Generator) -> tuple[Tensor, dict[str, float]]:
        """Draw a batch; return the cross-entropy of the answer at the last token."""
        tokens, wanted = self.draw(_BATCH, rng)
        logits = model(tokens)[:, -1]
        right = (logits.argmax(1) == wanted).float().mean().item()
        return cross_entropy(logits, wanted), {"right": right}

    @torch.no_grad()
    def score(self, model: nn.Module) -> dict[str, float]:
        """Return the share of right answers on 2,048 new sequences."""
        tokens, wanted = self.draw(_TEST, np.random.default_rng([1, 99]))
        right = model.eval()(tokens)[:, -1].argmax(1) == wanted
        return {"right": round(right.float().mean().item(), 4)}


def histogram_guess(pairs: int = 8, rows: int = 50_000, seed: int = 0) -> float:
    """Return how often the most frequent of all values is the one asked for.

    Nobody does better who knows which values occurred but not with which key.
    """
    values = np.random.default_rng(seed).integers(VALUES, size=(rows, pairs))
    counts = (values[:, :, None] == np.arange(VALUES)).sum(1)
    return float(counts.max(1).mean() / pairs)
