"""The multi-head layer around local linear attention, in parallel and token by token."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, rms_norm, softplus

from paralg.recurrences.local_linear_attention.fast.attention import lla_attention
from paralg.sequence.state import KeyValueCache

__all__ = ["LocalLinearAttention"]


class LocalLinearAttention(nn.Module):
    r"""Project to heads, normalise queries and keys, fit local lines, project back.

    Parameters
    ----------
    width, heads : int
        Of the input vectors (b, n, width); heads divide the width.
    ridge : float
        First value of λ.
    ridge_kind : {"scalar", "head", "token"}
        One learned λ; one for each head; or one computed from each token. Softplus keeps it
        positive.
    norm : {"rms", "l2", "none"}
        How queries and keys are normalised (recalled, not verified against the paper).
    scale : float, optional
        First value of the learned factor of the logits: 1/√(width of a head), or 4 for "l2".
        Queries and keys are multiplied by its root, so that distances change with it.
    **options
        For `lla_attention`, as ``method="direct"`` or ``weight_norm="softmax"``.

    Raises
    ------
    ValueError
        Heads that do not divide the width, or an unknown switch.

    Examples
    --------
    >>> layer = LocalLinearAttention(8, heads=2)
    >>> layer(torch.zeros(1, 5, 8)).shape
    torch.Size([1, 5, 8])
    """

    def __init__(
        self, width: int, heads: int = 1, *, ridge: float = 1.0, ridge_kind: str = "head",
        norm: str = "rms", scale: float | None = None, **options,
    ):  # fmt: skip
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide width {width}, got {heads}")
        if ridge_kind not in (kinds := ("scalar", "head", "token")):
            raise ValueError(f"ridge_kind must be one of {kinds}, got {ridge_kind!r}")
        if norm not in ("rms", "l2", "none"):
            raise ValueError(f"norm must be 'rms', 'l2' or 'none', got {norm!r}")
        self.heads, self.norm, self.options, self.ridge_kind = heads, norm, options, ridge_kind
        size = width // heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        first = (4.0 if norm == "l2" else size**-0.5) if scale is None else scale
        self.log_scale = nn.Parameter(torch.full((heads,), math.log(first)))
        raw = ridge + math.log(-math.expm1(-ridge))  # inverse of softplus
        self.ridge_bias = nn.Parameter(torch.full((1 if ridge_kind == "scalar" else heads,), raw))
        if ridge_kind == "token":
            self.ridge_proj = nn.Linear(width, heads, bias=False)
            nn.init.zeros_(self.ridge_proj.weight)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return q, k, v of shape (b, heads, n, size) and λ of shape (b, heads, n)."""
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2)
                   for y in self.qkv(x).chunk(3, dim=-1))  # fmt: skip
        if self.norm == "rms":
            q, k = (rms_norm(y, y.shape[-1:]) for y in (q, k))
        elif self.norm == "l2":
            q, k = (normalize(y, dim=-1) for y in (q, k))
        root = torch.exp(0.5 * self.log_scale)[:, None, None]
        return root * q, root * k, v, self.ridges(x)

    def ridges(self, x: Tensor) -> Tensor:
        """Return λ of each head and token, shape (b, heads, n)."""
        raw = self.ridge_bias.expand(self.heads)[:, None].expand(x.shape[0], self.heads, x.shape[1])
        if self.ridge_kind == "token":
            raw = raw + self.ridge_proj(x).mT
        return softplus(raw)

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), causally."""
        q, k, v, ridge = self.project(x)
        mixed = lla_attention(q, k, v, ridge, qk_scale=1.0, **self.options)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def begin(self, batch: int) -> KeyValueCache:
        """Return an empty cache; it takes its shape from the first token."""
        return KeyValueCache()

    @torch.no_grad()
    def extend(self, x: Tensor, cache: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Mix new tokens, shape (b, t, width), with those in the cache; return the longer one."""
        q, k, v, ridge = self.project(x)
        cache = cache.extended(k, v)
        mixed = lla_attention(q, *cache.held(), ridge, qk_scale=1.0, **self.options)
        return self.out(mixed.transpose(1, 2).flatten(2)), cache

    def step(self, x: Tensor, cache: KeyValueCache) -> tuple[Tensor, KeyValueCache]:
        """Mix one token, shape (b, width)."""
        out, cache = self.extend(x[:, None], cache)
        return out[:, 0], cache
