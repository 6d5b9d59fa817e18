"""What a layer that mixes a sequence must offer to be compared: whole sequences, single tokens."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

__all__ = ["Mixer"]


class Mixer(Protocol):
    """A causal map from vectors to vectors, computed in parallel or one token at a time."""

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width); output t depends on inputs up to t."""

    def begin(self, batch: int) -> Any:
        """Return what is known before the first token."""

    def step(self, v: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Mix one token, shape (b, width); return its output and what is known after it."""
