"""Associative recall: key and value, key and value, …, and then a key whose value is asked for.

In the joined form a pair is one token, so that a single layer has a chance: it need not bind a
value to the token before it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from paralg.recurrences.aaren.experiments.model import AarenConfig
from paralg.sequence.batch import Batch
from paralg.sequence.tasks import TokenTask

__all__ = ["VALUES", "OneHotRecall", "histogram_guess"]

VALUES = 8
_BATCH, _TEST = 128, 2048


@dataclass(frozen=True)
class OneHotRecall(TokenTask):
    """The task: `pairs` keys in random order, values drawn from eight; a pair is one or two tokens.

    >>> batch = OneHotRecall(pairs=3, joined=True).draw(2, np.random.default_rng(0))
    >>> batch.inputs.shape, batch.targets.shape
    (torch.Size([2, 4, 12]), torch.Size([2, 1]))
    """

    pairs: int = 8
    joined: bool = False
    layers: int = 2
    tokens = False

    @property
    def config(self) -> AarenConfig:
        """Sizes of a model: one-hot keys, one-hot values and the mark of the question come in."""
        return AarenConfig(self.pairs + VALUES + 1, VALUES, layers=self.layers)

    def draw(self, rows: int, rng: np.random.Generator) -> Batch:
        """Return tokens (rows, n, pairs + 9), the question last, and the values asked for."""
        n, step = self.pairs, 1 if self.joined else 2
        keys = rng.permuted(np.tile(np.arange(n), (rows, 1)), axis=1)
        values, asked = rng.integers(VALUES, size=(rows, n)), rng.integers(n, size=rows)
        tokens = np.zeros((rows, step * n + 1, n + VALUES + 1), np.float32)
        own, first = np.arange(rows), step * np.arange(n)
        tokens[own[:, None], first, keys] = 1
        tokens[own[:, None], first + step - 1, n + values] = 1
        tokens[own, -1, keys[own, asked]] = 1
        tokens[:, -1, -1] = 1
        return Batch.of(tokens, values[own, asked][:, None], Batch.last(1))

    def train_loss(self, model: nn.Module, rng: np.random.Generator, step: int) -> tuple:
        """Draw a batch; return the cross-entropy of the answer, and the share of right ones."""
        batch = self.draw(_BATCH, rng)
        outputs = model(batch.inputs)
        return self.loss(outputs, batch), {"right": self.score(outputs, batch).mean().item()}

    @torch.no_grad()
    def right(self, model: nn.Module, seed: int = 1, rows: int = _TEST) -> float:
        """Return the share of right answers on new sequences."""
        batch = self.draw(rows, np.random.default_rng([seed, 99]))
        return self.score(model.eval()(batch.inputs), batch).mean().item()


def histogram_guess(pairs: int = 8, rows: int = 50_000, seed: int = 0) -> float:
    """Return how often the most frequent value is right: the best guess without the keys."""
    values = np.random.default_rng(seed).integers(VALUES, size=(rows, pairs))
    counts = (values[:, :, None] == np.arange(VALUES)).sum(1)
    return float(counts.max(1).mean() / pairs)
