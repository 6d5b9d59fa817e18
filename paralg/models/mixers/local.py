"""Local linear attention as a mixer: a cache of keys and values, and a system to solve a token."""

from __future__ import annotations

from torch import Tensor, nn

from paralg.recurrences.local_linear_attention.layer import LocalLinearAttention
from paralg.sequence.state import KeyValueCache

__all__ = ["Local"]


class Local(nn.Module):
    """The layer of its chapter, with a learned ridge for each head.

    Parameters
    ----------
    width, heads : int
    **options
        For `LocalLinearAttention`.
    """

    def __init__(self, width: int, heads: int, **options):
        super().__init__()
        self.layer = LocalLinearAttention(width, heads, **options)

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width)."""
        return self.layer(v)

    def begin(self, batch: int) -> KeyValueCache:
        """Return an empty cache; it takes its shape from the first token."""
        return KeyValueCache()

    def step(self, v: Tensor, state: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Mix one token, shape (b, width)."""
        return self.layer.step(v, state)
