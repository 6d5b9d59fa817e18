"""Reinforcement learning from recorded episodes: a pendulum, and three policies that moved it.

No offline data set of the paper's kind ships with any package, so this is a generator. The model
reads return to go, state and last action of each step, and learns which action was taken; asked for
a high return, it should act like the good policy. One token a step is our form (three in the
original, recalled).
"""

import functools

import numpy as np
import torch
from torch import Tensor, nn

from paralg.data.pendulum import POLICIES, TORQUE, Episodes, move, observe, roll_out
from paralg.recurrences.aaren.experiments.gambling import decision_tokens
from paralg.recurrences.aaren.experiments.model import AarenConfig
from paralg.sequence.network import SequenceModel

__all__ = ["CONFIG", "levels", "loss", "normalised", "roll_out_model", "score"]

CONFIG = AarenConfig(5, 1, dropout=0.1)
_EPISODES, _BATCH, _TRIALS = 300, 32, 200
_SCALE = 500.0
"""Returns are divided by it."""


@functools.cache
def data() -> tuple[Tensor, Tensor]:
    """Return tokens (900, 100, 5) and torques of 300 episodes of each policy."""
    rng = np.random.default_rng(0)
    runs = [roll_out(policy, _EPISODES, rng) for policy in POLICIES.values()]
    observed, torques, rewards = (np.concatenate(part) for part in zip(*runs, strict=True))
    tokens = decision_tokens(rewards, _SCALE, observed, torques[..., None])
    return tokens, torch.from_numpy(torques).float()


def loss(model: nn.Module, rng: np.random.Generator, step: int) -> tuple[Tensor, dict]:
    """Draw episodes; return the mean squared error of the torque at every step."""
    tokens, torques = data()
    rows = torch.from_numpy(rng.integers(len(tokens), size=_BATCH))
    return (model(tokens[rows])[..., 0] - torques[rows]).square().mean(), {}


@torch.no_grad()
def roll_out_model(model: SequenceModel, target: float, rows: int = _TRIALS) -> Episodes:
    """Return episodes in which a model acts that is asked for a return, step by step."""
    kept = model.eval().begin(rows)
    to_go, before = np.full(rows, target / _SCALE), np.zeros(rows)

    def policy(state, rng):
        nonlocal kept, to_go, before
        row = np.column_stack([to_go, observe(state), before])
        answer, kept = model.step(torch.from_numpy(row).float(), kept)
        before = np.clip(answer[:, 0].numpy().astype(float), -TORQUE, TORQUE)
        to_go = to_go - move(state, before)[1] / _SCALE
        return before

    return roll_out(policy, rows, np.random.default_rng([1, 7]))


@functools.cache
def levels() -> dict[str, float]:
    """Return the mean return of each policy on the episodes that models are tested on."""
    runs = {name: roll_out(policy, _TRIALS, np.random.default_rng([1, 7]))
            for name, policy in POLICIES.items()}  # fmt: skip
    return {name: float(run.rewards.sum(1).mean()) for name, run in runs.items()}


def normalised(value: float) -> float:
    """Return a mean return on the scale where the random policy has 0 and the expert 100."""
    low, high = levels()["random"], levels()["expert"]
    return 100 * (value - low) / (high - low)


def score(model: SequenceModel) -> dict[str, float]:
    """Return the normalised return when asked for what each policy reaches."""
    won = {name: roll_out_model(model, target).rewards.sum(1).mean()
           for name, target in levels().items()}  # fmt: skip
    return {name: round(normalised(float(mean)), 2) for name, mean in won.items()}
