"""The paper's tasks with their sequential answers, and inputs at several scales.

Answers have the shape of the values, (..., n), except that of ``minsum``, (..., n / 2), and that of
``paths``, (..., n, n). Output i of a *cumulative* task solves the prefix 1..i.
"""

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["SCALES", "TASKS", "TRAINED", "WIDE", "answer", "draw"]

TRAINED = 2.0
"""Training values lie in [-2, 2]."""
SCALES = tuple(range(2, 21, 2))


def _medians(x: NDArray) -> NDArray:
    """Medians of prefixes; of an even number the mean of the two in the middle."""
    return np.stack([np.median(x[..., : i + 1], axis=-1) for i in range(x.shape[-1])], axis=-1)


def _kadane(x: NDArray) -> NDArray:
    """Largest sums of non-empty blocks in prefixes, by Kadane's loop."""
    ending, best = x[..., 0], [x[..., 0]]
    for i in range(1, x.shape[-1]):
        ending = np.maximum(ending, 0) + x[..., i]
        best.append(np.maximum(best[-1], ending))
    return np.stack(best, axis=-1)


def _minsum(x: NDArray) -> NDArray:
    """Prefix minima of the element-wise sum of two halves."""
    first, second = np.split(x, 2, axis=-1)
    return np.minimum.accumulate(first + second, axis=-1)


def _paths(x: NDArray) -> NDArray:
    """Lengths of paths: edge i, of weight x[i], ends at node i; upper triangle, 0 elsewhere."""
    to = np.cumsum(x, axis=-1)
    return np.triu(to[..., None, :] - to[..., :, None])


TASKS = {
    "sum": functools.partial(np.cumsum, axis=-1), "sort": functools.partial(np.sort, axis=-1),
    "min": functools.partial(np.minimum.accumulate, axis=-1), "median": _medians,
    "max-subarray": _kadane, "minsum": _minsum, "paths": _paths,
}  # fmt: skip
WIDE = {"paths"}
"""Tasks in which a node returns n numbers."""


def answer(task: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return the answers of a sequential algorithm to one of `TASKS`, for values (..., n).

    >>> answer("max-subarray", [-1, 2, -1, 3]).tolist()
    [-1.0, 2.0, 2.0, 4.0]
    >>> answer("median", [4, 0, 2, 1]).tolist()
    [4.0, 2.0, 2.0, 1.5]
    """
    checks.one_of("task", task, TASKS)
    (values,) = checks.floats(values=(values, "... n"))
    n = values.shape[-1]
    if n < 1 or (task == "minsum" and n % 2):
        expected = "an even number of" if task == "minsum" else "at least one of the"
        raise ValueError(f"values must have {expected} numbers along the last axis, got {n}")
    return TASKS[task](values)


def draw(rng: np.random.Generator, count: int, n: int, scale: float = TRAINED) -> NDArray:
    """Draw inputs (count, n): a row is uniform in an interval of its own, drawn in [-c, c].

    Above the trained scale the intervals inside it are rejected, so that each row may leave it;
    ``scale`` is c, at least 2.

    >>> float(np.abs(draw(np.random.default_rng(0), 100, 8)).max()) <= 2
    True
    """
    checks.instance("rng", rng, np.random.Generator)
    checks.integers(1, count=count, n=n), checks.number("scale", scale, TRAINED)
    ends = np.sort(rng.uniform(-scale, scale, (count, 2)), axis=1)
    while scale > TRAINED and (inside := (np.abs(ends) <= TRAINED).all(axis=1)).any():
        ends[inside] = np.sort(rng.uniform(-scale, scale, (int(inside.sum()), 2)), axis=1)
    return rng.uniform(ends[:, :1], ends[:, 1:], (count, n))
