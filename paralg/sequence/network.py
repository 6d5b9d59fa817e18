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

from paralg.core import checks
from paralg.sequence.batch import check_tokens
from paralg.sequence.padding import blank, token_mask
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

    def extend(self, v: Tensor, state: Any, **how) -> tuple[Tensor, Any]:
        """Mix a block of tokens after a state, shape (b, n, width); only some mixers can."""

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
        checks.integers(1, width=width, widen=widen)
        checks.instance("mixer", mixer, nn.Module)
        checks.number("dropout", dropout, 0, 1)
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

    def extend(self, v: Tensor, state: Any, **how) -> tuple[Tensor, Any]:
        """Mix a block of tokens, shape (b, n, width)."""
        mixed, state = self.mixer.extend(self.norm(v), state, **how)
        return self._rest(v, mixed), state

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
        checks.integer("width", width, 1)
        checks.instance("mixer", mixer, nn.Module)
        self.norm, self.mixer = nn.LayerNorm(width), mixer
        self.conv = nn.Conv1d(width, width, 4, groups=width, padding=3)

    def forward(self, v: Tensor, **how) -> Tensor:
        """Mix a whole sequence, shape (b, n, width); no masked token enters the convolution."""
        y = _covered(self.norm(v), how)
        y = y + self.conv(y.mT)[..., : v.shape[1]].mT
        return v + self.mixer(y, **how)

    def begin(self, batch: int) -> tuple[Tensor, Any]:
        """Return a window of zeros, shape (batch, 3, width), and the mixer's first state."""
        return self.conv.weight.new_zeros(batch, 3, len(self.conv.weight)), self.mixer.begin(batch)

    def extend(self, v: Tensor, state: tuple[Tensor, Any], **how) -> tuple[Tensor, Any]:
        """Mix a block of tokens, shape (b, n, width)."""
        y, (window, inner) = _covered(self.norm(v), how), state
        checks.sizes(v=(v, "b ..."), window=(window, "b 3 width"))
        window = torch.cat([window, y], dim=1)
        y = y + self.conv(window.mT)[..., 3 : window.shape[1]].mT
        mixed, inner = self.mixer.extend(y, inner, **how)
        return v + mixed, (window[:, v.shape[1] :], inner)

    def step(self, v: Tensor, state: tuple[Tensor, Any]) -> tuple[Tensor, tuple[Tensor, Any]]:
        """Mix one token, shape (b, width)."""
        y, (window, inner) = self.norm(v), state
        checks.sizes(v=(v, "b ..."), window=(window, "b 3 width"))
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
        checks.integers(1, inputs=inputs, outputs=outputs, width=width)
        checks.integers(0, layers=layers, seed=seed)
        for name, make in (("mixer", mixer), ("block", block), ("positions", positions or block)):
            checks.instance(name, make, Callable)
        self.width, self.positions = width, positions
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            self.embed = nn.Embedding(inputs, width) if tokens else nn.Linear(inputs, width)
            self.blocks = nn.ModuleList(block(width, mixer()) for _ in range(layers))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, x: Tensor, **how) -> Tensor:
        """Return outputs, (b, n) or (b, n, inputs) → (b, n, outputs); options go to every mixer.

        What stands where ``mask``, (b, n), is False has no influence on the other outputs.
        """
        v = self._entered(x, 0, how)
        for block in self.blocks:
            v = block(v, **how)
        return self.head(self.norm(v))

    def begin(self, batch: int = 1) -> SequenceState:
        """Return the state before the first token."""
        checks.integer("batch", batch)
        return SequenceState(0, tuple(block.begin(batch) for block in self.blocks))

    def step(self, x: Tensor, state: SequenceState) -> tuple[Tensor, SequenceState]:
        """Take one token of each row, (b,) or (b, inputs); return outputs, and the new state."""
        checks.instance("state", state, SequenceState)
        checks.instance("x", x, Tensor)
        v, after = self._entered(x[:, None], state.count, {})[:, 0], []
        for block, before in zip(self.blocks, state.states, strict=True):
            v, new = block.step(v, before)
            after.append(new)
        return self.head(self.norm(v)), SequenceState(state.count + 1, tuple(after))

    def extend(self, x: Tensor, state: SequenceState, **how) -> tuple[Tensor, SequenceState]:
        """Take a block of tokens of each row, as `forward`; return outputs, and the new state."""
        checks.instance("state", state, SequenceState)
        v, after = self._entered(x, state.count, how), []
        for block, before in zip(self.blocks, state.states, strict=True):
            v, new = block.extend(v, before, **how)
            after.append(new)
        return self.head(self.norm(v)), SequenceState(state.count + x.shape[1], tuple(after))

    def _entered(self, x: Tensor, first: int, how: dict) -> Tensor:
        """Return the vectors of tokens of which the first has this position."""
        if isinstance(self.embed, nn.Embedding):
            check_tokens("x", x, "b n", self.embed.num_embeddings)
        else:
            weight = self.embed.weight
            checks.tensors(x=(x, f"b n {weight.shape[1]}"), weights=(weight, "o i"))
        ids = torch.arange(first, first + x.shape[1], device=x.device)
        return self._placed(self.embed(_covered(x, how)), ids)

    def _placed(self, v: Tensor, ids: Tensor) -> Tensor:
        return v if self.positions is None else v + self.positions(ids.double(), self.width).to(v)


def _covered(x: Tensor, how: dict) -> Tensor:
    """Return x without what stands behind the mask among the options."""
    return blank(x, token_mask(how.get("mask"), x.shape[:2], x.device))


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
        Position, or step, i. All is computed in double precision; what is returned has the type of
        a tensor of floats, else torch's default.
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
    ids = torch.as_tensor(ids if isinstance(ids, Tensor) else checks.number("ids", ids))
    checks.kind("ids", ids, "if")
    checks.finite("ids", ids)
    dtype = ids.dtype if ids.is_floating_point() else torch.get_default_dtype()
    ids, width = ids.double(), checks.integer("width", width, 1)
    split = checks.one_of("layout", layout, ("interleaved", "split")) == "split"
    if split and width % 2:
        raise ValueError(f"width must be even for the layout 'split', got {width}")
    longest = checks.number("longest", longest, above=0)
    amplitude = checks.number("amplitude", amplitude)
    intervals = max(width // 2 - 1, 1) if split else width / 2
    channels = torch.arange((width + 1) // 2, dtype=torch.float64, device=ids.device)
    rates = torch.exp(channels * (-math.log(longest) / intervals))
    angles = ids[..., None] * rates
    waves = torch.stack([angles.sin(), angles.cos()], dim=-2 if split else -1)
    return (amplitude * waves.flatten(-2)[..., :width]).to(dtype)


def waves(x: Tensor, ids: Tensor | float, width: int, **how) -> Tensor:
    """Return `sinusoidal` of ids, as precise as the states x, at least of single precision."""
    kind = torch.promote_types(x.dtype, torch.float32)
    return sinusoidal(torch.as_tensor(ids).to(x.device, kind), width, **how).to(x.dtype)
