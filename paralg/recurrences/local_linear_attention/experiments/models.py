"""One small network with a choice of mixer, for experiments in which nothing else differs."""

import math
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, softplus

from paralg.core import checks
from paralg.recurrences.local_linear_attention.conjugate import CGOptions
from paralg.recurrences.local_linear_attention.layer import LocalLinearAttention
from paralg.recurrences.local_linear_attention.variants import mesa
from paralg.sequence import ConvolutionBlock, SequenceModel
from paralg.sequence.memories import GLA, GatedDelta, Heads, Hyena

__all__ = ["MIXERS", "network"]


class Mesa(Heads):
    """Ridge regression of each prefix, with a learned ridge for each head."""

    def __init__(self, width: int, heads: int = 1):
        super().__init__(width, heads)
        self.ridge = nn.Parameter(torch.full((heads,), math.log(math.expm1(1.0))))

    def mix(self, q: Tensor, k: Tensor, v: Tensor, x: Tensor) -> Tensor:
        """Solve by conjugate gradients."""
        ridge = softplus(self.ridge).repeat(x.shape[0])[:, None, None].expand(*q.shape[:2], 1)
        return mesa(q, k, v, ridge, CGOptions(rtol=1e-4))


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
        from paralg.recurrences.mamba import MambaBlock

        return MambaBlock(d_model=width)
    return BASELINES[kind](width, heads) if kind in BASELINES else _Projected(width, heads, kind)


def network(
    mixer: str, inputs: int, outputs: int, *, tokens: bool, width: int = 32, layers: int = 2,
    heads: int = 1, seed: int = 0, method: str = "cg",
) -> SequenceModel:  # fmt: skip
    """Return the network around a mixer of `MIXERS`, each behind a short convolution."""
    checks.one_of("mixer", mixer, MIXERS)
    sizes = {"tokens": tokens, "width": width, "layers": layers, "seed": seed}
    make = partial(_mixer, mixer, width, heads, method)
    return SequenceModel(make, inputs, outputs, block=ConvolutionBlock, **sizes)
