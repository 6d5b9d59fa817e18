r"""Step 1: the same two halves of a cloud on every run.

Letters of the whole chapter: ``points`` has the shape (n, d), a row a point; ``sides`` is (n,), 0
or 1; ``centres`` is (2, d). No step uses a threaded matrix product, so bits do not depend on the
number of threads.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.kernels.partitive_partitioning.fast.checks import check_points, check_weights

__all__ = ["TwoMeans", "best_cut", "canonical", "first_direction", "lloyd", "two_means"]

_SAME = 1e-9  # relative gap below which two eigenvalues count as one
CONSTANT = 1e-13  # share of the squares below which points count as equal


class TwoMeans(NamedTuple):
    """A fixed point of Lloyd's iteration: sides, centres, sum of squared errors, steps taken."""

    sides: NDArray[np.int64]
    centres: NDArray[np.float64]
    sse: float
    steps: int


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
    top = vectors[:, values >= values[-1] * (1 - _SAME)]
    if top.shape[1] > 1:
        inside = (top**2).sum(axis=1)
        axis = int(np.argmax(inside >= 0.5 * inside.max()))
        top = np.einsum("ij,j->i", top, top[axis])[:, None] / np.sqrt(inside[axis])
    direction = top[:, 0]
    return direction * np.sign(direction[np.argmax(np.abs(direction).round(9))])


def best_cut(values: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, float]:
    r"""Return the threshold of the best two-way split of numbers (n,), and its gain.

    The sum of squares within both sides is least where the gain
    :math:`S_1^2/n_1 + S_2^2/n_2 - S^2/n` is largest; sorting and prefix sums try all n - 1 cuts.
    Values up to the threshold go left; of equal gains the leftmost cut wins; without two different
    values the gain is 0.

    >>> best_cut([10.0, 0.0, 1.0])
    (5.5, 60.166666666666664)
    """
    (values,) = checks.floats(values=(values, "n"))
    if not values.size:
        raise ValueError(f"values must have at least one number, got {values.tolist()}")
    weights = check_weights(weights, len(values))
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    count, total = np.cumsum(weights), np.cumsum(weights * values)
    left, right = count[:-1], count[-1] - count[:-1]
    gain = total[:-1] ** 2 / left + (total[-1] - total[:-1]) ** 2 / right - total[-1] ** 2 / count[-1]
    gain[values[1:] == values[:-1]] = 0.0
    if not (gain > 0).any():
        return float(values[-1]), 0.0
    at = int(np.argmax(gain))
    return float((values[at] + values[at + 1]) / 2), float(gain[at])


def pca_start(points: NDArray, weights: NDArray) -> NDArray[np.int64] | None:
    """Return sides (n,) by the best cut along the first principal direction; None without one."""
    centred = points - np.einsum("n,nd->d", weights, points) / weights.sum()
    scatter = np.einsum("n,ni,nj->ij", weights, centred, centred)
    if not np.trace(scatter) > CONSTANT * (weights[:, None] * points**2).sum():
        return None
    along = np.einsum("nd,d->n", centred, first_direction(scatter))
    threshold, gain = best_cut(along, weights)
    return (along > threshold).astype(np.int64) if gain > 0 else None


def lloyd(points: NDArray, sides: NDArray, weights: NDArray, most: int = 300) -> TwoMeans:
    """Repeat "centres of the sides, sides by the nearer centre" until the sides stay.

    For two centres the second half is one test against a hyperplane; a point on it goes left.
    """
    for steps in range(1, most + 1):
        share = np.stack([weights * (sides == 0), weights * (sides == 1)])
        centres = np.einsum("kn,nd->kd", share, points) / share.sum(axis=1)[:, None]
        beyond = np.einsum("nd,d->n", points - centres.mean(axis=0), centres[1] - centres[0])
        moved = (beyond > 0).astype(np.int64)
        if (moved == sides).all():
            break
        sides = moved
    off = weights * ((points - centres[sides]) ** 2).sum(axis=1)
    return TwoMeans(sides, centres, float(off.sum()), steps)


def two_means(points: ArrayLike, weights: ArrayLike | None = None) -> TwoMeans | None:
    r"""Split points in two: the best cut along the first principal direction, then Lloyd's steps.

    Parameters
    ----------
    points : array_like, shape (n, d), finite
    weights : array_like, shape (n,), positive; ones by default

    Returns
    -------
    TwoMeans, side 0 being the one with the lexicographically smaller centre; None if all points
    are equal. There is no random number in it.

    Cost
    ----
    Work O(n d^2 + n log n + steps n d).

    Examples
    --------
    >>> two_means([[0.0], [10.0], [1.0]]).sides.tolist()
    [0, 1, 0]
    """
    points = check_points(points)
    weights = check_weights(weights, len(points))
    sides = pca_start(points, weights)
    return None if sides is None else canonical(lloyd(points, sides, weights))


def canonical(found: TwoMeans) -> TwoMeans:
    """Number the sides so that side 0 has the lexicographically smaller centre."""
    if tuple(found.centres[0]) <= tuple(found.centres[1]):
        return found
    return found._replace(sides=1 - found.sides, centres=found.centres[::-1].copy())
