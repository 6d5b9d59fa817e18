"""The layer Aaren: multi-head attention of a learned query, at once in training, then by tokens."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from paralg.core import checks
from paralg.recurrences.aaren.fast.prefix import (
    State,
    check_operands,
    first_state,
    prefix_attention,
)
from paralg.sequence.attention import HeadProjections
from paralg.sequence.padding import blank, token_mask

__all__ = ["Aaren"]


class Aaren(HeadProjections):
    r"""Attention of a learned query over every prefix: :math:`o_k = \text{Attention}(q, h_{1..k})`.

    Parameters
    ----------
    width, heads : int
        The heads must divide the width; else ValueError.

    Notes
    -----
    The query is a token that goes through the layer's own query projection, as in
    [feng-2024-attention]; its first value, N(0, 1) in every entry, is ours. Because it is the same
    for all tokens, the score is one vector times the input, :math:`s = x \cdot W_k^\top q /
    \sqrt d`, and keys are never made. The bias of the keys has no effect; it is kept so that
    parameters correspond to those of self-attention.

    Examples
    --------
    >>> layer, x = Aaren(8, 2), torch.zeros(1, 3, 8)
    >>> state, outputs = layer.begin(1), layer(x)
    >>> one, state = layer.step(x[:, 0], state)
    >>> outputs.shape, bool(torch.allclose(one, outputs[:, 0]))
    (torch.Size([1, 3, 8]), True)
    """

    def __init__(self, width: int, heads: int):
        super().__init__(width, heads)
        self.query = nn.Parameter(torch.randn(width))
        self._last_fold: tuple = (None, None)
        self._passed: list | None = None

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return vectors (h, width) and offsets (h,) of the scores; kept outside of training."""
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

    def forward(self, x: Tensor, mask: Tensor | None = None, **how) -> Tensor:
        """Return outputs (b, n, width) for such inputs; `how` is for `prefix_attention`."""
        return self.extend(x, None, mask=mask, **how)[0]

    def begin(self, batch: int) -> State:
        """Return the state before any token."""
        return first_state(batch, self.heads, self.size, self.query.dtype)

    def extend(
        self, x: Tensor, state: State | None, *, mask: Tensor | None = None, **how
    ) -> tuple[Tensor, State]:
        """Go on with a block of shape (b, n, width); return outputs and the state after it."""
        self.check(x, "b n")
        x = blank(x, token_mask(mask, x.shape[:2], x.device))
        values = self.split(self.to_value(x))
        scores = self.scores(x)
        checks.finite("scores", scores)
        mixed, state = prefix_attention(scores, values, mask, state=state, **how)
        return self.out(mixed.flatten(2)), state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one token of shape (b, width); return its output and the state after it."""
        given = checks.dtypes_and_shapes(state, x, self.query)
        if given is None or given != self._passed:
            check_operands(() if state is None else state, f"b {self.heads}",
                           f"b {self.heads} {self.size}", weights=(self.query, "width"),
                           x=(x, "b width"))  # fmt: skip
            self._passed = given
        scores, values = self.scores(x), self.split(self.to_value(x))
        checks.finite("scores", scores)
        before, u, w = state
        m = torch.maximum(before, scores)
        keep, enter = torch.exp(before - m), torch.exp(scores - m)
        u = u * keep + enter
        w = w * keep[..., None] + enter[..., None] * values
        return self.out((w / u[..., None]).flatten(1)), (m, u, w)
