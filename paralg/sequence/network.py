"""A causal sequence model in which the mixer is exchanged and nothing else.

Whatever mixes tokens is a `Mixer`; a block puts it between norms and sums; `SequenceModel` stacks
blocks. All compute whole sequences at once, or one token at a time from a state.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from paralg.sequence.state import state_bytes

__all__ = [
    "ConvolutionBlock", "Mixer", "PerceptronBlock", "SequenceModel", "SequenceState", "sinusoidal",
]  # fmt: skip


class Mixer(Protocol):
    """A causal map from vectors to vectors, computed in parallel or one token at a time.

    ``step`` leaves the state it is given as it is, so that one may go on from it twice.
    """

    def forward(self, v: Tensor, **how) -> Tensor:
        """Mix a whole sequence, shape (b, n, width); output t depends on inputs up to t."""

    def begin(self, batch: int) -> Any:
        """Return the state before the first token."""

    def step(self, v: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Mix one token, shape (b, width); return its output and the state after it."""


class PerceptronBlock(nn.Module):
    """v ← v + Mixer(LN(v)), then v ← v + Perceptron(LN(v)).

    Parameters
    ----------
    width : int
    mixer : Module
        A `Mixer`.
    widen : int
        Hidden units over width.
    dropout : float
        Of what is added.

    Examples
    --------
    >>> PerceptronBlock(8, nn.Linear(8, 8), widen=4)(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, width: int, mixer: nn.Module, *, widen: int = 2, dropout: float = 0.0):
        super().__init__()
        self.norm, self.mixer = nn.LayerNorm(width), mixer
        self.perceptron = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, widen * width), nn.GELU(),
            nn.Linear(widen * width, width),
        )  # fmt: skip
        self.drop = nn.Dropout(dropout)

    def forward(self, v: Tensor, **how) -> Tensor:
        """Mix a whole sequence, shape (b, n, width)."""
        return self._rest(v, self.mixer(self.norm(v), **how))

    def begin(self, batch: int) -> Any:
        """Return the mixer's first state."""
        return self.mixer.begin(batch)

    def step(self, v: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Mix one token, shape (b, width)."""
        mixed, state = self.mixer.step(self.norm(v), state)
        return self._rest(v, mixed), state

    def _rest(self, v: Tensor, mixed: Tensor) -> Tensor:
        v = v + self.drop(mixed)
        return v + self.drop(self.perceptron(v))


class ConvolutionBlock(nn.Module):
    """Norm, causal convolution of width 4, mixer, around them a sum; no perceptron.

    The convolution gives every mixer the tokens just before; without it only Mamba, which has its
    own, would know what came before.

    Parameters
    ----------
    width : int
    mixer : Module
        A `Mixer`.

    Examples
    --------
    >>> ConvolutionBlock(8, nn.Linear(8, 8))(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, width: int, mixer: nn.Module):
        super().__init__()
        self.norm, self.mixer = nn.LayerNorm(width), mixer
        self.conv = nn.Conv1d(width, width, 4, groups=width, padding=3)

    def forward(self, v: Tensor, **how) -> Tensor:
        """Mix a whole sequence, shape (b, n, width)."""
        y = self.norm(v)
        y = y + self.conv(y.mT)[..., : v.shape[1]].mT
        return v + self.mixer(y, **how)

    def begin(self, batch: int) -> tuple[Tensor, Any]:
        """Return a window of zeros, shape (batch, 3, width), and the mixer's first state."""
        return self.conv.weight.new_zeros(batch, 3, len(self.conv.weight)), self.mixer.begin(batch)

    def step(self, v: Tensor, state: tuple[Tensor, Any]) -> tuple[Tensor, tuple[Tensor, Any]]:
        """Mix one token, shape (b, width)."""
        y, (window, inner) = self.norm(v), state
        window = torch.cat([window, y[:, None]], dim=1)
        y = y + (window * self.conv.weight[:, 0].T).sum(1) + self.conv.bias
        mixed, inner = self.mixer.step(y, inner)
        return v + mixed, (window[:, 1:], inner)


@dataclass(frozen=True, eq=False)
class SequenceState:
    """What a model keeps between two tokens: how many there were, and a state for each block."""

    count: int
    states: tuple

    @property
    def nbytes(self) -> int:
        """Bytes of all states."""
        return state_bytes(self.states)


class SequenceModel(nn.Module):
    """Embedding, positions, blocks around a mixer, norm, linear head.

    Parameters
    ----------
    mixer : callable () -> Module
        Makes the `Mixer` of one block, with fresh weights.
    inputs, outputs : int
        Number of tokens, or of features where inputs are vectors; numbers at every position.
    tokens : bool
        Whether inputs are tokens, else vectors.
    width, layers : int
        Numbers in a vector, and number of blocks.
    block : callable (width, mixer) -> Module
        What stands around a mixer: `PerceptronBlock` or `ConvolutionBlock`, with its options.
    positions : callable (position ids, width) -> Tensor, optional
        Vectors that are added to the embedding, as `sinusoidal`; none by default.
    seed : int
        Of the first weights.

    Examples
    --------
    >>> model = SequenceModel(lambda: nn.Linear(16, 16), 5, 3, width=16, positions=sinusoidal)
    >>> model(torch.tensor([[1, 2, 3, 4]])).shape
    torch.Size([1, 4, 3])
    """

    def __init__(
        self, mixer: Callable[[], nn.Module], inputs: int, outputs: int, *, tokens: bool = True,
        width: int = 64, layers: int = 2,
        block: Callable[[int, nn.Module], nn.Module] = PerceptronBlock,
        positions: Callable[[Tensor, int], Tensor] | None = None, seed: int = 0,
    ):  # fmt: skip
        super().__init__()
        self.width, self.positions = width, positions
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(inputs, width) if tokens else nn.Linear(inputs, width)
            self.blocks = nn.ModuleList(block(width, mixer()) for _ in range(layers))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, x: Tensor, **how) -> Tensor:
        """Return outputs, (b, n) or (b, n, inputs) → (b, n, outputs); options go to every mixer."""
        v = self._placed(self.embed(x), torch.arange(x.shape[1]))
        for block in self.blocks:
            v = block(v, **how)
        return self.head(self.norm(v))

    def begin(self, batch: int = 1) -> SequenceState:
        """Return the state before the first token."""
        return SequenceState(0, tuple(block.begin(batch) for block in self.blocks))

    def step(self, x: Tensor, state: SequenceState) -> tuple[Tensor, SequenceState]:
        """Take one token of each row, (b,) or (b, inputs); return outputs, and the new state."""
        v, after = self._placed(self.embed(x), torch.tensor([state.count])), []
        for block, before in zip(self.blocks, state.states, strict=True):
            v, new = block.step(v, before)
            after.append(new)
        return self.head(self.norm(v)), SequenceState(state.count + 1, tuple(after))

    def _placed(self, v: Tensor, ids: Tensor) -> Tensor:
        ids = ids.to(v) if v.dtype == torch.float64 else ids.to(v.device)  # no less precise than v
        return v if self.positions is None else v + self.positions(ids, self.width).to(v)


