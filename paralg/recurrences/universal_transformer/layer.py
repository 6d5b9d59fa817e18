"""The block: multi-head attention, transition, residual sums and norms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.config import UTConfig

__all__ = ["Attention", "Fc", "Layer", "SepConv"]

_KERNELS = (3, 5)  # of the two separable convolutions, as in the released code


class Attention(nn.Module):
    r"""Scaled dot-product attention with k heads.

    .. math:: \operatorname{softmax}\left(Q K^\top / \sqrt{d / k}\right) V

    Parameters
    ----------
    d_model, heads : int

    Notes
    -----
    Queries and keys are made by separate methods, so that an executor may keep the keys and values
    of positions that stand still.
    """

    def __init__(self, d_model: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d_model, d_model) for _ in range(4))

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of states, each of their shape."""
        return self.k(x), self.v(x)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, allowed: Tensor | None) -> Tensor:
        """Attend from states to keys and values.

        Parameters
        ----------
        x : Tensor, shape (b, m, d)
        keys, values : Tensor, shape (b, n, d)
        allowed : Tensor of bool, shape broadcasting to (b, m, n), optional
            Who may look at whom; a row without any key gives zeros before the last projection.
        """
        q, k, v = (self._split(part) for part in (self.q(x), keys, values))
        mask = None if allowed is None else allowed.unsqueeze(-3)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.o(mixed.transpose(-3, -2).flatten(-2))

    def weights(self, x: Tensor, keys: Tensor, allowed: Tensor | None) -> Tensor:
        """Return who attends to whom and how much, shape (b, heads, m, n)."""
        q, k = self._split(self.q(x)), self._split(keys)
        scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if allowed is not None:
            scores = scores.masked_fill(~allowed.unsqueeze(-3), -torch.inf)
        return scores.softmax(dim=-1)

    def _split(self, x: Tensor) -> Tensor:
        """Shape (b, n, d) to (b, heads, n, d / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class Fc(nn.Sequential):
    """The transition of a position by itself: d to d_ff to d with a ReLU between."""

    def __init__(self, config: UTConfig):
        super().__init__(
            nn.Linear(config.d_model, config.d_ff),
            nn.ReLU(),
            nn.Linear(config.d_ff, config.d_model),
        )

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the transition of every state; `valid` plays no part."""
        return super().forward(x)


class SepConv(nn.Module):
    """Two depthwise-separable convolutions, windows 3 and 5, with a ReLU between.

    Parameters
    ----------
    config : UTConfig
    causal : bool
        Whether the windows end at the position instead of being centred on it.
    """

    def __init__(self, config: UTConfig, causal: bool = False):
        super().__init__()
        d, wide = config.d_model, config.d_ff
        self.causal = causal
        self.window = nn.ModuleList(
            nn.Conv1d(c, c, k, groups=c, bias=False)
            for c, k in zip((d, wide), _KERNELS, strict=True)
        )
        self.mix = nn.ModuleList([nn.Linear(d, wide), nn.Linear(wide, d)])

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return the transition, shape (b, n, d); padding counts as zeros in the windows."""
        x = self._convolve(x, valid, 0).relu()
        return self._convolve(x, valid, 1)

    def _convolve(self, x: Tensor, valid: Tensor | None, which: int) -> Tensor:
        if valid is not None:
            x = x * valid[..., None]
        k = _KERNELS[which]
        sides = (k - 1, 0) if self.causal else (k // 2, k // 2)
        x = x.transpose(1, 2)
        if x.shape[-1]:  # torch convolves nothing empty
            x = self.window[which](nn.functional.pad(x, sides))
        return self.mix[which](x.transpose(1, 2))


class Layer(nn.Module):
    r"""One block; the same one at every step.

    .. math:: A = \text{Norm}(X + \text{MHSA}(X)), \quad H = \text{Norm}(A + \text{Transition}(A))

    or, with ``norm="pre"``, :math:`A = X + \text{MHSA}(\text{Norm}(X))` and so on.

    Parameters
    ----------
    config : UTConfig
    cross : bool
        Whether attention to another sequence stands between the two sublayers (the decoder).
    causal : bool
        Whether convolutions look back only.

    References
    ----------
    [dehghani-2019-universal], section 2.1.
    """

    def __init__(self, config: UTConfig, *, cross: bool = False, causal: bool = False):
        super().__init__()
        d = config.d_model
        self.pre = config.norm == "pre"
        self.attention = Attention(d, config.heads)
        self.cross = Attention(d, config.heads) if cross else None
        self.transition = SepConv(config, causal) if config.transition == "sepconv" else Fc(config)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(2 + cross))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, *, valid=None, allowed=None, context=None, seen=None) -> Tensor:
        """Return the new states.

        Parameters
        ----------
        x : Tensor, shape (b, n, d)
        valid : Tensor of bool, shape (b, n), optional
            Positions that are no padding.
        allowed : Tensor of bool, shape broadcasting to (b, n, n), optional
            Who may look at whom.
        context : Tensor, shape (b, m, d), optional
            The other sequence, for a layer with cross attention.
        seen : Tensor of bool, shape broadcasting to (b, n, m), optional
            What may be seen of it.
        """
        keys, values = self.attention.keys_values(self.entry(x))
        outside = None if self.cross is None else self.cross.keys_values(context)
        a = self.attend(x, keys, values, allowed, outside, seen)
        return self.transit(a, valid)

    def entry(self, x: Tensor) -> Tensor:
        """Return states as attention reads them: normed if norms come first."""
        return self.norms[0](x) if self.pre else x

    def attend(self, x, keys, values, allowed, outside=None, seen=None) -> Tensor:
        """Return A: the attention sublayers with their sums and norms."""
        a = self._close(x, self.attention(self.entry(x), keys, values, allowed), 0)
        if self.cross is not None:
            entry = self.norms[1](a) if self.pre else a
            a = self._close(a, self.cross(entry, *outside, seen), 1)
        return a

    def transit(self, a: Tensor, valid: Tensor | None = None) -> Tensor:
        """Return H: the transition with its sum and norm."""
        entry = self.norms[-1](a) if self.pre else a
        return self._close(a, self.transition(entry, valid), -1)

    def _close(self, x: Tensor, branch: Tensor, norm: int) -> Tensor:
        """Residual sum, and the norm if norms come last."""
        x = x + self.dropout(branch)
        return x if self.pre else self.norms[norm](x)
