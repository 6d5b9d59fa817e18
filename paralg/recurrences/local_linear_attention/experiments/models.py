"""One small network with a choice of mixer, for experiments in which nothing else differs.

Gated DeltaNet, GLA, Mesa and Hyena are recalled from their papers, not verified against them, and
reduced to what mixes tokens: none has the output gate, norm or kernel that its authors add.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, normalize, scaled_dot_product_attention, softplus

from paralg.recurrences.local_linear_attention.conjugate import CGOptions
from paralg.recurrences.local_linear_attention.layer import LocalLinearAttention
from paralg.recurrences.local_linear_attention.variants import delta_rule, gated_sum, mesa
from paralg.sequence import ConvolutionBlock, SequenceModel

__all__ = ["MIXERS", "network"]


class _Heads(nn.Module):
    """Project to heads with keys and queries of length 1, mix, project back."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        if width % heads:
            raise ValueError(f"heads must divide width {width}, got {heads}")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def split(self, x: Tensor) -> Tensor:
        """Return heads as rows: shape (b, n, heads · s) to (b · heads, n, s)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2).flatten(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), causally."""
        q, k, v = (self.split(y) for y in self.qkv(x).chunk(3, dim=-1))
        mixed = self.mix(normalize(q, dim=-1), normalize(k, dim=-1), v, x)
        return self.out(mixed.unflatten(0, (-1, self.heads)).transpose(1, 2).flatten(2))


class GatedDelta(_Heads):
    r""":math:`S_t = \alpha_t S_{t-1} (I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top`, gated."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__(width, heads)
        self.gates = nn.Linear(width, 2 * heads)
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():
            self.gates.bias[:heads], self.gates.bias[heads:] = 0.0, math.log(math.expm1(0.01))

    def mix(self, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
        """Apply the rule with gates of each token."""
        rate, loss = (self.split(y) for y in self.gates(x).chunk(2, dim=-1))
        return delta_rule(q, k, v, rate.sigmoid(), torch.exp(-softplus(loss)))


class GLA(_Heads):
    """Gated linear attention, whose gates forget each coordinate of the keys on its own."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__(width, heads)
        self.gates = nn.Linear(width, width)

    def mix(self, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
        """Apply the rule; gates are the sixteenth root of a sigmoid."""
        return gated_sum(q, k, v, torch.exp(self.split(logsigmoid(self.gates(x))) / 16))


class Mesa(_Heads):
    """Ridge regression of each prefix, with a learned ridge for each head."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__(width, heads)
        self.ridge = nn.Parameter(torch.full((heads,), math.log(math.expm1(1.0))))

    def mix(self, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
        """Solve by conjugate gradients."""
        ridge = softplus(self.ridge).repeat(x.shape[0])[:, None, None].expand(*q.shape[:2], 1)
        return mesa(q, k, v, ridge, CGOptions(rtol=1e-4))


class Hyena(nn.Module):
    """Hyena of order 2: a gate, a long convolution, a gate."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__()
        self.qkv, self.out = (nn.Linear(width, size, bias=False) for size in (3 * width, width))
        self.first, self.second = nn.Linear(9, 32), nn.Linear(32, width)
        self.decay = nn.Parameter(torch.linspace(math.log(0.02), math.log(0.5), width))

    def filters(self, length: int) -> Tensor:
        """Return the filter of each channel, shape (width, length)."""
        at = torch.arange(length)[:, None]
        waves = at * (math.pi * 2.0 ** -torch.arange(4.0))
        place = torch.cat([at / 64, waves.sin(), waves.cos()], 1)
        shape = self.second(torch.sin(self.first(place)))
        return (shape * torch.exp(-at * self.decay.exp())).T

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), causally."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        n = x.shape[1]
        signal, kernel = (torch.fft.rfft(y, 2 * n) for y in ((k * v).mT, self.filters(n)))
        return self.out(q * torch.fft.irfft(signal * kernel, 2 * n)[..., :n].mT)


BASELINES = {"gated-delta": GatedDelta, "gla": GLA, "mesa": Mesa, "hyena": Hyena}
MIXERS = ("softmax", "lla", "linear", "mamba", *BASELINES)


class _Projected(LocalLinearAttention):
    """Projections and normalisation of the layer, around another way to mix."""

    def __init__(self, width: int, heads: int, kind: str):
        super().__init__(width, heads)
        self.kind, self.ridge_bias = kind, None

    def ridges(self, x: Tensor) -> None:
        """Return nothing: there is no regression here."""

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), causally."""
        q, k, v, _ = self.project(x)
        if self.kind == "softmax":
            mixed = scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)
        else:
            mixed = (q @ k.mT).tril() @ v / k.shape[-2] ** 0.5
        return self.out(mixed.transpose(1, 2).flatten(2))


def _mixer(kind: str, width: int, heads: int, method: str) -> nn.Module:
    if kind == "lla":
        return LocalLinearAttention(width, heads, method=method, cg_rtol=1e-4)
    if kind == "mamba":
        from paralg.recurrences.mamba import MambaBlock, MambaConfig

        block = MambaBlock(MambaConfig(d_model=width, vocab_size=2))
        block.register_forward_hook(lambda module, given, out: out[0])  # without the state
        return block
    return BASELINES[kind](width, heads) if kind in BASELINES else _Projected(width, heads, kind)


def network(
    mixer: str, inputs: int, outputs: int, *, tokens: bool, width: int = 32, layers: int = 2,
    heads: int = 1, seed: int = 0, method: str = "cg",
) -> SequenceModel:  # fmt: skip
    """Return the network around a mixer of `MIXERS`, each behind a short convolution."""
    if mixer not in MIXERS:
        raise ValueError(f"mixer must be one of {MIXERS}, got {mixer!r}")
    sizes = {"tokens": tokens, "width": width, "layers": layers, "seed": seed}
    make = partial(_mixer, mixer, width, heads, method)
    return SequenceModel(make, inputs, outputs, block=ConvolutionBlock, **sizes)
