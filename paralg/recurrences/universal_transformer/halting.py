"""Adaptive computation time of each position: the ledger, the halting unit, the ponder cost."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.config import UTConfig

__all__ = ["HaltingUnit", "Ledger", "advance", "mix", "open_ledger"]


@dataclass(frozen=True, eq=False)
class Ledger:
    """What halting has recorded so far, for each position.

    Parameters
    ----------
    mass : Tensor, shape (...)
        Halting mass hp; exactly 1 once halted.
    remainder : Tensor, shape (...)
        R, the mass that the halting step received.
    steps : Tensor, shape (...)
        N, steps taken.
    """

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


def open_ledger(valid: Tensor, dtype: torch.dtype) -> Ledger:
    """Return the ledger before the first step; padding counts as halted after no step."""
    remainder, steps = (torch.zeros(valid.shape, dtype=dtype) for _ in range(2))
    return Ledger((~valid).to(dtype), remainder, steps)


def advance(ledger: Ledger, p: Tensor, epsilon: float, last: bool = False) -> tuple[Ledger, Tensor]:
    """Take one step of the released halting rule.

    Parameters
    ----------
    ledger : Ledger
    p : Tensor, shape (...)
        Halting probability of each position at this step.
    epsilon : float
    last : bool
        Whether whoever still runs must halt now and receives all that is left.

    Returns
    -------
    Ledger, Tensor
        The new ledger, and the weight w of this step's state: p while running, what was missing to
        1 in the halting step, 0 afterwards.

    Notes
    -----
    "Running" is hp < 1, while the threshold is 1 - epsilon: a halted position holds exactly 1, so
    the two ranges do not collide.

    References
    ----------
    [graves-2016-adaptive]; the rule of the released code, ``universal_transformer_act_basic``.
    """
    running = ledger.running
    halts = running & ((ledger.mass + p > 1 - epsilon) | last)
    goes_on = running & ~halts
    mass = ledger.mass + p * goes_on
    left = (1 - mass) * halts
    full = torch.where(halts, torch.ones_like(mass), mass)
    steps = ledger.steps + running
    return Ledger(full, ledger.remainder + left, steps), p * goes_on + left


def mix(output: Tensor, state: Tensor, w: Tensor, rule: str) -> Tensor:
    """Return the output after a step: blend, Graves' sum, or the released code's expression.

    Parameters
    ----------
    output, state : Tensor, shape (..., d)
    w : Tensor, shape (...)
    rule : {"blend", "accumulated", "released"}

    Examples
    --------
    >>> y, s, w = torch.zeros(2), torch.ones(2), torch.tensor(0.25)
    >>> [mix(y, s, w, rule).tolist() for rule in ("blend", "accumulated", "released")]
    [[0.25, 0.25], [0.25, 0.25], [0.0, 0.0]]
    """
    w = w[..., None]
    if rule == "blend":
        return w * state + (1 - w) * output
    added = w * state + output
    return added if rule == "accumulated" else added - w


class HaltingUnit(nn.Module):
    """Halting probabilities of a step, by the rule that the configuration names.

    Parameters
    ----------
    config : UTConfig
    """

    def __init__(self, config: UTConfig):
        super().__init__()
        self.config = config
        if config.halting in ("position", "global"):
            self.linear = nn.Linear(config.d_model, 1)
            nn.init.constant_(self.linear.bias, config.halting_bias)

    def logits(self, x: Tensor) -> Tensor:
        """Return the halting unit's value before the sigmoid, shape (...)."""
        return self.linear(x).squeeze(-1)

    def forward(
        self, x: Tensor, group: Tensor, change: Tensor | None, noise: Tensor | None
    ) -> Tensor:
        """Return p for each of the states.

        Parameters
        ----------
        x : Tensor, shape (m, d)
            States with their signal, those of all sequences in one list.
        group : Tensor of int, shape (m,)
            Sequence that each belongs to.
        change : Tensor, shape (m,), optional
            Root-mean-square difference to the state one step before, for ``"settled"``.
        noise : Tensor, shape (m,), optional
            Uniform numbers, for ``"random"``.
        """
        rule = self.config.halting
        if rule == "random":
            return noise
        if rule == "settled":
            return x.new_zeros(len(x)) if change is None else (change < self.config.tau).to(x.dtype)
        p = self.logits(x).sigmoid()
        return p if rule == "position" else _mean_of_group(p, group)


def _mean_of_group(p: Tensor, group: Tensor) -> Tensor:
    """Give every position the mean over its sequence."""
    size = int(group.max()) + 1 if len(group) else 0
    total = p.new_zeros(size).index_add(0, group, p)
    count = p.new_zeros(size).index_add(0, group, torch.ones_like(p))
    return (total / count.clamp(min=1))[group]
