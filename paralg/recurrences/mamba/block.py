"""The Mamba block: projections, causal convolution, selective scan, gate; parallel and stepwise."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu, softplus

from paralg.recurrences.mamba.chunked import discretise
from paralg.recurrences.mamba.config import BRANCHES, MambaConfig
from paralg.recurrences.mamba.scan import selective_scan

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
        dictionary loads. What is not selective has a parameter of its own instead of a share of
        ``x_proj``: ``dt_bias``, ``B``, ``C``.

    Notes
    -----
    With ``architecture="h3"`` the input projection makes k, v and q; the scan runs over
    conv(k) v, and q multiplies its output. That form is our reconstruction of what the paper
    calls the H3 architecture. With ``"ungated"`` there is no z.

    References
    ----------
    [gu-2023-mamba], section 3.4 and figure 3.
    """

    def __init__(self, config: MambaConfig):
        super().__init__()
        self.config = config
        inner, branches = config.d_inner, len(BRANCHES[config.architecture])
        self.in_proj = nn.Linear(config.d_model, branches * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, config.d_conv, groups=inner)
        self._add_selection()
        self._add_decay_rates()
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, config.d_model, bias=False)
        for name in ("A_log", "A_imaginary", "D", "dt_bias", "B", "C"):
            if hasattr(self, name):
                getattr(self, name)._no_weight_decay = True
        self.step_bias._no_weight_decay = True

    def _add_selection(self) -> None:
        """Make the maps from a token to step size, B and C, or constants in their place."""
        config = self.config
        shares = self._shares()
        if shares:
            self.x_proj = nn.Linear(config.d_inner, sum(shares.values()), bias=False)
        bias = _inverse_softplus(_first_steps(config))
        if "delta" in config.selective:
            self.dt_proj = nn.Linear(config.rank, config.d_inner)
            nn.init.uniform_(self.dt_proj.weight, -(config.rank**-0.5), config.rank**-0.5)
            self.dt_proj.bias = nn.Parameter(bias)
        else:
            self.dt_bias = nn.Parameter(bias)
        if "B" not in config.selective:
            self.B = nn.Parameter(torch.ones(config.vector))
        if "C" not in config.selective:
            self.C = nn.Parameter(torch.randn(config.vector))

    def _shares(self) -> dict[str, int]:
        """Return the rows of ``x_proj`` that belong to each selective part."""
        rows = {"delta": self.config.rank, "B": self.config.vector, "C": self.config.vector}
        return {name: size for name, size in rows.items() if name in self.config.selective}

    def _add_decay_rates(self) -> None:
        r"""Start from :math:`A_n = -(n + 1)`, or from :math:`-1/2 + i \pi n` when complex."""
        inner, n = self.config.d_inner, torch.arange(self.config.d_state, dtype=torch.float32)
        if self.config.complex_states:
            self.A_log = nn.Parameter(torch.full((inner, len(n)), math.log(0.5)))
            self.A_imaginary = nn.Parameter((math.pi * n).repeat(inner, 1))
        else:
            self.A_log = nn.Parameter(torch.log(n + 1).repeat(inner, 1))

    @property
    def step_bias(self) -> nn.Parameter:
        """Bias of the step size before softplus."""
        return self.dt_proj.bias if "delta" in self.config.selective else self.dt_bias

    @property
    def A(self) -> Tensor:
        """Decay rates, shape (d_inner, d_state)."""
        rates = -torch.exp(self.A_log)
        return torch.complex(rates, self.A_imaginary) if self.config.complex_states else rates

    def first_state(self, batch: int) -> BlockState:
        """Return the state before the first token: all zeros."""
        zeros = self.D.new_zeros
        window = zeros(batch, self.config.d_conv - 1, self.config.d_inner)
        h = zeros(batch, self.config.d_inner, self.config.d_state)
        return BlockState(window, h.to(torch.complex64) if self.config.complex_states else h)

    def forward(self, v: Tensor, state: BlockState | None = None) -> tuple[Tensor, BlockState]:
        """Mix a whole sequence in parallel.

        Parameters
        ----------
        v : Tensor, shape (b, L, d_model)
        state : BlockState, optional
            What earlier tokens left.

        Returns
        -------
        out : Tensor, shape (b, L, d_model)
        state : BlockState
            To go on from.
        """
        state = self.first_state(v.shape[0]) if state is None else state
        extended, x, z, q = self._branches(v, state.window)
        delta, B, C = self._select(x)
        h0 = state.h.to(torch.promote_types(state.h.dtype, self.D.dtype))
        y, h = selective_scan(
            x, delta, self.A, B, C, self.D, z, self.step_bias,
            delta_softplus=True, h0=h0, discretisation=self.config.discretisation,
            method=self.config.method, return_last_state=True,
        )  # fmt: skip
        window = extended[:, extended.shape[1] - state.window.shape[1] :]
        return self.out_proj(y if q is None else q * y), BlockState(window, h)

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token: one dot product with the window, one step of the recurrence.

        Parameters
        ----------
        v : Tensor, shape (b, d_model)
        state : BlockState

        Returns
        -------
        out : Tensor, shape (b, d_model)
        state : BlockState

        Cost
        ----
        O(d_inner d_state) and constant memory, however many tokens came before.
        """
        first, *others = self.in_proj(v).split(self.config.d_inner, dim=-1)
        window = torch.cat([state.window, first[:, None]], dim=1)
        kernel = self.conv1d.weight[:, 0].t()
        x, z, q = self._gates(silu((window * kernel).sum(1) + self.conv1d.bias), others)
        delta, B, C = (part[:, None] for part in self._select(x))
        dt = softplus(delta + self.step_bias)
        a, b = (part[:, 0] for part in discretise(dt, self.A, B, self.config.discretisation))
        h = a * state.h + b * x[..., None]
        y = (h * C).sum(-1)
        y = (2 * y.real if y.is_complex() else y) + self.D * x
        y = y if z is None else y * silu(z)
        return self.out_proj(y if q is None else q * y), BlockState(window[:, 1:], h)

    def step_sizes(self, v: Tensor) -> Tensor:
        """Return the step sizes chosen for a sequence that begins here.

        Parameters
        ----------
        v : Tensor, shape (b, L, d_model)

        Returns
        -------
        Tensor, shape (b, L, d_inner)
            Positive; in an LTI model the same for all tokens.
        """
        _, x, _, _ = self._branches(v, self.first_state(v.shape[0]).window)
        return softplus(self._select(x)[0] + self.step_bias)

    def _branches(self, v: Tensor, window: Tensor) -> tuple[Tensor, ...]:
        """Return the inputs of the convolution, the scan's input, and the gates z and q."""
        first, *others = self.in_proj(v).split(self.config.d_inner, dim=-1)
        extended = torch.cat([window, first], dim=1)
        return extended, *self._gates(silu(self._convolve(extended)), others)

    def _gates(self, x: Tensor, others: list[Tensor]) -> tuple[Tensor, ...]:
        """Return the scan's input, its gate z, and the query q that multiplies its output."""
        if self.config.architecture == "h3":
            v, q = others
            return x * v, None, q
        return x, *(others or [None]), None

    def _convolve(self, extended: Tensor) -> Tensor:
        """Convolve each channel with its own kernel, along time, reading no later token."""
        kernel = self.conv1d.weight[:, 0].t()
        length = extended.shape[1] - len(kernel) + 1
        out = self.conv1d.bias
        for k, weight in enumerate(kernel):
            out = torch.addcmul(out, extended[:, k : k + length], weight)
        return out

    def _select(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return step size (before bias and softplus), B and C of every token."""
        shares = self._shares()
        rows = self.x_proj(x).split(list(shares.values()), dim=-1) if shares else ()
        chosen = dict(zip(shares, rows, strict=True))
        delta = chosen.get("delta")
        delta = torch.zeros_like(x) if delta is None else linear(delta, self.dt_proj.weight)
        vectors = (chosen.get(name, getattr(self, name, None)) for name in ("B", "C"))
        return delta, *(self._vector(one, x) for one in vectors)

    def _vector(self, rows: Tensor, x: Tensor) -> Tensor:
        """Return B or C with an axis for the tokens, as complex numbers where asked for."""
        rows = rows.expand(*x.shape[:-1], self.config.vector)
        if not self.config.complex_states:
            return rows
        return torch.view_as_complex(rows.unflatten(-1, (-1, 2)).contiguous())


def _first_steps(config: MambaConfig) -> Tensor:
    """Draw one step size for each channel, log-uniformly."""
    low, high = math.log(config.dt_min), math.log(config.dt_max)
    steps = torch.exp(low + (high - low) * torch.rand(config.d_inner))
    return steps.clamp(min=config.dt_init_floor)


def _inverse_softplus(y: Tensor) -> Tensor:
    r"""Return x with :math:`\log(1 + e^x) = y`."""
    return y + torch.log(-torch.expm1(-y))
