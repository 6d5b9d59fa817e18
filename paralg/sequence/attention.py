"""Causal self-attention as a mixer, and the projections of a layer with heads."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from paralg.core import checks
from paralg.sequence.padding import blank, token_mask
from paralg.sequence.state import KeyValueCache

__all__ = ["CausalAttention", "HeadProjections"]


class HeadProjections(nn.Module):
    """Query, key, value and output projections of `width` numbers, split into heads.

    Parameters
    ----------
    width, heads : int
        The heads must divide the width; else ValueError.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        checks.integers(1, width=width, heads=heads)
        if width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.width, self.heads, self.size = width, heads, width // heads
        self.to_query, self.to_key, self.to_value, self.out = (
            nn.Linear(width, width) for _ in range(4)
        )

    def check(self, x: Tensor, axes: str) -> None:
        """Check vectors with some axes before theirs, in the type of the weights."""
        checks.tensors(x=(x, f"{axes} {self.width}"), weights=(self.out.weight, "o i"))

    def split(self, x: Tensor) -> Tensor:
        """Turn (…, width) into (…, h, d)."""
        return x.unflatten(-1, (self.heads, self.size))


class CausalAttention(HeadProjections):
    """Softmax self-attention of every token over its prefix, with a cache of keys and values.

    It takes width and heads as `HeadProjections`.

    >>> CausalAttention(8, 2)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def forward(self, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mix whole sequences, shape (b, n, width); `mask` (b, n) is True where a token is."""
        self.check(v, "b n")
        mask = token_mask(mask, v.shape[:2], v.device)
        q, k, values = (part.transpose(1, 2) for part in self._projected(blank(v, mask), "b n"))
        seen = None if mask is None else _attention_mask(mask)
        mixed = scaled_dot_product_attention(q, k, values, attn_mask=seen, is_causal=seen is None)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _projected(self, v: Tensor, axes: str, *state: KeyValueCache) -> list[Tensor]:
        self.check(v, axes)
        for cache in state:
            checks.instance("state", cache, KeyValueCache)
        return [self.split(to(v)) for to in (self.to_query, self.to_key, self.to_value)]

    def begin(self, batch: int) -> KeyValueCache:
        """Return an empty cache; it takes its shape from the first token."""
        return KeyValueCache()

    def extend(self, v: Tensor, state: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Mix a block, shape (b, n, width), with what is cached; return it and the longer cache."""
        q, k, values = (part.transpose(1, 2) for part in self._projected(v, "b n", state))
        state = state.extended(k, values)
        seen = torch.ones(v.shape[1], len(state), dtype=torch.bool).tril(len(state) - v.shape[1])
        mixed = scaled_dot_product_attention(q, *state.held(), attn_mask=seen)
        return self.out(mixed.transpose(1, 2).flatten(2)), state

    def step(self, v: Tensor, state: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Mix one token, shape (b, width); return its output and the longer cache."""
        q, k, value = (part[:, :, None] for part in self._projected(v, "b", state))
        state = state.extended(k, value)
        return self.out(scaled_dot_product_attention(q, *state.held()).flatten(1)), state


def _attention_mask(mask: Tensor) -> Tensor:
    """Return, (b, 1, n, n), where earlier tokens are that are there; a token attends to itself."""
    n = mask.shape[1]
    causal = torch.ones(n, n, dtype=torch.bool, device=mask.device).tril()
    return (causal & mask[:, None] | torch.eye(n, dtype=torch.bool, device=mask.device))[:, None]
