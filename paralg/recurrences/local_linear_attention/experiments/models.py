"""One small network with a choice of mixer, for experiments in which nothing else differs."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from paralg.recurrences.local_linear_attention.experiments.baselines import BASELINES
from paralg.recurrences.local_linear_attention.layer import LocalLinearAttention
from paralg.sequence import ConvolutionBlock, SequenceModel

__all__ = ["MIXERS", "network"]

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


class _First(nn.Module):
    """Drop the state that a Mamba block returns beside its output."""

    def __init__(self, block: nn.Module):
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence."""
        return self.block(x)[0]


def _mixer(kind: str, width: int, heads: int, method: str) -> nn.Module:
    if kind == "lla":
        return LocalLinearAttention(width, heads, method=method, cg_rtol=1e-4)
    if kind == "mamba":
        from paralg.recurrences.mamba import MambaBlock, MambaConfig

        return _First(MambaBlock(MambaConfig(d_model=width, vocab_size=2)))
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
