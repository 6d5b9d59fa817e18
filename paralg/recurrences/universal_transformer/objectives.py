"""Losses: of the mixed output as in the paper, or expected over the halting law."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.models import Tagger
from paralg.recurrences.universal_transformer.run import UTRun

__all__ = ["expected_loss", "expected_steps", "halting_law", "mixed_loss", "ramp"]

cross_entropy = nn.functional.cross_entropy


def mixed_loss(logits: Tensor, targets: Tensor, run: UTRun, ponder: float) -> Tensor:
    r"""Return the paper's loss: that of the mixed output, plus the ponder cost.

    .. math:: \ell\Big(\sum_t c_t H^t\Big) + \lambda \, \overline{N + R}

    Parameters
    ----------
    logits : Tensor, shape (b, n, classes)
    targets : Tensor of int, shape (b, n)
    run : UTRun
    ponder : float
        :math:`\lambda`, 0.01 in the released code.

    References
    ----------
    [graves-2016-adaptive], [dehghani-2019-universal].
    """
    return cross_entropy(logits.flatten(0, 1), targets.flatten()) + ponder * run.ponder


def expected_loss(model: Tagger, targets: Tensor, run: UTRun, ponder: float) -> Tensor:
    r"""Return the loss expected over the halting law, plus the expected number of steps.

    .. math:: \sum_t w_t \, \ell(H^t) + \lambda \sum_t t \, w_t

    Parameters
    ----------
    model : Tagger
        Its readout is applied to the state after every step.
    targets : Tensor of int, shape (b, n)
    run : UTRun
        With ``keep=True``; weights that sum to one need ``close=True``.
    ponder : float

    Raises
    ------
    ValueError
        The run kept no states.

    References
    ----------
    [banino-2021-pondernet], with the expected number of steps in place of their divergence from a
    geometric law.
    """
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
    """Return the mean of the halting law, shape (b, n): differentiable, unlike N.

    Examples
    --------
    >>> expected_steps(torch.tensor([0.3, 0.4, 0.3]))
    tensor(2.)
    """
    count = torch.arange(1, len(weights) + 1, dtype=weights.dtype)
    return torch.tensordot(count, weights, dims=1)


def halting_law(p: Tensor) -> Tensor:
    r"""Return the law of the step at which independent coins first say "halt".

    .. math:: \Pr(t) = p_t \prod_{u < t} (1 - p_u)

    Parameters
    ----------
    p : Tensor, shape (T, ...)
        The last coin is taken as 1.

    Examples
    --------
    >>> halting_law(torch.tensor([0.5, 0.5, 0.1]))
    tensor([0.5000, 0.2500, 0.2500])
    """
    going = torch.cat([torch.ones_like(p[:1]), (1 - p[:-1]).cumprod(dim=0)])
    return going * torch.cat([p[:-1], torch.ones_like(p[:1])])


def ramp(step: int, begin: int, length: int) -> float:
    """Return a factor that is 0 before `begin` and grows linearly to 1 over `length` steps.

    Examples
    --------
    >>> [ramp(step, 100, 50) for step in (0, 125, 150, 999)]
    [0.0, 0.5, 1.0, 1.0]
    """
    if length <= 0:
        return float(step >= begin)
    return min(1.0, max(0.0, (step - begin) / length))
