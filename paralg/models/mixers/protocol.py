"""What a layer that mixes a sequence must offer to be compared: whole sequences, single tokens."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

__all__ = ["Mixer", "state_bytes"]


class Mixer(Protocol):
    """A causal map from vectors to vectors, computed in parallel or one token at a time."""

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width); output t depends on inputs up to t."""

    def first_state(self, batch: int) -> Any:
        """Return what is known before the first token."""

    def step(self, v: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Mix one token, shape (b, width); return its output and what is known after it."""


def state_bytes(state: Any) -> int:
    """Return the bytes of a state, however nested; of a cache, those in use.

    Parameters
    ----------
    state : Tensor, object with ``nbytes`` or ``bytes``, or iterable of states
    """
    for name in ("nbytes", "bytes"):
        if hasattr(state, name):
            return getattr(state, name)
    return sum(state_bytes(part) for part in state)
