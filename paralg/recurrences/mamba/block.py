"""The Mamba block: projections, causal convolution, selective scan, gate; parallel and stepwise."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu, softplus

from paralg.recurrences.mamba.config import MambaConfig
from paralg.recurrences.mamba.fast.scan import selective_scan
from paralg.recurrences.mamba.recurrence import discretise

__all__ = ["BlockState", "MambaBlock"]


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

    Attributes
    ----------
    in_proj, conv1d, x_proj, dt_proj, A_log, D, out_proj
        Parameters under the names and in the shapes of the official module, so that its state
        dictionary loads.

    References
    ----------
    [gu-2023-mamba], section 3.4 and figure 3.
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

    def read(self, h: Tensor, C: Tensor) -> Tensor:
        """Return what C reads from the states."""
        return (h * C).sum(-1)

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
        first, *others = self.in_proj(v).split(self.config.d_inner, dim=-1)
        window = torch.cat([state.window, first[:, None]], dim=1)
        kernel = self.conv1d.weight[:, 0].t()
        x, z = self.enter(silu((window * kernel).sum(1) + self.conv1d.bias), others)
        delta, B, C = (part[:, None] for part in self.select(x))
        dt = softplus(delta + self.step_bias)
        a, b = (part[:, 0] for part in discretise(dt, self.A, B, self.discretisation))
        h = a * state.h + b * x[..., None]
        y = self.read(h, C) + self.D * x
        y = y if z is None else y * silu(z)
        return self.out_proj(self.leave(y, others)), BlockState(window[:, 1:], h)


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
