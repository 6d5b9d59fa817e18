"""Reinforcement learning from recorded episodes: a pendulum, and three policies that moved it.

No offline data set of the paper's kind ships with any package, so this is a generator: a pendulum
that is to be swung up, moved by a random, a mediocre and a good policy. The model reads return to
go, state and last action of each step, and learns which action was taken; asked for a high return,
it should act like the good policy. One token a step is our form (three in the original, recalled).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from paralg.recurrences.aaren.experiments.gambling import decision_tokens
from paralg.recurrences.aaren.experiments.model import AarenConfig
from paralg.sequence.network import SequenceModel

__all__ = [
    "CONFIG", "POLICIES", "levels", "loss", "normalised", "roll_out", "roll_out_model", "score",
]  # fmt: skip

STEPS, TORQUE = 100, 2.0
CONFIG = AarenConfig(5, 1, dropout=0.1)
_EPISODES, _BATCH, _TRIALS = 300, 32, 200
_SCALE = 500.0
"""Returns are divided by it."""


def start(rows: int, rng: np.random.Generator) -> NDArray:
    """Return angles from the top and speeds, shape (rows, 2)."""
    return np.stack([rng.uniform(-np.pi, np.pi, rows), rng.uniform(-1, 1, rows)], 1)


def move(state: NDArray, torque: NDArray) -> tuple[NDArray, NDArray]:
    """Return the state 0.05 s later and the reward: minus angle², speed²/10 and torque²/1000."""
    angle, speed = state.T
    reward = -(angle**2 + 0.1 * speed**2 + 0.001 * torque**2)
    speed = np.clip(speed + 0.05 * (15 * np.sin(angle) + 3 * torque), -8, 8)
    angle = (angle + 0.05 * speed + np.pi) % (2 * np.pi) - np.pi
    return np.stack([angle, speed], 1), reward


def observe(state: NDArray) -> NDArray:
    """Return what a policy observes: cosine, sine and speed, shape (rows, 3)."""
    angle, speed = state.T
    return np.stack([np.cos(angle), np.sin(angle), speed / 4], 1)


def expert(state: NDArray, rng: np.random.Generator) -> NDArray:
    """Pump energy until it suffices for the top, and hold the pendulum there."""
    angle, speed = state.T
    missing = 15 * (1 - np.cos(angle)) - speed**2 / 2
    pump = np.where(speed >= 0, 1, -1) * np.clip(missing, -2, 2)
    hold = -(12 * angle + 3 * speed)
    near = (np.abs(angle) < 0.6) & (np.abs(speed) < 3)
    return np.clip(np.where(near, hold, pump), -TORQUE, TORQUE)


def random(state: NDArray, rng: np.random.Generator) -> NDArray:
    """Draw a torque uniformly."""
    return rng.uniform(-TORQUE, TORQUE, len(state))


def medium(state: NDArray, rng: np.random.Generator) -> NDArray:
    """Act like the expert half of the time and at random otherwise."""
    return np.where(rng.random(len(state)) < 0.5, expert(state, rng), random(state, rng))


POLICIES = {"random": random, "medium": medium, "expert": expert}


class Episodes(NamedTuple):
    """Recorded observations (rows, 100, 3), torques and rewards, both (rows, 100)."""

    observations: NDArray
    torques: NDArray
    rewards: NDArray


def roll_out(policy, rows: int, rng: np.random.Generator) -> Episodes:
    """Return `rows` episodes in which ``policy(state, rng)`` acts."""
    state, kept = start(rows, rng), []
    for _ in range(STEPS):
        torque = policy(state, rng)
        after, reward = move(state, torque)
        kept.append((observe(state), torque, reward))
        state = after
    return Episodes(*(np.stack(part, 1) for part in zip(*kept, strict=True)))


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
    return {name: _mean_return(roll_out(policy, _TRIALS, np.random.default_rng([1, 7])))
            for name, policy in POLICIES.items()}  # fmt: skip


def _mean_return(run: Episodes) -> float:
    return float(run.rewards.sum(1).mean())


def normalised(value: float) -> float:
    """Return a mean return on the scale where the random policy has 0 and the expert 100."""
    low, high = levels()["random"], levels()["expert"]
    return 100 * (value - low) / (high - low)


def score(model: SequenceModel) -> dict[str, float]:
    """Return the normalised return when asked for what each policy reaches."""
    return {name: round(normalised(_mean_return(roll_out_model(model, target))), 2)
            for name, target in levels().items()}  # fmt: skip
