"""The block of [dehghani-2019-universal]: multi-head attention, transition, residual sums, norms.

Letters and shapes, for every module of the chapter; masks are True where there is something:

===================  =====================  ======================================================
x, state             (b, n, d)              states of n positions, width d = ``d_model``
padding_mask         (b, n)                 positions that are no padding
attention_mask       to (b, n, n)           which positions a position attends to
context              (b, m, d)              the other sequence of a decoder
context_mask         (b, m)                 positions of it that are no padding
position_ids         (n,)                   index of each position for the signal
===================  =====================  ======================================================
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MultiHeadAttention", "TransitionFunction", "UTBlock"]


class MultiHeadAttention(nn.Module):
    r"""Scaled dot-product attention with k heads, :math:`\operatorname{softmax}(Q K^\top / \sqrt{d
    / k}) V`; keys and values are made apart, so that those of positions at rest can be kept.

    Parameters
    ----------
    d_model, heads : int
    """

    def __init__(self, d_model: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d_model, d_model) for _ in range(4))

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of states, each of their shape."""
        return self.k(x), self.v(x)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from m states to n keys; a row of the mask without any gives zeros before `o`."""
        q, k, v = (self._split(part) for part in (self.q(x), keys, values))
        mask = None if mask is None else mask.unsqueeze(-3)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o(mixed.transpose(-3, -2).flatten(-2))

    def weights(self, x: Tensor, keys: Tensor, mask: Tensor | None) -> Tensor:
        """Return which state attends to which key and how much, shape (b, heads, m, n)."""
        q, k = self._split(self.q(x)), self._split(keys)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(-3), -torch.inf)
        return scores.softmax(dim=-1)

    def _split(self, x: Tensor) -> Tensor:
        """Shape (b, n, d) to (b, heads, n, d / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class TransitionFunction(nn.Sequential):
    """The transition of a position by itself: d to d_ff to d with a ReLU between.

    Parameters
    ----------
    d_model, d_ff : int
    """

    def __init__(self, d_model: int, d_ff: int):
        super().__init__(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the transition of every state; the mask plays no part."""
        return super().forward(x)


class UTBlock(nn.Module):
    r"""One block; the same one at every step.

    .. math:: A = \text{Norm}(X + \text{MHSA}(X)), \quad H = \text{Norm}(A + \text{Transition}(A))

    Parameters
    ----------
    d_model, heads : int
    transition : callable () -> Module
        Makes the transition.
    cross : bool
        Whether attention to another sequence stands between the two sublayers (the decoder).
    dropout : float
        On every residual branch.

    References
    ----------
    [dehghani-2019-universal], section 2.1.
    """

    def __init__(self, d_model: int, heads: int, transition, *, cross=False, dropout=0.0):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, heads)
        self.cross = MultiHeadAttention(d_model, heads) if cross else None
        self.transition = transition()
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2 + cross))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, *, padding_mask=None, attention_mask=None, context=None, context_mask=None
    ) -> Tensor:
        """Return the new states."""
        keys, values = self.attention.keys_values(self.entry(x, 0))
        outside = None if self.cross is None else self.cross.keys_values(context)
        a = self.attend(x, keys, values, attention_mask, outside, context_mask)
        return self.transit(a, padding_mask)

    def attend(self, x, keys, values, attention_mask, outside=None, context_mask=None) -> Tensor:
        """Return A: the attention sublayers with their sums and norms."""
        a = self.close(x, self.attention(self.entry(x, 0), keys, values, attention_mask), 0)
        if self.cross is not None:
            a = self.close(a, self.cross(self.entry(a, 1), *outside, context_mask), 1)
        return a

    def transit(self, a: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return H: the transition with its sum and norm."""
        return self.close(a, self.transition(self.entry(a, -1), padding_mask), -1)

    def entry(self, x: Tensor, norm: int) -> Tensor:
        """Return states as a sublayer reads them."""
        return x

    def close(self, x: Tensor, branch: Tensor, norm: int) -> Tensor:
        """Return the residual sum, normed."""
        return self.norms[norm](x + self.dropout(branch))
