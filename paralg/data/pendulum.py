"""Episodes of a pendulum that is to be swung up, moved by policies of three qualities: a generator.

A state is angle from the top and speed, (rows, 2); a policy is a function ``(state, rng)`` that
returns torques, (rows,).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks

__all__ = ["POLICIES", "STEPS", "TORQUE", "Episodes", "expert", "move", "observe", "roll_out"]

STEPS, TORQUE = 100, 2.0
"""Steps of an episode; the largest torque."""


def start(rows: int, rng: np.random.Generator) -> NDArray:
    """Return angles from the top and speeds, shape (rows, 2)."""
    return np.stack([rng.uniform(-np.pi, np.pi, rows), rng.uniform(-1, 1, rows)], 1)


def _checked(state: NDArray) -> NDArray:
    """Return angles and speeds."""
    return checks.floats(state=(state, "rows 2"))[0].T


def move(state: NDArray, torque: NDArray) -> tuple[NDArray, NDArray]:
    """Return the state 0.05 s later and the reward: minus angle², speed²/10 and torque²/1000."""
    (angle, speed), [torque] = _checked(state), checks.floats(torque=(torque, f"{len(state)}"))
    reward = -(angle**2 + 0.1 * speed**2 + 0.001 * torque**2)
    speed = np.clip(speed + 0.05 * (15 * np.sin(angle) + 3 * torque), -8, 8)
    angle = (angle + 0.05 * speed + np.pi) % (2 * np.pi) - np.pi
    return np.stack([angle, speed], 1), reward


def observe(state: NDArray) -> NDArray:
    """Return what a policy observes: cosine, sine and speed, shape (rows, 3)."""
    angle, speed = _checked(state)
    return np.stack([np.cos(angle), np.sin(angle), speed / 4], 1)


def expert(state: NDArray, rng: np.random.Generator) -> NDArray:
    """Pump energy until it suffices for the top, and hold the pendulum there."""
    angle, speed = _checked(state)
    missing = 15 * (1 - np.cos(angle)) - speed**2 / 2
    pump = np.where(speed >= 0, 1, -1) * np.clip(missing, -2, 2)
    hold = -(12 * angle + 3 * speed)
    near = (np.abs(angle) < 0.6) & (np.abs(speed) < 3)
    return np.clip(np.where(near, hold, pump), -TORQUE, TORQUE)


def random(state: NDArray, rng: np.random.Generator) -> NDArray:
    """Draw a torque uniformly."""
    checks.instance("rng", rng, np.random.Generator)
    return rng.uniform(-TORQUE, TORQUE, len(_checked(state)[0]))


def medium(state: NDArray, rng: np.random.Generator) -> NDArray:
    """Act like the expert half of the time and at random otherwise."""
    checks.instance("rng", rng, np.random.Generator)
    skilled = rng.random(len(_checked(state)[0])) < 0.5
    return np.where(skilled, expert(state, rng), random(state, rng))


POLICIES = {"random": random, "medium": medium, "expert": expert}


class Episodes(NamedTuple):
    """Recorded observations (rows, 100, 3), torques and rewards, both (rows, 100)."""

    observations: NDArray
    torques: NDArray
    rewards: NDArray


def roll_out(policy, rows: int, rng: np.random.Generator) -> Episodes:
    """Return `rows` episodes in which ``policy(state, rng)`` acts."""
    checks.instance("policy", policy, Callable), checks.integer("rows", rows)
    checks.instance("rng", rng, np.random.Generator)
    state, kept = start(rows, rng), []
    for _ in range(STEPS):
        torque = policy(state, rng)
        after, reward = move(state, torque)
        kept.append((observe(state), torque, reward))
        state = after
    return Episodes(*(np.stack(part, 1) for part in zip(*kept, strict=True)))
