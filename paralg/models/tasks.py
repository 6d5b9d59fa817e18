"""What is learned: the three data sets as tasks, and the recipe of every shipped network."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from paralg.data import addition, pydoc_text, sudoku4
from paralg.models.transformer import TransformerConfig

__all__ = ["RECIPES", "TASKS", "Recipe", "Task", "recipe"]

TEXT_LENGTH = 64

Draw = Callable[[int, np.random.Generator, str], NDArray[np.int64]]


@dataclass(frozen=True)
class Task:
    """Sequences of L tokens, the first few of which may be given.

    Parameters
    ----------
    shape : TransformerConfig
        Sizes of the network that learns it.
    given : tuple of two int
        Least and largest number of leading tokens that are given, hence never masked; drawn
        uniformly per row.
    draw : callable (n, rng, split) -> ndarray of int64, shape (n, L)
        Split is "train" or "test".
    """

    shape: TransformerConfig
    given: tuple[int, int]
    draw: Draw


def _draw_grids(n: int, rng: np.random.Generator, split: str) -> NDArray[np.int64]:
    """All grids belong to both splits: the distribution itself is to be learned."""
    return sudoku4.grids()[rng.integers(0, len(sudoku4.grids()), size=n)]


def _draw_sums(n: int, rng: np.random.Generator, split: str) -> NDArray[np.int64]:
    return addition.sample(n, rng, split=split)


def _draw_text(n: int, rng: np.random.Generator, split: str) -> NDArray[np.int64]:
    return pydoc_text.windows(n, TEXT_LENGTH, rng, split=split)


TASKS = {
    "sudoku4": Task(TransformerConfig(V=sudoku4.SYMBOLS, L=sudoku4.CELLS), (0, 0), _draw_grids),
    "addition": Task(
        TransformerConfig(V=len(addition.SYMBOLS), L=addition.LENGTH),
        (addition.PROMPT, addition.PROMPT),
        _draw_sums,
    ),
    "text": Task(
        TransformerConfig(V=len(pydoc_text.SYMBOLS), L=TEXT_LENGTH, width=96, rotary=True),
        (0, TEXT_LENGTH // 2),
        _draw_text,
    ),
}


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: AdamW, linear warm-up, cosine decay, clipped gradients.

    Parameters
    ----------
    task : str
        A key of :data:`TASKS`.
    mode : {"bidirectional", "causal", "anyorder"}
    steps : int
    rate : float
        Learning rate after the warm-up.
    batch : int
        Sequences per step.
    warmup : int
        Steps over which the rate grows linearly.
    floor : float
        Share of the rate that is left at the end.
    clip : float
        Largest norm of the gradient.
    ascending : bool
        Any-order only: after its random prompt a row is ordered from left to right.
    """

    task: str
    mode: str
    steps: int
    rate: float = 3e-3
    batch: int = 64
    warmup: int = 50
    floor: float = 0.05
    clip: float = 1.0
    ascending: bool = False
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.task}-{self.mode}")

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0.

        Examples
        --------
        >>> plan = Recipe("sudoku4", "causal", steps=600)
        >>> [round(plan.rate_at(step), 5) for step in (0, 49, 599)]
        [6e-05, 0.003, 0.00015]
        """
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step + 1 - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2)


RECIPES = {
    plan.name: plan
    for plan in (
        Recipe("sudoku4", "bidirectional", steps=2000),
        Recipe("sudoku4", "causal", steps=1200),
        Recipe("sudoku4", "anyorder", steps=8000),
        Recipe("addition", "bidirectional", steps=3000, rate=2e-3),
        Recipe("addition", "causal", steps=3000, rate=2e-3),
        Recipe("addition", "anyorder", steps=3000, rate=2e-3),
        Recipe("text", "bidirectional", steps=6000),
        Recipe("text", "causal", steps=2000),
        Recipe("text", "anyorder", steps=2000, ascending=True),
    )
}


def recipe(name: str) -> Recipe:
    """Return the recipe of a shipped network.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in RECIPES:
        raise ValueError(f"no recipe named {name!r}; expected one of {', '.join(RECIPES)}")
    return RECIPES[name]