def sinusoidal(
    ids: Tensor | float, width: int, *, longest: float = 10_000.0, amplitude: float = 1.0,
    layout: str = "interleaved",
) -> Tensor:  # fmt: skip
    r"""Return sines and cosines of position ids, shape (\*ids.shape, width).

    .. math:: P_{2j} = \sin(i / R^{2j/d}), \quad P_{2j+1} = \cos(i / R^{2j/d})

    Source: [vaswani-2017-attention], section 3.5; [dehghani-2019-universal] (recalled).

    Parameters
    ----------
    ids : Tensor, any shape, or float
        Position, or step, i.
    width : int
        Numbers d in a vector; even for the layout "split".
    longest, amplitude : float
        Reach R, the slowest wave turns by about one radian in so many positions; factor of all.
    layout : {"interleaved", "split"}
        Sines and cosines in turn, as above; or all sines before all cosines, with the rates
        :math:`R^{-j / (d/2 - 1)}`, as in the released code of tensor2tensor.

    Examples
    --------
    >>> sinusoidal(0, 4).tolist(), sinusoidal(0, 4, layout="split").tolist()
    ([0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    """
    ids, split = torch.as_tensor(ids), layout == "split"
    ids = ids if ids.is_floating_point() else ids.to(torch.get_default_dtype())
    intervals = max(width // 2 - 1, 1) if split else width / 2
    channels = torch.arange((width + 1) // 2, dtype=ids.dtype, device=ids.device)
    rates = torch.exp(channels * (-math.log(longest) / intervals))
    angles = ids[..., None] * rates
    waves = torch.stack([angles.sin(), angles.cos()], dim=-2 if split else -1)
    return amplitude * waves.flatten(-2)[..., :width]


def waves(x: Tensor, ids: Tensor | float, width: int, **how) -> Tensor:
    """Return `sinusoidal` of ids, as precise as the states x, at least of single precision."""
    kind = torch.promote_types(x.dtype, torch.float32)
    return sinusoidal(torch.as_tensor(ids).to(x.device, kind), width, **how).to(x.dtype)
