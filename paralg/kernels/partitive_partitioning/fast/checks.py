"""Points and weights as arguments, and points brought to one scale."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["check_points", "check_weights", "standardise"]


def check_points(points: ArrayLike, least: int = 1) -> NDArray[np.float64]:
    """Return finite points (n, d), at least ``least`` of them, with d at least 1."""
    (found,) = checks.floats(points=(points, "n d"))
    if len(found) < least or not found.shape[1]:
        raise ValueError(f"points must have at least {least} rows and 1 column, got {found.shape}")
    return found


def standardise(points: ArrayLike) -> NDArray[np.float64]:
    """Return points (n, d) with mean 0 and standard deviation 1 in every column; constant ones 0.

    >>> standardise([[1, 5], [3, 5]]).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    points = check_points(points)
    spread = points.std(axis=0)
    spread[spread <= 1e-12 * np.abs(points).max(axis=0)] = np.inf
    return (points - points.mean(axis=0)) / spread


def check_weights(weights: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return positive weights (n,), ones by default."""
    if weights is None:
        return np.ones(n)
    (found,) = checks.floats(weights=(weights, "n"))
    checks.sizes(weights=(found, str(n)))
    if not (found > 0).all():
        raise ValueError(f"weights must be positive, got {found.min()}")
    return found
