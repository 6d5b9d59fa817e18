"""Coordinate signal and block of [dehghani-2019-universal]: attention, transition, sums, norms.

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

from collections.abc import Callable

import numpy as np
from torch import Tensor, nn

from paralg.core import checks
from paralg.sequence.network import sinusoidal, waves
from paralg.sequence.padding import blank, token_mask

__all__ = ["CoordinateSignal", "MultiHeadAttention", "TransitionFunction", "UTBlock", "sinusoidal"]


class CoordinateSignal(nn.Module):
    r"""Add to each state the sinusoids of its position and of the step, before every step.

    .. math:: P^t_{i,2j} = \sin(i / 10000^{2j/d}) + \sin(t / 10000^{2j/d})

    with cosines in the odd channels of an even width `d_model`, recalled from
    [dehghani-2019-universal].
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.d_model = checks.integer("d_model", d_model, 1)

    def forward(self, x: Tensor, position_ids: Tensor, step: int) -> Tensor:
        """Return H + P of a step, counted from 1; ids broadcast to the leading shape of x."""
        checks.tensors(x=(x, f"... n {self.d_model}"))
        checks.sizes(x=(x, "... n d"), position_ids=(position_ids, "if: n", "if: ... n"))
        checks.number("step", step)
        return x + waves(x, position_ids, self.d_model) + waves(x, step, self.d_model)


class MultiHeadAttention(nn.Module):
    r"""Attention, :math:`\operatorname{softmax}(Q K^\top / \sqrt{d / k}) V` in each of k heads."""

    def __init__(self, d_model: int, heads: int):
        super().__init__()
        if checks.integer("d_model", d_model, 1) % checks.integer("heads", heads, 1):
            raise ValueError(f"heads must divide d_model, got {heads} heads for width {d_model}")
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d_model, d_model) for _ in range(4))

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of states; apart, so that those of states at rest can be kept."""
        return self.k(x), self.v(x)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from m states to n keys; a row of the mask without any gives zeros before `o`."""
        checks.tensors(x=(x, "b m d"), keys=(keys, "b n d"), values=(values, "b n d"))
        checks.sizes(x=(x, "b m d"), keys=(keys, "b n d"), o=(self.o.weight, "d d"),
                     mask=(mask, "b m n", "b 1 n", "1 m n", "1 1 n"))  # fmt: skip
        mask = token_mask(mask, np.shape(mask), x.device)
        seen = None if mask is None else mask.any(-2)
        q, k, v = map(self.split, (self.q(x), blank(keys, seen), blank(values, seen)))
        mask = None if mask is None else mask.unsqueeze(-3)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o(mixed.transpose(-3, -2).flatten(-2))

    def split(self, x: Tensor) -> Tensor:
        """Shape (b, n, d) to (b, heads, n, d / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class TransitionFunction(nn.Sequential):
    """The transition of a position by itself: d to d_ff to d with a ReLU between."""

    def __init__(self, d_model: int, d_ff: int):
        d_model, d_ff = checks.integer("d_model", d_model, 1), checks.integer("d_ff", d_ff, 1)
        super().__init__(nn.Linear(d_model, d_ff), nn.ReLU(), nn.Linear(d_ff, d_model))

    def forward(self, x: Tensor, padding_mask: Tensor | None = None) -> Tensor:
        """Return the transition of every state; the mask plays no part."""
        checks.tensors(x=(x, "... d"), weights=(self[0].weight, "f d"))
        return super().forward(x)


class UTBlock(nn.Module):
    r"""One block of [dehghani-2019-universal], section 2.1; the same one at every step.

    .. math:: A = \text{Norm}(X + \text{MHSA}(X)), \quad H = \text{Norm}(A + \text{Transition}(A))

    Parameters
    ----------
    d_model, heads, dropout : int, int, float
        The last on every residual branch.
    transition : callable () -> Module
        Makes the transition.
    cross : bool
        Whether attention to another sequence stands between the two sublayers (the decoder).
    """

    def __init__(self, d_model: int, heads: int, transition, *, cross=False, dropout=0.0):
        super().__init__()
        self.attention = MultiHeadAttention(d_model, heads)
        self.cross = MultiHeadAttention(d_model, heads) if cross else None
        checks.instance("transition", transition, Callable)
        self.transition, dropout = transition(), checks.number("dropout", dropout, 0, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2 + cross))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, *, padding_mask=None, **sources) -> Tensor:
        """Return the new states."""
        checks.tensors(x=(x, "b n d"), weights=(self.attention.o.weight, "d d"))
        token_mask(padding_mask, x.shape[:2], name="padding_mask")
        return self.transit(self.look(x, **sources), padding_mask)

    def look(self, x, *, attention_mask=None, context=None, context_mask=None, padding_mask=None):
        """Return A of states that attend to each other and to the context."""
        if self.cross is not None:
            checks.tensors(x=(x, "b n d"), context=(context, "b m d"))
        keys, values = self.attention.keys_values(self.entry(x, 0))
        outside = None if self.cross is None else self.cross.keys_values(context)
        return self.attend(x, keys, values, attention_mask, outside, context_mask)

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
