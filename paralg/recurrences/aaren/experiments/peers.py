"""What stands beside Aaren: causal self-attention in its place, and the operator from torch alone.

Scores have the shape (b, n, h), values (b, n, h, d), as in `prefix_attention`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from paralg.recurrences.aaren.layer import HeadProjections
from paralg.sequence.state import KeyValueCache

__all__ = ["CausalAttention", "dense", "repeated_query", "signed_logs"]


class CausalAttention(HeadProjections):
    """Softmax self-attention of every token over its prefix, with a cache of keys and values.

    Parameters
    ----------
    width, heads : int
        The heads must divide the width; else ValueError.

    Examples
    --------
    >>> CausalAttention(8, 2)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return outputs of shape (b, n, width) for inputs of that shape, all at once."""
        q, k, v = (part.transpose(1, 2) for part in self._projected(x))
        if mask is None:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=_attention_mask(mask))
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _projected(self, x: Tensor) -> list[Tensor]:
        return [self.split(to(x)) for to in (self.to_query, self.to_key, self.to_value)]

    def begin(self, batch: int) -> KeyValueCache:
        """Return an empty cache; it takes its shape from the first token."""
        return KeyValueCache()

    def step(self, x: Tensor, state: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Take one token of shape (b, width); return its output and the longer cache."""
        q, k, v = (part[:, :, None] for part in self._projected(x))
        state = state.extended(k, v)
        mixed = F.scaled_dot_product_attention(q, *state.held())
        return self.out(mixed.flatten(1)), state


def _attention_mask(mask: Tensor) -> Tensor:
    """Return, (b, 1, n, n), where earlier tokens are that are there; a token attends to itself."""
    n = mask.shape[1]
    causal = torch.ones(n, n, dtype=torch.bool).tril()
    return (causal & mask[:, None] | torch.eye(n, dtype=torch.bool))[:, None]


def signed_logs(scores: Tensor, values: Tensor) -> Tensor:
    """Return the outputs through ``torch.logcumsumexp`` of positive and negative parts, in O(n)."""
    total = torch.logcumsumexp(scores, 1)[..., None]
    parts = (torch.logcumsumexp(scores[..., None] + part.clamp(min=0).log(), 1)
             for part in (values, -values))  # fmt: skip
    above, below = (torch.exp(part - total) for part in parts)
    return above - below


def dense(scores: Tensor, values: Tensor) -> Tensor:
    """Return the outputs through ``torch.logcumsumexp`` and an n × n matrix of weights."""
    s = scores.transpose(1, 2)
    exponents = s[:, :, None] - torch.logcumsumexp(s, 2)[..., None]
    future = torch.ones(s.shape[2], s.shape[2], dtype=torch.bool).triu(1)
    weights = exponents.masked_fill(future, -torch.inf).exp()
    return (weights @ values.transpose(1, 2)).transpose(1, 2)


def repeated_query(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return causal ``scaled_dot_product_attention`` of one query (h, d), repeated everywhere."""
    k, v = keys.transpose(1, 2), values.transpose(1, 2)
    q = query[None, :, None].expand_as(k)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
