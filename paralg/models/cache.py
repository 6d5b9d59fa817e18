"""What a bidirectional network keeps of a full forward."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from paralg.models.arrays import to_torch

__all__ = ["NetworkCache"]


@dataclass(frozen=True)
class NetworkCache:
    """Keys and values of every position after one full forward of a sequence.

    Parameters
    ----------
    owner : object
        The network that made it; no other may read it.
    layers : tuple over layers of (keys, values)
        Each of shape (1, heads, L, width / heads).
    """

    owner: object
    layers: tuple[tuple[Tensor, Tensor], ...]

    @property
    def nbytes(self) -> int:
        """Size of keys and values, in bytes."""
        return sum(part.nbytes for layer in self.layers for part in layer)

    def outside(self, window: np.ndarray) -> list[tuple[Tensor, Tensor]]:
        """Return what is kept of the positions not in `window`."""
        length = self.layers[0][0].shape[2]
        rest = to_torch(np.setdiff1d(np.arange(length), window))
        return [(keys[:, :, rest], values[:, :, rest]) for keys, values in self.layers]
