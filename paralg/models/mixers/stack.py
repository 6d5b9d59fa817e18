"""One small network in which only the mixer changes, so that nothing else can explain a result."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from paralg.models.mixers.choice import build

__all__ = ["SequenceModel", "positions"]

_REACH = 2000.0  # of the positions: the slowest wave turns by about one radian in so many tokens


class SequenceModel(nn.Module):
    """Embedding, positions, pre-norm layers of mixer and perceptron, norm, linear head.

    Parameters
    ----------
    mixer : str
        One of ``MIXERS``.
    inputs : int
        Number of tokens, or of features when ``embed`` is false.
    outputs : int
        Numbers at every position.
    embed : bool
        Whether inputs are tokens or vectors.
    width, layers, heads : int
    seed : int
        Of the initial weights.

    Raises
    ------
    ValueError
        Unknown mixer.

    Notes
    -----
    All mixers get the same positions, embeddings and perceptrons. A mixer keeps what belongs to it
    by its own paper: Mamba its short convolution, local linear attention its normed keys.

    Examples
    --------
    >>> model = SequenceModel("gru", inputs=5, outputs=3, width=16)
    >>> model(torch.tensor([[1, 2, 3, 4]])).shape
    torch.Size([1, 4, 3])
    """

    def __init__(
        self, mixer: str, inputs: int, outputs: int, *, embed: bool = True, width: int = 64,
        layers: int = 2, heads: int = 4, seed: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.mixer, self.width = mixer, width
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.input = nn.Embedding(inputs, width) if embed else nn.Linear(inputs, width)
            self.layers = nn.ModuleList(Layer(mixer, width, layers, heads) for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return outputs for whole sequences, shape (b, n) or (b, n, inputs) → (b, n, outputs)."""
        v = self.input(x) + positions(torch.arange(x.shape[1]), self.width)
        for layer in self.layers:
            v = layer(v)
        return self.head(self.norm(v))

    def first_states(self, batch: int) -> list[Any]:
        """Return the layers' states before the first token."""
        return [layer.mixer.begin(batch) for layer in self.layers]

    def step(self, x: Tensor, t: int, states: list[Any]) -> tuple[Tensor, list[Any]]:
        """Return outputs for token number t of each row, and the states after it.

        Parameters
        ----------
        x : Tensor, shape (b,) or (b, inputs)
        t : int
            Counted from 0.
        states : list
            One for each layer.
        """
        v, after = self.input(x) + positions(torch.tensor([t]), self.width), []
        for layer, state in zip(self.layers, states, strict=True):
            v, state = layer.step(v, state)
            after.append(state)
        return self.head(self.norm(v)), after


class Layer(nn.Module):
    """Add what the mixer makes of the normed stream, then what a perceptron makes of it."""

    def __init__(self, mixer: str, width: int, layers: int, heads: int):
        super().__init__()
        self.norm, self.mixer = nn.LayerNorm(width), build(mixer, width, layers, heads)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(),
            nn.Linear(2 * width, width),
        )  # fmt: skip

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width)."""
        v = v + self.mixer(self.norm(v))
        return v + self.perceptron(v)

    def step(self, v: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Mix one token, shape (b, width)."""
        out, state = self.mixer.step(self.norm(v), state)
        v = v + out
        return v + self.perceptron(v), state


def positions(t: Tensor, width: int) -> Tensor:
    """Return sines and cosines of positions, shape (n, width) for ``t`` of shape (n,)."""
    rates = torch.exp(-math.log(_REACH) * torch.arange(0, width, 2) / width)
    angles = t[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]
