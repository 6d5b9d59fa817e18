r"""Step 1: the same two halves of a cloud on every run.

Letters of the whole chapter: ``points`` has the shape (n, d), a row a point; ``sides`` is (n,), 0
or 1; ``centres`` is (2, d). No step uses a threaded matrix product, so bits do not depend on the
number of threads.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.kernels.partitive_partitioning.fast.checks import check_points, first_direction
from paralg.kernels.partitive_partitioning.fast.results import TwoMeans

__all__ = ["best_cut", "canonical", "lloyd", "two_means"]

CONSTANT = 1e-13  # share of the squares below which points count as equal


def best_cut(values: ArrayLike) -> tuple[float, float]:
    r"""Return the threshold of the best two-way split of numbers (n,), and its gain.

    Sorting and prefix sums try all n - 1 cuts for the gain :math:`S_1^2/n_1 + S_2^2/n_2 - S^2/n`.
    Of equal gains the leftmost cut wins; without two different values the gain is 0.

    >>> best_cut([10.0, 0.0, 1.0])
    (5.5, 60.166666666666664)
    """
    (values,) = checks.floats(values=(values, "n"))
    if not values.size:
        raise ValueError(f"values must have at least one number, got {values.tolist()}")
    values, n, left = np.sort(values), len(values), np.arange(1, len(values))
    total = np.cumsum(values)
    gain = total[:-1] ** 2 / left + (total[-1] - total[:-1]) ** 2 / (n - left) - total[-1] ** 2 / n
    gain[values[1:] == values[:-1]] = 0.0
    if not (gain > 0).any():
        return float(values[-1]), 0.0
    at = int(np.argmax(gain))
    return float((values[at] + values[at + 1]) / 2), float(gain[at])


def pca_start(points: NDArray) -> NDArray[np.int64] | None:
    """Return sides (n,) by the best cut along the first principal direction; None without one."""
    centred = points - points.mean(axis=0)
    scatter = np.einsum("ni,nj->ij", centred, centred)
    if not np.trace(scatter) > CONSTANT * (points**2).sum():
        return None
    along = np.einsum("nd,d->n", centred, first_direction(scatter))
    threshold, gain = best_cut(along)
    return (along > threshold).astype(np.int64) if gain > 0 else None


def lloyd(points: NDArray, sides: NDArray, most: int = 300) -> TwoMeans:
    """Repeat "centres of the sides, sides by the nearer centre" until the sides stay.

    For two centres the second half is one test against a hyperplane; a point on it goes left.
    """
    for steps in range(1, most + 1):  # noqa: B007
        centres = np.stack([points[sides == side].mean(axis=0) for side in (0, 1)])
        beyond = np.einsum("nd,d->n", points - centres.mean(axis=0), centres[1] - centres[0])
        moved = (beyond > 0).astype(np.int64)
        if (moved == sides).all():
            break
        sides = moved
    return TwoMeans(sides, centres, float(((points - centres[sides]) ** 2).sum()), steps)


def two_means(points: ArrayLike) -> TwoMeans | None:
    r"""Split points in two: the best cut along the first principal direction, then Lloyd's steps.

    Of ``points`` (n, d); side 0 is the one with the
    lexicographically smaller centre. None if all points are equal. There is no random number in it.
    Work O(n d^2 + n log n + steps n d).

    >>> two_means([[0.0], [10.0], [1.0]]).sides.tolist()
    [0, 1, 0]
    """
    points = check_points(points)
    sides = pca_start(points)
    return None if sides is None else canonical(lloyd(points, sides))


def canonical(found: TwoMeans) -> TwoMeans:
    """Number the sides so that side 0 has the lexicographically smaller centre."""
    if tuple(found.centres[0]) <= tuple(found.centres[1]):
        return found
    return found._replace(sides=1 - found.sides, centres=found.centres[::-1].copy())
