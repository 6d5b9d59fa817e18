"""One small network with a choice of mixer, for experiments in which nothing else differs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from paralg.recurrences.local_linear_attention.baselines import BASELINES
from paralg.recurrences.local_linear_attention.layer import LocalLinearAttention

__all__ = ["MIXERS", "SequenceModel"]

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
        mixed = {"softmax": _softmax, "linear": _linear}[self.kind](q, k, v)
        return self.out(mixed.transpose(1, 2).flatten(2))


def _softmax(q, k, v):
    return scaled_dot_product_attention(q, k, v, is_causal=True, scale=1.0)


def _linear(q, k, v):
    return (q @ k.mT).tril() @ v / k.shape[-2] ** 0.5


def _mixer(kind: str, width: int, heads: int, method: str) -> nn.Module:
    if kind == "lla":
        return LocalLinearAttention(width, heads, method=method, cg_rtol=1e-4)
    if kind == "mamba":
        from paralg.recurrences.mamba import MambaBlock, MambaConfig

        return _First(MambaBlock(MambaConfig(d_model=width, vocab_size=2)))
    return BASELINES[kind](width, heads) if kind in BASELINES else _Projected(width, heads, kind)


class _First(nn.Module):
    """Drop the state that a Mamba block returns beside its output."""

    def __init__(self, block: nn.Module):
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        """Mix a whole sequence."""
        return self.block(x)[0]


class _Layer(nn.Module):
    """Norm, causal convolution of width 4, mixer, around them a sum; no perceptron."""

    def __init__(self, width: int, mixer: nn.Module):
        super().__init__()
        self.norm, self.mixer = nn.LayerNorm(width), mixer
        self.conv = nn.Conv1d(width, width, 4, groups=width, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Return x plus what the mixer makes of it."""
        y = self.norm(x)
        y = y + self.conv(y.mT)[..., : x.shape[1]].mT
        return x + self.mixer(y)


class SequenceModel(nn.Module):
    """Embed, mix, read; the mixer is the only part that differs between experiments.

    Parameters
    ----------
    mixer : str
        One of `MIXERS`.
    sizes : (int, int)
        Of input and output, from a task.
    tokens : bool
        Whether inputs are tokens, else vectors.
    width, layers, heads : int
    seed : int
        Of the first weights.
    method : str
        How local linear attention is computed.

    Raises
    ------
    ValueError
        An unknown mixer.

    Notes
    -----
    All mixers stand behind the same short causal convolution, which gives every one of them the
    neighbouring token; without it only Mamba, which has its own, would know what came before.
    """

    def __init__(
        self, mixer: str, sizes: tuple[int, int], *, tokens: bool, width: int = 32, layers: int = 2,
        heads: int = 1, seed: int = 0, method: str = "cg",
    ):  # fmt: skip
        super().__init__()
        if mixer not in MIXERS:
            raise ValueError(f"mixer must be one of {MIXERS}, got {mixer!r}")
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embed = nn.Embedding(sizes[0], width) if tokens else nn.Linear(sizes[0], width)
            self.layers = nn.ModuleList(
                _Layer(width, _mixer(mixer, width, heads, method)) for _ in range(layers)
            )
            self.norm, self.read = nn.LayerNorm(width), nn.Linear(width, sizes[1])

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs at every place, shape (b, n, size of output)."""
        x = self.embed(inputs)
        for layer in self.layers:
            x = layer(x)
        return self.read(self.norm(x))
