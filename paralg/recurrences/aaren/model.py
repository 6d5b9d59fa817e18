"""A causal sequence model in which the layer is exchanged and nothing else.

Pre-norm residual blocks, h ← h + Layer(LN(h)), h ← h + MLP(LN(h)), with sinusoidal positions added
to the input; the paper does not say where its norms stand, before is our choice.
Positions have a fifth of the usual amplitude, for both kinds; `choose` has the runs it was chosen
by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from paralg.recurrences.aaren.layer import KINDS
from paralg.sequence.state import state_bytes

__all__ = ["Block", "SequenceModel", "Shape", "Stream", "block_parameters", "positions"]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Parameters
    ----------
    inputs, outputs : int
        Numbers that come in and go out at every token.
    kind : {"aaren", "transformer"}
    width, layers, heads : int
    dropout : float
    amplitude : float
        Of the positions.

    Raises
    ------
    ValueError
        An unknown kind, or a size below 1.
    """

    inputs: int
    outputs: int
    kind: str = "aaren"
    width: int = 64
    layers: int = 2
    heads: int = 4
    dropout: float = 0.0
    amplitude: float = 0.2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {tuple(KINDS)}, got {self.kind!r}")
        for name in ("inputs", "outputs", "width", "layers", "heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def of(self, kind: str) -> Shape:
        """Return the same sizes with the other layer."""
        return replace(self, kind=kind)


class Block(nn.Module):
    """Layer and two-layer perceptron four times as wide, each after a norm and around a sum.

    Parameters
    ----------
    kind : {"aaren", "transformer"}
    width, heads : int
    dropout : float
    """

    def __init__(self, kind: str, width: int, heads: int, dropout: float = 0.0):
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.layer = KINDS[kind](width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, h: Tensor, mask: Tensor | None = None, **how) -> Tensor:
        """Return the block's output, shape (b, n, width)."""
        return self._rest(h, self.layer(self.before(h), mask, **how))

    def step(self, h: Tensor, state) -> tuple[Tensor, object]:
        """Take one token, shape (b, width)."""
        mixed, state = self.layer.step(self.before(h), state)
        return self._rest(h, mixed), state

    def _rest(self, h: Tensor, mixed: Tensor) -> Tensor:
        h = h + self.drop(mixed)
        return h + self.drop(self.mlp(self.between(h)))


@dataclass(frozen=True, eq=False)
class Stream:
    """What a model keeps between tokens: how many there were, and a state a layer."""

    count: int
    states: tuple

    @property
    def nbytes(self) -> int:
        """Bytes of all states."""
        return sum(state_bytes(state) for state in self.states)


class SequenceModel(nn.Module):
    """Numbers in, numbers out, at every token; output k depends on tokens 1 … k.

    Parameters
    ----------
    shape : Shape
    seed : int
        Of the first weights.
    """

    def __init__(self, shape: Shape, seed: int = 0):
        super().__init__()
        self.shape = shape
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self.embed = nn.Linear(shape.inputs, shape.width)
            parts = (shape.kind, shape.width, shape.heads, shape.dropout)
            self.blocks = nn.ModuleList(Block(*parts) for _ in range(shape.layers))
            self.norm = nn.LayerNorm(shape.width)
            self.head = nn.Linear(shape.width, shape.outputs)

    def forward(self, x: Tensor, mask: Tensor | None = None, **how) -> Tensor:
        """Return outputs of shape (b, n, outputs) for inputs (b, n, inputs), all at once."""
        h = self.embed(x) + self._positions(0, x.shape[1]).to(x)
        for block in self.blocks:
            h = block(h, mask, **how)
        return self.head(self.norm(h))

    def _positions(self, first: int, count: int) -> Tensor:
        return self.shape.amplitude * positions(first, count, self.shape.width)

    def begin(self, batch: int = 1) -> Stream:
        """Return the stream before any token."""
        return Stream(0, tuple(block.layer.begin(batch) for block in self.blocks))

    def step(self, x: Tensor, stream: Stream) -> tuple[Tensor, Stream]:
        """Take one token of shape (b, inputs); return its output and the stream after it."""
        h = self.embed(x) + self._positions(stream.count, 1)[0].to(x)
        states = []
        for block, state in zip(self.blocks, stream.states, strict=True):
            h, state = block.step(h, state)
            states.append(state)
        return self.head(self.norm(h)), Stream(stream.count + 1, tuple(states))


def positions(first: int, count: int, width: int) -> Tensor:
    """Return sinusoidal position vectors of tokens ``first … first + count - 1``."""
    frequencies = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(first, first + count)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]


def block_parameters(kind: str, width: int) -> int:
    r"""Return the parameters of a block: :math:`12 d^2 + 13 d`, and d more for Aaren's query.

    Four projections have :math:`4 d^2 + 4 d`, the perceptron :math:`8 d^2 + 5 d`, two norms
    :math:`4 d`.

    Examples
    --------
    >>> block_parameters("transformer", 512), block_parameters("aaren", 512)
    (3152384, 3152896)
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {tuple(KINDS)}, got {kind!r}")
    return 12 * width**2 + 13 * width + (width if kind == "aaren" else 0)
