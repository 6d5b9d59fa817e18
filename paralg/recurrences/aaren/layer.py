"""Two layers of one interface: Aaren, whose query is learned, and causal self-attention.

Both take a sequence at once in training and a token at a time afterwards. What they keep between
tokens differs: Aaren a triple for each head, self-attention all keys and values, as in
[feng-2024-attention].
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paralg.recurrences.aaren import attention
from paralg.recurrences.aaren.attention import first_state, prefix_attention
from paralg.sequence.state import KeyValueCache

__all__ = ["KINDS", "Aaren", "CausalAttention"]


class _Projections(nn.Module):
    """Query, key, value and output projections, split into heads."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width must be a multiple of heads, got {width} and {heads}")
        self.heads, self.size = heads, width // heads
        self.to_query, self.to_key, self.to_value, self.out = (
            nn.Linear(width, width) for _ in range(4)
        )

    def split(self, x: Tensor) -> Tensor:
        """Turn (…, width) into (…, h, d)."""
        return x.unflatten(-1, (self.heads, self.size))


class Aaren(_Projections):
    r"""Attention of a learned query over every prefix: :math:`o_k = \text{Attention}(q, h_{1..k})`.

    Parameters
    ----------
    width : int
    heads : int
        Must divide the width.

    Notes
    -----
    The query is a token that goes through the layer's own query projection, as in the paper; its
    first value, N(0, 1) in every entry, is ours. Because it is the same for all tokens, the score
    is one vector times the input, :math:`s = x \cdot W_k^\top q / \sqrt d`, and keys are never
    made. The bias of the keys adds the same to every score and has no effect; it is kept so that
    parameters correspond to those of self-attention.
    """

    def __init__(self, width: int, heads: int):
        super().__init__(width, heads)
        self.query = nn.Parameter(torch.randn(width))
        self._last_fold: tuple = (None, None)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return the h vectors, shape (h, width), and offsets that turn an input into scores.

        Outside of training they are computed once for as long as no parameter changes.
        """
        if torch.is_grad_enabled():
            return self._fold()
        used = (self.query, *self.to_query.parameters(), *self.to_key.parameters())
        state = tuple((part.data_ptr(), part._version) for part in used)
        if state != self._last_fold[0]:
            self._last_fold = state, self._fold()
        return self._last_fold[1]

    def _fold(self) -> tuple[Tensor, Tensor]:
        query = self.split(self.to_query(self.query)) / math.sqrt(self.size)
        weight = self.to_key.weight.unflatten(0, (self.heads, self.size))
        offset = (query * self.split(self.to_key.bias)).sum(-1)
        return torch.einsum("hd,hdw->hw", query, weight), offset

    def scores(self, x: Tensor) -> Tensor:
        """Return the score of every token for every head, shape (…, h)."""
        return F.linear(x, *self.folded())

    def forward(
        self, x: Tensor, mask: Tensor | None = None, *, method: str = "auto", block: int = 64
    ) -> Tensor:
        """Return outputs of shape (b, n, width) for inputs of that shape, all at once."""
        values = self.split(self.to_value(x))
        mixed, _ = prefix_attention(self.scores(x), values, mask, method=method, block=block)
        return self.out(mixed.flatten(2))

    def begin(self, batch: int) -> attention.State:
        """Return the state before any token."""
        return first_state(batch, self.heads, self.size, self.query.dtype)

    def extend(self, x: Tensor, state: attention.State, **how) -> tuple[Tensor, attention.State]:
        """Go on with a block of shape (b, n, width); return outputs and the state after it."""
        values = self.split(self.to_value(x))
        mixed, state = prefix_attention(self.scores(x), values, state=state, **how)
        return self.out(mixed.flatten(2)), state

    def step(self, x: Tensor, state: attention.State) -> tuple[Tensor, attention.State]:
        """Take one token of shape (b, width); return its output and the state after it.

        This is the recurrent cell, written out.
        """
        scores, values = self.scores(x), self.split(self.to_value(x))
        before, u, w = state
        m = torch.maximum(before, scores)
        keep, enter = torch.exp(before - m), torch.exp(scores - m)
        u = u * keep + enter
        w = w * keep[..., None] + enter[..., None] * values
        return self.out((w / u[..., None]).flatten(1)), (m, u, w)


class CausalAttention(_Projections):
    """Softmax self-attention of every token over its prefix, with a cache of keys and values.

    Parameters
    ----------
    width : int
    heads : int
        Must divide the width.
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return outputs of shape (b, n, width) for inputs of that shape, all at once."""
        parts = (self.to_query, self.to_key, self.to_value)
        q, k, v = (self.split(to(x)).transpose(1, 2) for to in parts)
        if mask is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=_seen(mask))
        return self.out(mixed.transpose(1, 2).flatten(2))

    def begin(self, batch: int) -> KeyValueCache:
        """Return an empty cache; it takes its shape from the first token."""
        return KeyValueCache()

    def step(self, x: Tensor, state: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Take one token of shape (b, width); return its output and the longer cache."""
        parts = (self.to_query, self.to_key, self.to_value)
        q, k, v = (self.split(to(x))[:, :, None] for to in parts)
        state = state.extended(k, v)
        mixed = F.scaled_dot_product_attention(q, *state.held())
        return self.out(mixed.flatten(1)), state


def _seen(mask: Tensor) -> Tensor:
    """Return who sees whom, (b, 1, n, n): earlier tokens that are there, and always oneself."""
    n = mask.shape[1]
    causal = torch.ones(n, n, dtype=torch.bool).tril()
    return (causal & mask[:, None] | torch.eye(n, dtype=torch.bool))[:, None]


KINDS = {"aaren": Aaren, "transformer": CausalAttention}
"""The layers by the name of the model they make."""
