"""What a run of the recurrence returns: values, halting record, counts."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from paralg.core.cost import Cost

__all__ = ["UTRun"]


@dataclass(frozen=True, eq=False)
class UTRun:
    """States after the recurrence, how each position halted, and what it cost.

    Parameters
    ----------
    output : Tensor, shape (b, n, d)
        After the last norm and the mixed-in layers.
    steps : Tensor, shape (b, n)
        N: steps that each position took; 0 for padding.
    remainder, mass : Tensor, shape (b, n)
        R and hp of the halting rule; zeros with a fixed number of steps.
    valid : Tensor of bool, shape (b, n)
    weights : Tensor, shape (T, b, n)
        Weight w of each step's state; empty with a fixed number of steps.
    states : tuple of Tensor, shape (b, n, d)
        States after each step, if they were asked for.
    logits : tuple of Tensor, shape (b, n)
        Values of the halting unit at each step, if states were asked for.
    queries, keys : int
        Positions for which the executor ran the block, and for which it made keys and values,
        once for each block inside the step, over all steps.
    rounds : int
        Steps taken one after the other.
    """

    output: Tensor
    steps: Tensor
    remainder: Tensor
    mass: Tensor
    valid: Tensor
    weights: Tensor
    states: tuple[Tensor, ...] = field(default=(), repr=False)
    logits: tuple[Tensor, ...] = field(default=(), repr=False)
    queries: int = 0
    keys: int = 0
    rounds: int = 0

    @property
    def cost(self) -> Cost:
        """Positions that the block ran for, rounds one after the other."""
        return Cost(work=self.queries, span=self.rounds)

    @property
    def active(self) -> Cost:
        """What the halting rule asks for: the sum of N as work, the largest N as span."""
        most = int(self.steps.max()) if self.steps.numel() else 0
        return Cost(work=int(self.steps.sum()), span=most)

    @property
    def ponder(self) -> Tensor:
        """Mean of N + R over the positions that are no padding; its gradient flows through R."""
        total = torch.where(self.valid, self.steps + self.remainder, 0.0).sum()
        return total / self.valid.sum().clamp(min=1)
