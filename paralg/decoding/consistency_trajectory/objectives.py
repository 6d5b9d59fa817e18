r"""The update of CJ-GRPO: a clipped policy gradient along the states that were visited.

[yang-2025-taming]  With ratios :math:`\rho = \pi_\theta(x_i|x_{s-1}) / \pi_{old}(x_i|x_{s-1})` of
the tokens revealed in round s and the advantage A of their row, a token costs
:math:`-\min(\rho A, \mathrm{clip}(\rho, 1 \pm \varepsilon) A) + \beta(e^d - d - 1)`,
:math:`d = \log \pi_{ref} - \log \pi_\theta`.

Log-probabilities, ``revealed`` and ``weights`` have shape (S, B, L); ``network`` is a
:class:`~paralg.models.transformer.Transformer`.  Which positions are revealed is taken as given: no
gradient goes through the ranking, nor through the factors of EOSER.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from paralg.core import checks
from paralg.decoding.consistency_trajectory.trajectory import Trajectory

__all__ = ["advantages", "log_probabilities", "mean_weights", "sum_weights", "trajectory_loss"]


def advantages(rewards: np.ndarray, *, standardise: bool = False) -> np.ndarray:
    """Subtract the mean reward of each group; divide by its deviation if asked.

    The paper's algorithm box divides, its released code does not.

    Parameters
    ----------
    rewards : ndarray, shape (P, G)
        P prompts, G answers each.
    standardise : bool
        A group in which all rewards are equal has advantage 0 either way.

    Examples
    --------
    >>> advantages(np.array([[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 1.0]]), standardise=True)
    array([[ 1., -1., -1.,  1.],
           [ 0.,  0.,  0.,  0.]])
    """
    [rewards] = checks.floats(rewards=(rewards, "P G"))
    centred = rewards - rewards.sum(axis=1, keepdims=True) / max(rewards.shape[1], 1)
    deviation = np.sqrt((centred**2).sum(axis=1, keepdims=True) / max(rewards.shape[1], 1))
    return centred / np.where(deviation > 0, deviation, 1.0) if standardise else centred


def log_probabilities(network, trajectory: Trajectory, *, batched: bool = True) -> Tensor:
    """Return the log-probability of each final token at each stored state, shape (S, B, L).

    Parameters
    ----------
    network, trajectory
        A Transformer and a Trajectory; only the numbers where ``revealed`` have a meaning.
    batched : bool
        All S states in one forward, which is parallel over the rounds, or one after the other.
    """
    checks.instance("network", network, Callable)
    checks.instance("trajectory", trajectory, Trajectory)
    states = torch.from_numpy(trajectory.states)
    S, B, L = states.shape
    at, tokens = torch.arange(L), torch.from_numpy(trajectory.tokens % trajectory.V)  # no mask
    parts = [states.reshape(S * B, L)] if batched else states.unbind()
    logits = torch.cat([network(part, at)[0] for part in parts])
    log_p = logits.log_softmax(dim=-1).view(S, B, L, -1)
    return log_p.gather(-1, tokens.expand(S, B, L)[..., None])[..., 0]


def mean_weights(revealed: np.ndarray) -> np.ndarray:
    """Return the published weights: mean over a round's ``revealed`` tokens, then over the rounds.

    They sum to 1; a token of a large round weighs less than one of a small round.
    """
    checks.sizes(revealed=(revealed, "b: S B L"))
    return revealed / revealed.sum(axis=(1, 2), keepdims=True).clip(1) / len(revealed)


def sum_weights(revealed: np.ndarray) -> np.ndarray:
    """Return the weights of the policy gradient: sum over ``revealed`` tokens, mean over rows."""
    return checks.sizes(revealed=(revealed, "b: S B L")) and revealed / max(revealed.shape[1], 1)


def trajectory_loss(
    log_p: Tensor, old: Tensor, reference: Tensor, advantage: np.ndarray, weights: np.ndarray,
    *, clip: float = 0.5, beta: float = 0.04,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the loss and the mean divergence from the reference, both weighted sums.

    Parameters
    ----------
    log_p, old, reference : Tensor, shape (S, B, L)
        Of the policy that is trained, of the one that rolled out, and of the one to stay near.
    advantage, weights : ndarray, shapes (B,) and (S, B, L)
        Weights are those of `mean_weights` or `sum_weights`.
    clip, beta : float
        The paper's ε, width of the clipping, and β, weight of the divergence.
    """
    checks.tensors(log_p=(log_p, "S B L"), old=(old, "S B L"), reference=(reference, "S B L"))
    advantage, weights = checks.floats(advantage=(advantage, "B"), weights=(weights, "S B L"))
    checks.sizes(log_p=(log_p, "S B L"), weights=(weights, "S B L"))
    checks.number("clip", clip, 0), checks.number("beta", beta, 0)
    used = torch.as_tensor(weights > 0)
    weight = torch.as_tensor(weights, dtype=log_p.dtype)[used]
    gain = torch.as_tensor(advantage, dtype=log_p.dtype)[:, None].expand(log_p.shape)[used]
    new = log_p[used]
    checks.finite("log_p, old and reference", torch.stack([new, old[used], reference[used]]))
    ratio = (new - old[used]).exp()
    surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
    d = reference[used] - new
    divergence = (weight * (d.exp() - d - 1)).sum()
    return beta * divergence - (weight * surrogate).sum(), divergence
