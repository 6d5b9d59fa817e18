"""Points as arguments; points brought to one scale; the direction of a cloud."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["check_points", "first_direction", "standardise"]


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


def first_direction(scatter: NDArray) -> NDArray[np.float64]:
    """Return the first principal direction (d,) of a scatter matrix (d, d), by fixed rules.

    Its entry of largest magnitude is positive. Where the largest eigenvalue is multiple it is the
    projection of the first coordinate axis that lies mostly inside the eigenspace.

    >>> first_direction(np.eye(2)).tolist()
    [1.0, 0.0]
    """
    (scatter,) = checks.floats(scatter=(scatter, "d d"))
    if not np.allclose(scatter, scatter.T):
        raise ValueError(f"scatter must be symmetric, got {scatter.tolist()}")
    values, vectors = np.linalg.eigh(scatter)
    top = vectors[:, values >= values[-1] * (1 - 1e-9)]  # one eigenvalue, but for rounding
    if top.shape[1] > 1:
        inside = (top**2).sum(axis=1)
        axis = int(np.argmax(inside >= 0.5 * inside.max()))
        top = np.einsum("ij,j->i", top, top[axis])[:, None] / np.sqrt(inside[axis])
    direction = top[:, 0]
    return direction * np.sign(direction[np.argmax(np.abs(direction).round(9))])
