"""Keys and values that a network keeps, and the border between numpy and torch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["NetworkSlots", "to_numpy", "to_torch", "without_gradients"]


@contextmanager
def without_gradients() -> Iterator[None]:
    """No gradients, one thread: more threads are slower at this size and may reorder sums."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def to_torch(a: np.ndarray) -> Tensor:
    """Copy: the caller's array may be read-only or strided backwards."""
    return torch.from_numpy(np.array(a, order="C"))


def to_numpy(logits: Tensor) -> np.ndarray:
    """Return float64 values."""
    return logits.double().numpy()


@dataclass(frozen=True)
class NetworkSlots:
    """Keys and values of S slots of B rows, in the order in which they are attended to.

    They belong to one network, their `owner`, and no other may read them. `layers` has keys and
    values of each layer, both of shape (B, heads, S, width / heads); `hidden`, (B, S, width), is
    what the last block said of the slots, before the last norm: what a drafting head reads.
    :meth:`select` cuts back to an accepted prefix or keeps one branch of a tree, :meth:`join` joins
    what branches computed apart.
    """

    owner: object
    layers: tuple[tuple[Tensor, Tensor], ...]
    hidden: Tensor

    def __len__(self) -> int:
        return self.layers[0][0].shape[2]

    @property
    def rows(self) -> int:
        """B."""
        return self.layers[0][0].shape[0]

    @property
    def nbytes(self) -> int:
        """Size of keys and values, in bytes."""
        return sum(part.nbytes for layer in self.layers for part in layer)

    def select(self, slots: Sequence[int], row: int | None = None) -> "NetworkSlots":
        """Return some of the slots, in the order given; of one row, if a row is named."""
        chosen = np.asarray(slots, dtype=np.int64)
        if chosen.size and not (chosen.min() >= 0 and chosen.max() < len(self)):
            raise ValueError(f"expected slots in 0..{len(self) - 1}, got {chosen.tolist()}")
        if row is not None and not 0 <= row < self.rows:
            raise ValueError(f"expected a row in 0..{self.rows - 1}, got {row}")
        first = bool((chosen == np.arange(chosen.size)).all())  # a prefix is a view, nothing moves
        at = slice(chosen.size) if first else to_torch(chosen)
        rows = slice(row, None if row is None else row + 1)
        layers = tuple((k[rows, :, at], v[rows, :, at]) for k, v in self.layers)
        return NetworkSlots(self.owner, layers, self.hidden[rows, at])

    def join(self, *others: "NetworkSlots") -> "NetworkSlots":
        """Return these slots followed by the others', of as many rows, nothing recomputed."""
        if any(one.owner is not self.owner or one.rows != self.rows for one in others):
            raise ValueError(f"expected slots of {self.owner!r} with {self.rows} rows each, got "
                             f"{[(one.owner, one.rows) for one in others]}")  # fmt: skip
        layers = zip(self.layers, *(one.layers for one in others), strict=True)
        both = (zip(*layer, strict=True) for layer in layers)
        joined = ((torch.cat(keys, dim=2), torch.cat(values, dim=2)) for keys, values in both)
        hidden = torch.cat([self.hidden, *(one.hidden for one in others)], dim=1)
        return NetworkSlots(self.owner, tuple(joined), hidden)
