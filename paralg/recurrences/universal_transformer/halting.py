"""Adaptive computation time [graves-2016-adaptive] of each position: halting unit, state, rule."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paralg.core import checks

__all__ = ["HaltingState", "HaltingUnit", "advance", "blend", "in_unit", "start_halting"]


@dataclass(frozen=True, eq=False)
class HaltingState:
    """Of each position: mass, exactly 1 once halted; R, what the halting step received; N."""

    mass: Tensor
    remainder: Tensor
    steps: Tensor

    @property
    def running(self) -> Tensor:
        """Positions that have not halted."""
        return self.mass < 1


def start_halting(padding_mask: Tensor, dtype: torch.dtype) -> HaltingState:
    """Return the state before the first step, in a `dtype`; `padding_mask` is False for padding."""
    checks.kind("padding_mask", padding_mask, "b")
    checks.instance("dtype", dtype, torch.dtype)
    mass = (~torch.as_tensor(padding_mask)).to(dtype)
    return HaltingState(mass, torch.zeros_like(mass), torch.zeros_like(mass))


def advance(
    halting: HaltingState, p: Tensor, epsilon: float, last: bool = False
) -> tuple[HaltingState, Tensor]:
    """Take one step of the released ``universal_transformer_act_basic`` [graves-2016-adaptive].

    Parameters
    ----------
    halting : HaltingState
    p : Tensor, shape (...)
        Halting probability of each position at this step.
    epsilon : float
        A position halts when its mass exceeds 1 - epsilon.
    last : bool
        Whether every position that still runs halts now and receives all that is left.

    Returns
    -------
    HaltingState, Tensor
        The new state, and the weight w of this step's states: p while running, what was missing to
        1 in the halting step, 0 afterwards.
    """
    checks.instance("halting", halting, HaltingState)
    checks.tensors(mass=(halting.mass, "..."), p=(in_unit(p), "..."))
    threshold = 1 - checks.number("epsilon", epsilon, above=0, most=1)
    running = halting.running
    halts = running & ((halting.mass + p > threshold) | last)
    goes_on = running & ~halts
    mass = halting.mass + p * goes_on
    left = (1 - mass) * halts
    full = torch.where(halts, torch.ones_like(mass), mass)
    new = HaltingState(full, halting.remainder + left, halting.steps + running)
    return new, p * goes_on + left


def in_unit(p: Tensor) -> Tensor:
    """Check that halting probabilities lie in [0, 1]."""
    checks.tensors(p=(p, "..."))
    if not bool(((p >= 0) & (p <= 1)).all()):
        raise ValueError(f"halting probabilities must lie in [0, 1], got {p.min()} to {p.max()}")
    return p


def blend(output: Tensor, state: Tensor, w: Tensor) -> Tensor:
    """Return the output after a step, w s + (1 - w) y, for states (..., d) and weights (...)."""
    return w[..., None] * state + (1 - w[..., None]) * output


class HaltingUnit(nn.Module):
    r"""Probability :math:`\sigma(w \cdot h + b)` of states of width `d_model`; first b `bias`."""

    def __init__(self, d_model: int, bias: float = 1.0):
        super().__init__()
        self.linear = nn.Linear(checks.integer("d_model", d_model, 1), 1)
        nn.init.constant_(self.linear.bias, checks.number("bias", bias))

    def logits(self, x: Tensor) -> Tensor:
        """Return the unit's value before the sigmoid, shape (...)."""
        checks.tensors(x=(x, "... d"), weights=(self.linear.weight, "1 d"))
        return self.linear(x).squeeze(-1)

    def forward(self, x: Tensor, group: Tensor, change=None, noise=None) -> Tensor:
        """Return p of m states; `group` (their sequence) and the rest are for other rules."""
        return self.logits(x).sigmoid()
