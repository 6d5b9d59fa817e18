"""The operator from torch alone, in three ways.

Scores have the shape (b, n, h), values (b, n, h, d), as in `prefix_attention`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["dense", "repeated_query", "signed_logs"]


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
    weights = exponents.tril().exp().tril()  # what is above the diagonal must not overflow
    return (weights @ values.transpose(1, 2)).transpose(1, 2)


def repeated_query(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return causal ``scaled_dot_product_attention`` of one query (h, d), repeated everywhere."""
    k, v = keys.transpose(1, 2), values.transpose(1, 2)
    q = query[None, :, None].expand_as(k)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
