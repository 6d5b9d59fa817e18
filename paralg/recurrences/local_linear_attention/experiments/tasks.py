"""In-context regression; recall and permutations come from :mod:`paralg.sequence`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from paralg.sequence import Batch, Recall, Tracking

__all__ = ["TASKS", "InContextRegression", "unit"]


@dataclass(frozen=True)
class InContextRegression:
    r"""Predict :math:`y_i = W_s x_i` from earlier pairs, where the map changes between segments.

    Row i of the input holds :math:`(x_i, y_{i-1})`: the label comes one position later, so that all
    positions can be asked at once. Segments have their own region of inputs, too.

    Rows have ``length`` pairs, ``segment`` of one map, of vectors of ``width`` numbers; ``spread``
    is the size of the noise around a segment's centre, before normalising. Our generator, after
    the description of the paper's experiment; widths and lengths reduced.

    Examples
    --------
    >>> batch = InContextRegression(length=8).draw(2, np.random.default_rng(0))
    >>> tuple(batch.inputs.shape), tuple(batch.targets.shape)
    ((2, 8, 8), (2, 8, 4))
    """

    length: int = 64
    segment: int = 32
    width: int = 4
    spread: float = 0.5

    inputs = property(lambda self: 2 * self.width)
    outputs = property(lambda self: self.width)

    def draw(self, rows: int, rng: np.random.Generator) -> Batch:
        """Return independent rows; every position is asked."""
        parts = -(-self.length // self.segment)
        shape = (rows, parts, self.segment, self.width)
        centres = unit(rng.normal(size=(rows, parts, 1, self.width)))
        x = unit(centres + self.spread * rng.normal(size=shape) / self.width**0.5)
        maps = rng.normal(size=(rows, parts, self.width, self.width))
        y = np.einsum("rpij,rpsj->rpsi", maps, x)
        x, y = (a.reshape(rows, -1, self.width)[:, : self.length] for a in (x, y))
        before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
        inputs = np.concatenate([x, before], axis=2).astype(np.float32)
        return Batch.of(inputs, y.astype(np.float32))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of a number."""
        return (outputs - batch.targets).square().mean()

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the squared error summed over outputs, shape (b, n)."""
        return (outputs - batch.targets).square().sum(-1)


def unit(x: NDArray) -> NDArray:
    """Return vectors of length 1."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


TASKS = {
    "regression": InContextRegression(),
    "recall": Recall(12, 32, 32, fewest=12, as_tokens=True),
    "state": Tracking(16),
}
