r"""Four measures of one algorithm, worst identifiers, and closed forms of radii on cycles.

Radii are averaged over nodes or not, and over the orders of identifiers or not: with the largest
and the worst in place of means these are four measures [feuilloley-2020-long].
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, permutations
from math import e, factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.rounds.ordinary_node.fast.graphs import PortGraph, cycle

__all__ = [
    "Measures", "expected_depth", "expected_radius", "extremal_ids", "linial_steps", "measures",
    "short_averages", "worst_sum",
]  # fmt: skip


@dataclass(frozen=True)
class Measures:
    """The four measures on cycles of one size."""

    classic: int  # largest radius, worst order
    worst_sum: int  # of radii, the node average times n
    id_average: float  # mean over orders of the largest radius
    both: float  # mean over nodes and orders


def measures(radii_of: Callable[[PortGraph, tuple], ArrayLike], n: int) -> Measures:
    """Return the four measures by a run on every order of identifiers around a cycle.

    ``radii_of(graph, ids)`` has the radii of an algorithm; ``n`` is 3 to 9, and rotations are the
    same order, so that there are (n - 1)! of them.

    >>> from paralg.rounds.ordinary_node import largest_id, run_views
    >>> found = measures(lambda graph, ids: run_views(graph, largest_id, ids).radii, 5)
    >>> found.classic, found.worst_sum, found.id_average, round(found.both, 4)
    (2, 7, 2.0, 1.3333)
    """
    graph, count = cycle(checks.integer("n", n, 3, 9)), factorial(n - 1)
    checks.instance("radii_of", radii_of, Callable)
    orders = islice(permutations(range(n)), count)  # those that begin with 0
    radii = np.array([radii_of(graph, ids) for ids in orders])
    largest, sums = radii.max(axis=1), radii.sum(axis=1)
    return Measures(int(largest.max()), int(sums.max()), largest.mean().item(), radii.mean().item())


# ---- the largest identifier


def worst_sum(n: int) -> int:
    r"""Return the largest sum of radii of the largest-identifier rule on a cycle of ``n``.

    The maximum waits ``n // 2`` rounds; the other ``n - 1`` nodes a sum of

    .. math:: a(p) = \max_k \{\min(k, p + 1 - k) + a(k - 1) + a(p - k)\}
                   = \sum_{i \le p} \operatorname{popcount}(i) .

    >>> [worst_sum(n) for n in range(3, 9)]
    [3, 6, 7, 10, 12, 16]
    """
    checks.integer("n", n, 3)
    bits = sum((n >> b + 1 << b) + max(0, n % (2 << b) - (1 << b)) for b in range(n.bit_length()))
    return bits + n // 2  # of 0 to n - 1, column by column


def extremal_ids(n: int) -> NDArray[np.int64]:
    """Return ``n`` identifiers with the largest sum of radii: maxima in the middle of segments.

    >>> extremal_ids(8).tolist()
    [7, 3, 5, 2, 6, 1, 4, 0]
    """
    ids = np.empty(checks.integer("n", n, 3), dtype=np.int64)
    ids[0], following, segments = n - 1, n - 2, [(1, n)]
    for low, high in segments:  # in order of their length: halves are appended
        if low < high:
            middle = (low + high) // 2
            ids[middle], following = following, following - 1
            segments += [(low, middle), (middle + 1, high)]
    return ids


def expected_radius(n: int) -> float:
    r"""Return the mean radius of that rule for ``n`` random identifiers.

    .. math:: E[r] = \sum_{k < \lfloor n/2 \rfloor} \frac{1}{2k + 1} \approx \tfrac12 \ln n

    >>> round(expected_radius(7), 4)
    1.5333
    """
    return float((1.0 / np.arange(1, 2 * (checks.integer("n", n, 3) // 2), 2)).sum())


# ---- by the order of identifiers


def expected_depth() -> float:
    r"""Return the mean depth on a long cycle, ``2 (e - 2) - sum 1 / (k!^2 (2 k + 1))``.

    >>> round(expected_depth(), 5)
    1.04906
    """
    return 2 * (e - 2) - sum(1 / (factorial(k) ** 2 * (2 * k + 1)) for k in range(1, 20))


def linial_steps(palette: int, degree: int) -> list[tuple[int, int]]:
    """Return the fields ``(q, k)`` that reduce a ``palette``: ``q`` prime, above ``k degree``.

    Each step needs ``q^(k + 1) >= palette`` and leaves ``q^2`` colours; the last one is that after
    which no step makes the palette smaller.

    >>> linial_steps(2**32, 2)
    [(17, 7), (7, 2), (5, 2)]
    """
    checks.integer("palette", palette, 1, 2**64)
    checks.integer("degree", degree, 1)
    steps = []
    while palette > degree + 1:
        q, k = min(_field(palette, degree, k) for k in range(1, max(2, palette.bit_length())))
        if q * q >= palette:
            break
        palette = q * q
        steps.append((q, k))
    return steps


def _field(palette: int, degree: int, k: int) -> tuple[int, int]:
    q = max(k * degree + 1, int(palette ** (1 / (k + 1))))
    while q ** (k + 1) < palette or any(q % d == 0 for d in range(2, int(q**0.5) + 1)):
        q += 1
    return q, k


# ---- slow nodes have slow neighbourhoods


def short_averages(radii: ArrayLike, reach: ArrayLike) -> int:
    """Count the nodes ``v`` and ``t < t'(v)`` without a slow side; the theorem says 0.

    A side is slow if each of its nodes at distance ``d <= t`` has a radius above ``t - d``.

    ``radii`` and ``reach`` have the shape (n,).
    """
    radii, reach = (checks.array(name, x, "i") for name, x in (("radii", radii), ("reach", reach)))
    checks.sizes(radii=(radii, "n"), reach=(reach, "n"))
    n, short = len(radii), 0
    for v, most in enumerate(reach):
        for t in range(min(most, n)):
            d = np.arange(t + 1)
            slow = [(radii[(v + side * d) % n] > t - d).all() for side in (1, -1)]
            short += not any(slow)
    return short
