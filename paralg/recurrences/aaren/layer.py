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

__all__ = ["KINDS", "Aaren", "Cache", "CausalAttention", "state_bytes"]


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

    def first_state(self, batch: int) -> attention.State:
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


class Cache:
    """Keys and values of the tokens so far, in arrays that double when they are full."""

    def __init__(self, batch: int, heads: int, size: int, dtype: torch.dtype = torch.float32):
        self.length = 0
        self._store = torch.empty(2, batch, heads, 16, size, dtype=dtype)

    def append(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add one key and value of shape (b, h, d); return all, of shape (b, h, n, d)."""
        if self.length == self._store.shape[3]:
            self._store = torch.cat([self._store, torch.empty_like(self._store)], 3)
        self._store[0, :, :, self.length], self._store[1, :, :, self.length] = key, value
        self.length += 1
        keys, values = self._store[:, :, :, : self.length]
        return keys, values

    @property
    def nbytes(self) -> int:
        """Bytes of the keys and values that are there."""
        return self._store[:, :, :, : self.length].numel() * self._store.element_size()


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

    def first_state(self, batch: int) -> Cache:
        """Return an empty cache."""
        return Cache(batch, self.heads, self.size, self.out.weight.dtype)

    def step(self, x: Tensor, state: Cache) -> tuple[Tensor, Cache]:
        """Take one token of shape (b, width); return its output and the cache, which has grown."""
        q, k, v = (self.split(to(x)) for to in (self.to_query, self.to_key, self.to_value))
        keys, values = state.append(k, v)
        mixed = F.scaled_dot_product_attention(q[:, :, None], keys, values)
        return self.out(mixed.flatten(1)), state


def _seen(mask: Tensor) -> Tensor:
    """Return who sees whom, (b, 1, n, n): earlier tokens that are there, and always oneself."""
    n = mask.shape[1]
    causal = torch.ones(n, n, dtype=torch.bool).tril()
    return (causal & mask[:, None] | torch.eye(n, dtype=torch.bool))[:, None]


def state_bytes(state) -> int:
    """Return the bytes of what a layer keeps between tokens."""
    if isinstance(state, Cache):
        return state.nbytes
    return sum(part.numel() * part.element_size() for part in state)


KINDS = {"aaren": Aaren, "transformer": CausalAttention}
"""The layers by the name of the model they make."""
