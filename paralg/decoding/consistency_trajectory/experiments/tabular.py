"""Reinforcement learning without noise: a tabular policy and its exact expected updates."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from paralg.decoding.consistency_trajectory.theory import all_paths

__all__ = ["divisible", "palindrome", "start_policy", "tuned"]

STEPS, RATE = 200, 20.0


def divisible(x: np.ndarray) -> np.ndarray:
    """Say which strings (n, L) have a sum that three divides."""
    return x.sum(axis=1) % 3 == 0


def palindrome(x: np.ndarray) -> np.ndarray:
    """Say which strings (n, L) read the same backwards."""
    return (x == x[:, ::-1]).all(axis=1)


def start_policy(V: int, L: int, good: Callable, shake: float = 0.3) -> np.ndarray:
    """Return the exact conditionals of the uniform distribution on good strings, nearly.

    Counts get .02 each, so that nothing is impossible, and logits ``shake`` times a sine: without
    it the policy is a saddle, at which every gradient is zero.
    """
    strings = np.array(list(product(range(V), repeat=L)))
    strings = strings[good(strings)]
    states = np.array(list(product(range(V + 1), repeat=L)))
    agree = ((states[:, None] == strings) | (states[:, None] == V)).all(axis=2).astype(float)
    counts = np.einsum("ks,siv->kiv", agree, strings[:, :, None] == np.arange(V)) + 0.02
    k, i = np.arange(len(states))[:, None, None], np.arange(L)[:, None]
    return np.log(counts) + shake * np.sin(1 + 7 * k + 3 * i + 5 * np.arange(V))


def tuned(sizes: Sequence[int], how: str, good: Callable = divisible, V: int = 3, L: int = 4,
          steps: int = STEPS, pull: float = 0.0) -> dict[str, list[float]]:  # fmt: skip
    """Follow the expected update "sum", "mean" or "one_step" of random positions.

    Returned are success probability and effective number of answers before each step and after the
    last.  ``pull`` draws the logits back to those of the start: a stand-in for the divergence.
    """
    paths, first = all_paths(V, L, sizes), start_policy(V, L, good)
    logits, reward = first.copy(), good(paths.final).astype(float)
    found = {"success": [], "answers": []}
    for step in range(steps + 1):
        found["success"].append(paths.expected(logits, reward))
        found["answers"].append(paths.answers(logits))
        if step < steps:
            logits = logits + RATE * paths.gradient(logits, reward, how) + pull * (first - logits)
    return found
