"""Other rules: restarts, the ancestor's agreement, one hump; the search over features."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from paralg.core import checks
from paralg.core.engine import Engine, connect
from paralg.core.random import uniform
from paralg.kernels.partitive_partitioning.fast.checks import check_points
from paralg.kernels.partitive_partitioning.fast.results import TwoMeans
from paralg.kernels.partitive_partitioning.tree import SplitRules, judge, split_node
from paralg.kernels.partitive_partitioning.twomeans import canonical, lloyd

__all__ = [
    "AgreementRules", "DipRules", "FeatureSearch", "HarmonicRules", "MultistartCut",
    "MultistartRules", "dip", "most_separable", "multistart", "random_two_means",
]  # fmt: skip

_SEEDS = (-(2**63), 2**64 - 1)
DIP_SIZES = (20, 50, 100, 200, 500, 1000, 2000)
DIP_95 = (0.470, 0.497, 0.513, 0.524, 0.525, 0.529, 0.536)
"""95 % points of sqrt(n) times the dip of n uniform numbers: of 4,000 samples each."""


def random_two_means(points: ArrayLike, attempt: int = 0, *, seed: int = 0) -> TwoMeans | None:
    """Split points (n, d) by Lloyd's steps from a k-means++ start: try ``attempt`` of ``seed``.

    None if all points are equal.
    """
    points = check_points(points)
    checks.integer("attempt", attempt)
    checks.integer("seed", seed, *_SEEDS)
    first = points[_drawn(np.ones(len(points)), seed, attempt, 0)]
    far = ((points - first) ** 2).sum(axis=1)
    if not far.any():
        return None
    second = points[_drawn(far, seed, attempt, 1)]
    sides = (((points - second) ** 2).sum(axis=1) < far).astype(np.int64)
    return canonical(lloyd(points, sides))


def _drawn(weights, seed, attempt, counter) -> int:
    total = np.cumsum(weights)
    at = np.searchsorted(total, uniform(seed, attempt, counter) * total[-1], side="right")
    return int(min(at, np.flatnonzero(weights)[-1]))


class MultistartCut(NamedTuple):
    """The best of some starts, the share ``p`` of them that reached it, how many there were."""

    cut: TwoMeans
    p: float
    starts: int


def multistart(
    points: ArrayLike, starts: int = 8, *, least: float = 0.2, most: int = 128, seed: int = 0,
    engine: Engine | None = None,
) -> MultistartCut | None:  # fmt: skip
    """Take the best of random starts; double them until it is found often enough.

    Of points (n, d): ``starts`` at first, until a share ``least``
    has the best error (to 1e-9) or a doubling would pass ``most``. On an ``engine`` a start is a
    partition, whose stream is keyed by ``seed`` and its number. None if all points are equal.
    """
    points = check_points(points)
    checks.integers(1, starts=starts, most=most)
    least = checks.number("least", least, 0, 1)
    checks.integer("seed", seed, *_SEEDS)
    engine, found = connect("serial") if engine is None else engine, []
    checks.instance("engine", engine, Engine)
    while True:
        fresh = engine.scatter(range(len(found), starts))
        found += engine.gather(engine.map(_start, fresh, points=points, seed=seed))
        if found[0] is None:
            return None
        best = min(found, key=lambda one: (one.sse, tuple(one.centres[0])))
        p = sum(one.sse <= best.sse * (1 + 1e-9) for one in found) / starts
        if p >= least or 2 * starts > most:
            return MultistartCut(best, p, starts)
        starts *= 2


def _start(attempt, points, seed):
    return random_two_means(points, attempt, seed=seed)


class MultistartRules(SplitRules):
    """Cuts by `multistart`, keyed by the node."""

    def cut(self, points, key):
        """Return the best of many starts."""
        found = multistart(points, seed=key)
        return found and found.cut


class HarmonicRules(SplitRules):
    """Agreement by side: both at least 95 %, or the harmonic mean of both at least 80 %."""

    def agrees(self, verdict):
        """Tell whether the ancestor would accept."""
        return min(verdict.sides) >= 0.95 or verdict.harmonic >= 40


class AgreementRules(HarmonicRules):
    """Starts 2-means at random until the mixture agrees, or three starts more bring no better."""

    def cut(self, points, key):
        """Return the first cut that agrees, or the best."""
        best, score, wasted, attempt = None, -1.0, 0, 0
        while wasted <= 3:
            cut = random_two_means(points, attempt, seed=key)
            if cut is None:
                return None
            verdict = judge(points, cut, self)
            if self.agrees(verdict):
                return cut
            better, attempt = verdict.harmonic > score, attempt + 1
            wasted = 0 if better else wasted + 1
            best, score = (cut, verdict.harmonic) if better else (best, score)
        return best


def dip(values: ArrayLike) -> float:
    """Return Hartigan's dip of ``values`` (n,): how far the nearest unimodal distribution is.

    Unimodal: convex up to a mode, concave from there on [hartigan-1985-dip]. At least 1/(2n).

    >>> round(dip([0.0, 0.1, 0.9, 1.0]), 3)
    0.222
    """
    (values,) = checks.floats(values=(values, "n"))
    if not values.size:
        raise ValueError(f"values must have at least one number, got {values.tolist()}")
    x, times = np.unique(values, return_counts=True)
    upto = np.cumsum(times)
    before, n = upto - times, len(values)
    low, high, found = 0, len(x) - 1, 1.0
    while low < high:
        below, above = _hull(x, before, low, high, 1), _hull(x, upto, low, high, -1)
        convex = np.interp(x[low : high + 1], x[below], before[below])
        concave = np.interp(x[low : high + 1], x[above], upto[above])
        gap_below, gap_above = (concave - convex)[below - low], (concave - convex)[above - low]
        if max(gap_below.max(), gap_above.max()) <= found:
            break
        if gap_below.max() >= gap_above.max():
            left = below[int(np.argmax(gap_below))]
            right = above[np.searchsorted(above, left)]
        else:
            right = above[len(above) - 1 - int(np.argmax(gap_above[::-1]))]
            left = below[np.searchsorted(below, right, side="right") - 1]
        rise = (upto[low : high + 1] - convex)[1 : left - low + 1]
        fall = (concave - before[low : high + 1])[right - low : -1]
        found = max(found, rise.max(initial=0), fall.max(initial=0))
        if (left, right) == (low, high):
            break
        low, high = left, right
    return float(found / (2 * n))


def _hull(x, height, low, high, sign):
    """Return the knots of the convex minorant (1) or concave majorant (-1) of heights over x."""
    knots = [low]
    for j in range(low + 1, high + 1):
        while len(knots) > 1:
            a, b = knots[-2], knots[-1]
            rise, step = height[j] - height[a], height[b] - height[a]
            if sign * (rise * (x[b] - x[a]) - step * (x[j] - x[a])) > 0:
                break
            knots.pop()
        knots.append(j)
    return np.array(knots)


class DipRules(SplitRules):
    """Also asks for two humps: along the line of the two centres the dip must be significant."""

    def refusal(self, verdict, points, cut):
        """Return "one hump" where the dip is below the 95 % point of uniform numbers."""
        along = np.einsum("nd,d->n", points, cut.centres[1] - cut.centres[0])
        point = np.interp(np.log(len(points)), np.log(DIP_SIZES), DIP_95)
        one_hump = np.sqrt(len(points)) * dip(along) < point
        return super().refusal(verdict, points, cut) or ("one hump" if one_hump else "")


@dataclass(frozen=True, eq=False)
class FeatureSearch:
    """Features as they were taken, the best score after each, and what every one would give."""

    features: tuple[int, ...]
    best: tuple[float, ...]
    scores: tuple[dict[int, float], ...]


def most_separable(
    points: ArrayLike, rules: SplitRules | None = None, *, engine: Engine | None = None
) -> FeatureSearch:
    """Search forward for the features on which the root splits best.

    The score of a set is agreement times the gain in BIC a point. Of points (n, d), with at least
    ``rules.nmin`` rows, the best single feature is taken first, then the one that raises the score
    most, until none does. On an ``engine`` a candidate is a partition; the result is the same.
    """
    rules = SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    points = check_points(points, rules.nmin)
    engine = connect("serial") if engine is None else engine
    checks.instance("engine", engine, Engine)
    chosen, best, rounds = (), (), ()
    while len(chosen) < points.shape[1]:
        left = [f for f in range(points.shape[1]) if f not in chosen]
        parts = engine.scatter(points[:, [*chosen, f]] for f in left)
        found = engine.gather(engine.map(split_node, parts, rules=rules))
        scores = [one.agreement * one.gain / len(points) for one, _ in found]
        rounds += (dict(zip(left, scores, strict=True)),)
        at = int(np.argmax(scores))
        if scores[at] <= (best[-1] if best else 0.0):
            break
        chosen, best = (*chosen, left[at]), (*best, scores[at])
    return FeatureSearch(chosen, best, rounds)
