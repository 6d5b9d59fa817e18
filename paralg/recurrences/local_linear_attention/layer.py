"""The multi-head layer around local linear attention, in parallel and token by token."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, rms_norm, softplus

from paralg.core import checks
from paralg.recurrences.local_linear_attention.fast.attention import lla_attention
from paralg.recurrences.local_linear_attention.fast.flash import LLAOptions
from paralg.sequence.padding import blank, token_mask
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
        if checks.integer("width", width, 1) % checks.integer("heads", heads, 1):
            raise ValueError(f"heads must divide width {width}, got {heads}")
        checks.one_of("ridge_kind", ridge_kind, ("scalar", "head", "token"))
        checks.one_of("norm", norm, ("rms", "l2", "none"))
        scale = (4.0 if norm == "l2" else (width // heads) ** -0.5) if scale is None else scale
        LLAOptions.of(torch.empty(1), qk_scale=checks.number("scale", scale, above=0), **options)
        self.heads, self.norm, self.options, self.ridge_kind = heads, norm, options, ridge_kind
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.log_scale = nn.Parameter(torch.full((heads,), math.log(scale)))
        raw = checks.number("ridge", ridge, above=0) + math.log(-math.expm1(-ridge))
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

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Mix sequences, (b, n, width), causally; the ``mask``, (b, n), is False at padding."""
        checks.tensors(x=(x, f"b n {self.out.in_features}"), width=(self.out.weight, "d w"))
        mask = token_mask(mask, x.shape[:2], x.device)
        q, k, v, ridge = self.project(blank(x, mask))
        mask = mask if mask is None else mask[:, None].expand(-1, self.heads, -1)
        mixed = lla_attention(q, k, v, ridge, qk_scale=1.0, mask=mask, **self.options)
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
