"""A batch of sequences and the answers wanted, and what a model answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Batch", "answers"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences, and the answers wanted at some of their positions.

    Parameters
    ----------
    inputs : Tensor, shape (b, n) of int64 or (b, n, features) of float32
        Tokens, or vectors.
    targets : Tensor, shape (b, k) of int64 or (b, k, outputs) of float32
        Answers.
    asked : slice, or Tensor of bool of shape (n,) or (b, n)
        Which k positions are asked; all by default. Of a mask that differs between rows, the
        positions of all rows are listed one after the other, and ``targets`` has no axis of rows.

    Examples
    --------
    >>> batch = Batch(torch.tensor([[7, 8, 9]]), torch.tensor([[5, 6]]), Batch.last(2))
    >>> batch.answers(torch.tensor([[1, 2, 3]])), batch.asked
    (tensor([[2, 3]]), slice(-2, None, None))
    """

    inputs: Tensor
    targets: Tensor
    asked: slice | Tensor = field(default_factory=lambda: slice(None))

    @staticmethod
    def last(k: int) -> slice:
        """Return the last k >= 1 positions."""
        return slice(-k, None)

    @classmethod
    def of(cls, inputs: NDArray, targets: NDArray, asked: slice = slice(None)) -> "Batch":
        """Return a batch of arrays."""
        return cls(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (inputs, targets)), asked)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return the outputs, shape (b, n, ...), at the positions that are asked."""
        if isinstance(self.asked, Tensor) and self.asked.dim() == 2:
            return outputs[self.asked]
        return outputs[:, self.asked]


@torch.no_grad()
def answers(model: Callable[[Tensor], Tensor], batch: Batch, *, rows: int = 64) -> Tensor:
    """Return what a model says at the positions that are asked, without gradients.

    Parameters
    ----------
    model : callable (Tensor) -> Tensor of shape (b, n, ...)
        Called with some rows of the inputs.
    batch : Batch
        Of b sequences.
    rows : int
        Sequences that go through the model at a time, at least 1.

    Examples
    --------
    >>> batch = Batch(torch.tensor([[1, 2], [3, 4]]), torch.tensor([[0], [0]]), Batch.last(1))
    >>> answers(lambda x: 10 * x, batch, rows=1).tolist()
    [[20], [40]]
    """
    return batch.answers(torch.cat([model(part) for part in batch.inputs.split(rows)]))
