"""A batch of sequences and the answers wanted, and what a model answers."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from paralg.core import checks

__all__ = ["Batch", "answers", "check_tokens"]


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

    def __post_init__(self):
        for name in ("inputs", "targets"):
            checks.instance(name, getattr(self, name), Tensor)
        checks.instance("asked", self.asked, slice, Tensor)
        if isinstance(self.asked, Tensor):
            checks.kind("asked", self.asked, "b")
            checks.sizes(inputs=(self.inputs, "b n ..."), asked=(self.asked, "n", "b n"))

    @staticmethod
    def last(k: int) -> slice:
        """Return the last k >= 1 positions."""
        return slice(-checks.integer("k", k, 1), None)

    @classmethod
    def of(cls, inputs: NDArray, targets: NDArray, asked: slice = slice(None)) -> "Batch":
        """Return a batch of arrays."""
        return cls(*(torch.from_numpy(np.ascontiguousarray(x)) for x in (inputs, targets)), asked)

    def answers(self, outputs: Tensor) -> Tensor:
        """Return the outputs, shape (b, n, ...), at the positions that are asked."""
        checks.instance("outputs", outputs, Tensor)
        b = len(self.inputs)
        checks.sizes(outputs=(outputs, f"{b} n ..."))
        if isinstance(self.asked, Tensor) and self.asked.dim() == 2:
            return outputs[self.asked]
        return outputs[:, self.asked]


def check_tokens(name: str, x: Tensor, shape: str, count: int) -> None:
    """Check that ``x`` has a shape, as in `checks.sizes`, and tokens 0 … count - 1."""
    if getattr(x, "dtype", None) not in (torch.int64, torch.int32):
        raise TypeError(f"{name} must be tokens of torch.int64 or int32, got {x!s:.60}")
    checks.sizes(**{name: (x, shape)})
    low, high = x.aminmax() if x.numel() else (0, -1)
    if low < 0 or high >= count:
        raise ValueError(f"{name} must be tokens 0 … {count - 1}, got {int(low)} … {int(high)}")


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
    checks.instance("model", model, Callable)
    checks.instance("batch", batch, Batch)
    parts = batch.inputs.split(checks.integer("rows", rows, 1))
    return batch.answers(torch.cat([model(part) for part in parts]))
