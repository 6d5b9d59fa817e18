"""Attention and the decoder layer of [du-2025-context].

The layer is post-norm, as released; pre-norm and scaled products are what the small models need.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paralg.core import checks

__all__ = ["CrossAttention", "DecoderLayer", "DropPath", "LayerConfig"]


@dataclass(frozen=True)
class LayerConfig:
    """Sizes and options of every layer of a model.

    Parameters
    ----------
    width, heads, pre_norm : int, int, bool
        Numbers in a state; heads, one for 32 of them in the paper's models; whether a sublayer
        normalises what it reads, instead of the sum that it returns.
    drop_path : float
        Probability with which a residual branch is left out, in training, for an image.
    """

    width: int = 64
    heads: int = 2
    pre_norm: bool = False
    drop_path: float = 0.0

    def __post_init__(self):
        checks.integers(1, width=self.width, heads=self.heads)
        checks.instance("pre_norm", self.pre_norm, bool)
        checks.number("drop_path", self.drop_path, 0, 0.99)
        if self.width % self.heads:
            raise ValueError(f"heads must divide width {self.width}, got {self.heads}")


class CrossAttention(nn.Module):
    """Attention, softmax(c Q Kᵀ) V in each head; c is 1/√(width of a head), or 1 unscaled."""

    def __init__(self, config: LayerConfig, *, scaled: bool = True):
        super().__init__()
        d, self.heads = config.width, config.heads
        self.scale = math.sqrt(self.heads / d) if scaled else 1.0
        self.q, self.kv, self.out = nn.Linear(d, d), nn.Linear(d, 2 * d), nn.Linear(d, d)

    def keys_values(self, kv: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of states; apart, so that those that stay can be kept."""
        keys, values = self.kv(kv).chunk(2, dim=-1)
        return self._split(keys), self._split(values)

    def weights(self, q: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return how much each query looks at each key, (B, heads, queries, keys)."""
        products = self._split(self.q(q)) @ keys.transpose(-1, -2) * self.scale
        if mask is not None:
            products = products.masked_fill(~mask, -math.inf)
        return products.softmax(dim=-1)

    def forward(self, q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return what queries find among keys; the mask is true where one may look."""
        mixed = self.weights(q, keys, mask) @ values
        return self.out(mixed.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class DropPath(nn.Module):
    """Leave a residual branch out for some images of a training batch, and enlarge the others."""

    def __init__(self, rate: float):
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.rate or not self.training:
            return x
        return x * (torch.rand(len(x), 1, 1) >= self.rate) / (1 - self.rate)


class DecoderLayer(nn.Module):
    r"""Queries read keys, then each state is transformed alone; 12d² + 13d parameters.

    .. math:: h = \mathrm{LN}(q + \mathrm{Attention}(q, kv)), \quad
              \mathrm{out} = \mathrm{LN}(h + \mathrm{MLP}(h))

    Pre-norm: h = q + Attention(LN(q), LN(kv)), out = h + MLP(LN(h)).
    """

    def __init__(self, config: LayerConfig, *, scaled: bool = True):
        super().__init__()
        d, self.pre_norm = config.width, config.pre_norm
        self.attention = CrossAttention(config, scaled=scaled)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(2))
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        self.drop = DropPath(config.drop_path)

    def forward(self, q: Tensor, kv: Tensor) -> Tensor:
        """Return new states of the queries, (B, queries, d)."""
        return self.attend(q, *self.attention.keys_values(self.entry(kv, 0)))

    def attend(self, q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return them for keys and values that may have been kept."""
        h = self.close(q, self.attention(self.entry(q, 0), keys, values, mask), 0)
        return self.close(h, self.mlp(self.entry(h, 1)), 1)

    def entry(self, x: Tensor, norm: int) -> Tensor:
        """Return states as a sublayer reads them."""
        return self.norms[norm](x) if self.pre_norm else x

    def close(self, x: Tensor, branch: Tensor, norm: int) -> Tensor:
        """Return the sum of a sublayer as the next one gets it."""
        return x + self.drop(branch) if self.pre_norm else self.norms[norm](x + self.drop(branch))
