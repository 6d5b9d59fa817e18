"""Adaptive computation time [graves-2016-adaptive] of each position: halting unit, state, rule."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["HaltingState", "HaltingUnit", "advance", "blend", "start_halting"]


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

    def waits(self, epsilon: float) -> bool:
        """Tell whether any position still has less than its threshold."""
        return bool((self.mass < 1 - epsilon).any())


def start_halting(padding_mask: Tensor, dtype: torch.dtype) -> HaltingState:
    """Return the state before the first step, in a `dtype`; `padding_mask` is False for padding."""
    remainder, steps = (torch.zeros(padding_mask.shape, dtype=dtype) for _ in range(2))
    return HaltingState((~padding_mask).to(dtype), remainder, steps)


def advance(
    halting: HaltingState, p: Tensor, epsilon: float, last: bool = False
) -> tuple[HaltingState, Tensor]:
    """Take one step of the released halting rule.

    Source: [graves-2016-adaptive]; the rule of the released code,
    ``universal_transformer_act_basic``.

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
    running = halting.running
    halts = running & ((halting.mass + p > 1 - epsilon) | last)
    goes_on = running & ~halts
    mass = halting.mass + p * goes_on
    left = (1 - mass) * halts
    full = torch.where(halts, torch.ones_like(mass), mass)
    new = HaltingState(full, halting.remainder + left, halting.steps + running)
    return new, p * goes_on + left


def blend(output: Tensor, state: Tensor, w: Tensor) -> Tensor:
    """Return the output after a step, w s + (1 - w) y, for states (..., d) and weights (...)."""
    w = w[..., None]
    return w * state + (1 - w) * output


class HaltingUnit(nn.Module):
    r"""A position's halting probability, :math:`\sigma(w \cdot h + b)` of its state with signal.

    States have the width `d_model`; `bias` is the first b.
    """

    def __init__(self, d_model: int, bias: float = 1.0):
        super().__init__()
        self.linear = nn.Linear(d_model, 1)
        nn.init.constant_(self.linear.bias, bias)

    def logits(self, x: Tensor) -> Tensor:
        """Return the unit's value before the sigmoid, shape (...)."""
        return self.linear(x).squeeze(-1)

    def forward(self, x: Tensor, group: Tensor, change=None, noise=None) -> Tensor:
        """Return p of m states; `group` (their sequence) and the rest are for other rules."""
        return self.logits(x).sigmoid()
