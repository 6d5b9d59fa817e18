"""The Mamba block: projections, causal convolution, selective scan, gate; parallel and stepwise."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu, softplus

from paralg.core import checks
from paralg.recurrences.mamba.fast.scan import METHODS, selective_scan
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
    dt_rank : int, None or "auto"
        Rank of the projection to step sizes; ⌈d_model / 16⌉ by default.
    dt_min, dt_max, dt_init_floor : float
        Range of the first step sizes, drawn log-uniformly, and their floor.
    method, pad_vocab, epsilon : str, int, float
        How the scan is computed, see `selective_scan`; what divides the rows of the embedding; of
        the norms.

    A size that is no integer from 1 on, or step sizes out of order, are refused. Source:
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
    dt_rank: int | str | None = None
    dt_min: float = 1e-3
    dt_max: float = 0.1
    dt_init_floor: float = 1e-4
    method: str = "auto"
    pad_vocab: int = 8
    epsilon: float = 1e-5

    def __post_init__(self):
        if isinstance(self.dt_rank, str) and self.dt_rank == "auto":
            object.__setattr__(self, "dt_rank", None)
        sizes = "d_model", "n_layer", "vocab_size", "d_state", "d_conv", "expand", "pad_vocab"
        for name in sizes + ("dt_rank",) * (self.dt_rank is not None):
            checks.integer(name, getattr(self, name), 1)
        for name in ("dt_max", "dt_min", "dt_init_floor", "epsilon"):
            checks.number(name, getattr(self, name), above=0)
        checks.number("dt_min", self.dt_min, most=self.dt_max)
        checks.one_of("method", self.method, METHODS)

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

    ``d_model`` is the width, or a `MambaConfig`; ``sizes`` are its fields, as ``d_state=16``,
    ``d_conv=4``, ``expand=2``; ``dtype`` is that of the parameters.
    Names and shapes are those of the official module. Source: [gu-2023-mamba], section 3.4.

    Examples
    --------
    >>> block = MambaBlock(d_model=8, d_state=4, d_conv=4, expand=2)
    >>> block(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    branches = 2  # what the input projection makes: x and the gate z
    discretisation = "euler"

    def __init__(self, d_model: int | MambaConfig, *, dtype: torch.dtype | None = None, **sizes):
        super().__init__()
        given = isinstance(d_model, MambaConfig)
        config = replace(d_model, **sizes) if given else MambaConfig(d_model=d_model, **sizes)
        self.config, inner, self._passed = config, config.d_inner, None
        self.in_proj = nn.Linear(config.d_model, self.branches * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, config.d_conv, groups=inner)
        self.make_selection()
        self.make_rates()
        self.D = undecayed(torch.ones(inner))
        self.out_proj = nn.Linear(inner, config.d_model, bias=False)
        self.to(dtype)

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

    def begin(self, batch: int) -> BlockState:
        """Return the state before the first token: all zeros."""
        checks.integer("batch", batch)
        zeros, inner = self.D.new_zeros, self.config.d_inner
        return BlockState(zeros(batch, self.config.d_conv - 1, inner), zeros(batch, *self.A.shape))

    def forward(self, v: Tensor) -> Tensor:
        """Mix whole sequences, shape (b, L, d_model)."""
        return self.extend(v)[0]

    def extend(self, v: Tensor, state: BlockState | None = None) -> tuple[Tensor, BlockState]:
        """Mix a block of tokens after what ``state`` keeps; return outputs, and the new state."""
        state = self.checked(v, "b L", state)
        extended, x, z, others = self.branches_of(v, state.window)
        delta, B, C = self.select(x)
        y, h = selective_scan(
            x, delta, self.A, B, C, self.D, z, self.step_bias,
            delta_softplus=True, h0=state.h, discretisation=self.discretisation,
            method=self.config.method, return_last_state=True,
        )  # fmt: skip
        window = extended[:, extended.shape[1] - state.window.shape[1] :]
        return self.out_proj(self.leave(y, others)), BlockState(window, h)

    def checked(self, v: Tensor, axes: str, state: BlockState | None) -> BlockState:
        """Check vectors and the state before them; return that, or the first one."""
        given, c = (axes, checks.dtypes_and_shapes(state, v, self.D)), self.config
        if given[1] and given == self._passed:
            return state
        parts = {"v": (v, f"{axes} {c.d_model}"), "D": (self.D, "inner")}
        if state is None:
            return checks.tensors(**parts) or self.begin(len(v))
        checks.instance("state", state, BlockState)
        parts["window"] = state.window, f"b {c.d_conv - 1} inner"
        form, real = f"b {c.d_inner} {c.d_state}", self.vector_size == c.d_state
        checks.tensors(**parts, **({"h": (state.h, form)} if real else {}))
        checks.sizes(v=parts["v"], h=(state.h, f"{'f' if real else 'c'}: {form}"))
        self._passed = given
        return state

    def branches_of(self, v: Tensor, window: Tensor) -> tuple:
        """Return the convolution's inputs, the scan's input, its gate, and the other branches."""
        first, *others = self.in_proj(v).split(self.config.d_inner, dim=-1)
        extended = torch.cat([window, first], dim=1)
        return extended, *self.enter(silu(self.convolve(extended)), others), others

    def convolve(self, extended: Tensor) -> Tensor:
        """Convolve each channel with its own kernel, along time, reading no later token."""
        kernel = self.conv1d.weight[:, 0].t()
        length, out = extended.shape[1] - len(kernel) + 1, self.conv1d.bias
        for k, weight in enumerate(kernel):
            out = torch.addcmul(out, extended[:, k : k + length], weight)
        return out

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token, shape (b, d_model), in O(d_inner d_state) and constant memory."""
        state = self.checked(v, "b", state)
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
