"""The Mamba block: projections, causal convolution, selective scan, gate; parallel and stepwise."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu, softplus

from paralg.recurrences.mamba.fast.scan import selective_scan
from paralg.recurrences.mamba.recurrence import discretise

__all__ = ["BlockState", "MambaBlock", "MambaConfig"]


@dataclass(frozen=True)
class MambaConfig:
    """Sizes of a model; the defaults are those of the released code.

    Parameters
    ----------
    d_model, n_layer, vocab_size : int
        Width of the residual stream; blocks; tokens.
    d_state, d_conv, expand : int
        States N of each channel; width of the causal convolution; channels over ``d_model``.
    dt_rank : int or None
        Rank of the projection to step sizes; ⌈d_model / 16⌉ by default.
    dt_min, dt_max, dt_init_floor : float
        Range of the first step sizes, drawn log-uniformly, and their floor.
    method : str
        How the scan is computed; see `selective_scan`.
    pad_vocab, epsilon : int, float
        Rows of the embedding are a multiple of the one; the other is that of the norms.

    Raises
    ------
    ValueError
        A size below 1, or step sizes out of order.

    References
    ----------
    [gu-2023-mamba], section 3.4 and appendix E.

    Examples
    --------
    >>> config = MambaConfig(d_model=48, vocab_size=27)
    >>> config.d_inner, config.rank, config.padded_vocab
    (96, 3, 32)
    """

    d_model: int = 32
    n_layer: int = 2
    vocab_size: int = 16
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2
    dt_rank: int | None = None
    dt_min: float = 1e-3
    dt_max: float = 0.1
    dt_init_floor: float = 1e-4
    method: str = "auto"
    pad_vocab: int = 8
    epsilon: float = 1e-5

    def __post_init__(self):
        sizes = "d_model", "n_layer", "vocab_size", "d_state", "d_conv", "expand", "pad_vocab"
        for name in sizes:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.dt_rank is not None and self.dt_rank < 1:
            raise ValueError(f"dt_rank must be at least 1, or None, got {self.dt_rank}")
        if not 0 < self.dt_min <= self.dt_max:
            raise ValueError(f"expected 0 < dt_min <= dt_max, got {self.dt_min} and {self.dt_max}")

    d_inner = property(lambda self: self.expand * self.d_model, doc="Channels of the scan.")
    rank = property(lambda self: self.dt_rank or -(-self.d_model // 16), doc="Rank of the steps.")
    padded_vocab = property(lambda self: -(-self.vocab_size // self.pad_vocab) * self.pad_vocab,
                            doc="Rows of the embedding.")  # fmt: skip


class BlockState(NamedTuple):
    """All that a block remembers of the tokens so far: its size does not depend on their number."""

    window: Tensor  # (b, d_conv - 1, d_inner), last inputs of the convolution
    h: Tensor  # (b, d_inner, d_state)


class MambaBlock(nn.Module):
    r"""Mix a sequence of vectors by a gated selective scan.

    .. math:: (x, z) = W_{\text{in}} v, \quad x \leftarrow \operatorname{SiLU}(\text{conv}(x)),
       \quad (\Delta, B, C) = W_x x, \quad
       \text{out} = W_{\text{out}}\, \text{scan}(x; \Delta, A, B, C, D, z)

    Parameters
    ----------
    config : MambaConfig

    References
    ----------
    [gu-2023-mamba], section 3.4 and figure 3; names and shapes are those of the official module.
    """

    branches = 2  # what the input projection makes: x and the gate z
    discretisation = "euler"

    def __init__(self, config: MambaConfig):
        super().__init__()
        self.config = config
        inner = config.d_inner
        self.in_proj = nn.Linear(config.d_model, self.branches * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, config.d_conv, groups=inner)
        self.make_selection()
        self.make_rates()
        self.D = undecayed(torch.ones(inner))
        self.out_proj = nn.Linear(inner, config.d_model, bias=False)

    def make_selection(self) -> None:
        """Make the map from a token to step size, B and C."""
        rows = self.config.rank + 2 * self.vector_size
        self.x_proj = nn.Linear(self.config.d_inner, rows, bias=False)
        self.make_steps()

    def make_steps(self) -> None:
        """Make the map of low rank to the step sizes."""
        config, bias = self.config, first_step_bias(self.config)
        self.dt_proj = nn.Linear(config.rank, config.d_inner)
        nn.init.uniform_(self.dt_proj.weight, -(config.rank**-0.5), config.rank**-0.5)
        self.dt_proj.bias = undecayed(bias)

    def make_rates(self) -> None:
        r"""Start from :math:`A_n = -(n + 1)`."""
        n = torch.arange(self.config.d_state, dtype=torch.float32)
        self.A_log = undecayed(torch.log(n + 1).repeat(self.config.d_inner, 1))

    vector_size = property(lambda self: self.config.d_state, doc="Real numbers in one B or C.")
    step_bias = property(lambda self: self.dt_proj.bias, doc="What softplus gets beside delta.")

    @property
    def A(self) -> Tensor:
        """Decay rates, shape (d_inner, d_state)."""
        return -torch.exp(self.A_log)

    def select(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return step size (before bias and softplus), B and C of every token."""
        size = self.vector_size
        delta, B, C = self.x_proj(x).split([self.config.rank, size, size], dim=-1)
        return linear(delta, self.dt_proj.weight), B, C

    def enter(self, x: Tensor, others: tuple[Tensor, ...]) -> tuple[Tensor, Tensor | None]:
        """Return the scan's input and its gate, from the convolved branch and the others."""
        return x, others[0]

    def leave(self, y: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        """Return what the scan's output becomes before the last projection."""
        return y

    def first_state(self, batch: int) -> BlockState:
        """Return the state before the first token: all zeros."""
        zeros, inner = self.D.new_zeros, self.config.d_inner
        return BlockState(zeros(batch, self.config.d_conv - 1, inner), zeros(batch, *self.A.shape))

    def forward(self, v: Tensor, state: BlockState | None = None) -> tuple[Tensor, BlockState]:
        """Mix a sequence, shape (b, L, d_model), after what ``state`` keeps; return both anew."""
        state = self.first_state(v.shape[0]) if state is None else state
        extended, x, z, others = self.branches_of(v, state.window)
        delta, B, C = self.select(x)
        y, h = selective_scan(
            x, delta, self.A, B, C, self.D, z, self.step_bias,
            delta_softplus=True, h0=state.h, discretisation=self.discretisation,
            method=self.config.method, return_last_state=True,
        )  # fmt: skip
        window = extended[:, extended.shape[1] - state.window.shape[1] :]
        return self.out_proj(self.leave(y, others)), BlockState(window, h)

    def branches_of(self, v: Tensor, window: Tensor) -> tuple:
        """Return the convolution's inputs, the scan's input, its gate, and the other branches."""
        first, *others = self.in_proj(v).split(self.config.d_inner, dim=-1)
        extended = torch.cat([window, first], dim=1)
        return extended, *self.enter(silu(self.convolve(extended)), others), others

    def convolve(self, extended: Tensor) -> Tensor:
        """Convolve each channel with its own kernel, along time, reading no later token."""
        kernel = self.conv1d.weight[:, 0].t()
        length = extended.shape[1] - len(kernel) + 1
        out = self.conv1d.bias
        for k, weight in enumerate(kernel):
            out = torch.addcmul(out, extended[:, k : k + length], weight)
        return out

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token, shape (b, d_model), in O(d_inner d_state) and constant memory."""
        extended, x, z, others = self.branches_of(v[:, None], state.window)
        delta, B, C = self.select(x)
        dt = softplus(delta + self.step_bias)
        a, b = discretise(dt, self.A, B, self.discretisation)
        h = a[:, 0] * state.h + b[:, 0] * x[:, 0, :, None]
        y = (h * C).sum(-1)[:, None]
        y = (2 * y.real if y.is_complex() else y) + self.D * x
        y = y if z is None else y * silu(z)
        return self.out_proj(self.leave(y, others))[:, 0], BlockState(extended[:, 1:], h)


def undecayed(values: Tensor) -> nn.Parameter:
    """Return a parameter that weight decay leaves alone."""
    parameter = nn.Parameter(values)
    parameter._no_weight_decay = True
    return parameter


def first_step_bias(config: MambaConfig) -> Tensor:
    """Draw one step size for each channel, log-uniformly, and return its inverse softplus."""
    low, high = math.log(config.dt_min), math.log(config.dt_max)
    steps = torch.exp(low + (high - low) * torch.rand(config.d_inner))
    steps = steps.clamp(min=config.dt_init_floor)
    return steps + torch.log(-torch.expm1(-steps))
