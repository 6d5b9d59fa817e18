"""Losses: of the mixed output as in the paper, or expected over the halting law."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.experiments.models import Tagger
from paralg.recurrences.universal_transformer.recurrence import UTRun

__all__ = ["expected_loss", "expected_steps", "halting_law", "mixed_loss", "ramp"]  # fmt: skip

cross_entropy = nn.functional.cross_entropy


def mixed_loss(logits: Tensor, targets: Tensor, run: UTRun, ponder: float) -> Tensor:
    """Return the paper's loss: that of the mixed output, plus the ponder cost."""
    return cross_entropy(logits.flatten(0, 1), targets.flatten()) + ponder * run.ponder


def expected_loss(model: Tagger, targets: Tensor, run: UTRun, ponder: float) -> Tensor:
    """Return the loss expected over the halting law, plus the expected number of steps."""
    if not run.states:
        raise ValueError("the expected loss needs the states of all steps: run with keep=True")
    losses = [
        cross_entropy(
            model.readout(model.core.last_norm(state)).flatten(0, 1), targets.flatten(),
            reduction="none",
        ).view_as(targets)
        for state in run.states
    ]  # fmt: skip
    expected = (run.weights * torch.stack(losses)).sum(dim=0)
    return (expected + ponder * expected_steps(run.weights)).mean()


def expected_steps(weights: Tensor) -> Tensor:
    """Return the mean of the halting law, shape (b, n): differentiable, unlike N."""
    count = torch.arange(1, len(weights) + 1, dtype=weights.dtype)
    return torch.tensordot(count, weights, dims=1)


def halting_law(p: Tensor) -> Tensor:
    """Return the law of the step at which independent coins first say "halt"."""
    going = torch.cat([torch.ones_like(p[:1]), (1 - p[:-1]).cumprod(dim=0)])
    return going * torch.cat([p[:-1], torch.ones_like(p[:1])])


def ramp(step: int, begin: int, length: int) -> float:
    """Return a factor that is 0 before `begin` and grows linearly to 1 over `length` steps."""
    if length <= 0:
        return float(step >= begin)
    return min(1.0, max(0.0, (step - begin) / length))
