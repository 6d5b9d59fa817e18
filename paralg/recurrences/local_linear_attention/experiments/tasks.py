"""In-context regression; recall and permutations come from :mod:`paralg.sequence`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from paralg.sequence import Batch, Recall, Tracking

__all__ = ["TASKS", "InContextRegression", "changing_maps"]


def changing_maps(
    rows: int, length: int, segment: int, width: int, spread: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Return inputs of length 1 and their images, (rows, length, width): a region and a map a
    segment, centres uniform on the sphere, normal noise of variance spread²/width, normal maps.
    """
    shape = (rows, -(-length // segment), segment, width)
    centres = _unit(rng.normal(size=(*shape[:2], 1, width)))
    x = _unit(centres + spread * rng.normal(size=shape) / width**0.5)
    y = np.einsum("rpij,rpsj->rpsi", rng.normal(size=(*shape[:2], width, width)), x)
    return tuple(part.reshape(rows, -1, width)[:, :length] for part in (x, y))


def _unit(x: NDArray) -> NDArray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@dataclass(frozen=True)
class InContextRegression:
    r"""Predict :math:`y_i = W_s x_i` from earlier pairs, where the map changes between segments.

    Row i of the input holds :math:`(x_i, y_{i-1})`: the label comes one position later, so that all
    positions can be asked at once. Sizes are those of `changing_maps`; our generator, after the
    description of the paper's experiment, with reduced widths and lengths.

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
        x, y = changing_maps(rows, self.length, self.segment, self.width, self.spread, rng)
        before = np.concatenate([np.zeros_like(y[:, :1]), y[:, :-1]], axis=1)
        inputs = np.concatenate([x, before], axis=2).astype(np.float32)
        return Batch.of(inputs, y.astype(np.float32))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean squared error of a number."""
        return (outputs - batch.targets).square().mean()

    def score(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the squared error summed over outputs, shape (b, n)."""
        return (outputs - batch.targets).square().sum(-1)


TASKS = {
    "regression": InContextRegression(),
    "recall": Recall(12, 32, 32, fewest=12, as_tokens=True),
    "state": Tracking(16),
}
