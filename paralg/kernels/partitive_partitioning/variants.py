"""Other rules: restarts, the ancestor's agreement, one hump, bootstrap; the search over features."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.engine import Engine, connect
from paralg.core.random import derive, uniform
from paralg.kernels.partitive_partitioning.fast.checks import check_points, check_weights
from paralg.kernels.partitive_partitioning.fast.results import SplitVerdict
from paralg.kernels.partitive_partitioning.mixture import em
from paralg.kernels.partitive_partitioning.tree import SplitRules, judge, split_node
from paralg.kernels.partitive_partitioning.twomeans import TwoMeans, canonical, lloyd, two_means

__all__ = [
    "AgreementRules", "BootstrapRules", "DipRules", "FeatureSearch", "HarmonicRules",
    "MultistartCut", "MultistartRules", "VarianceRules", "dip", "most_separable", "multistart",
    "random_two_means",
]  # fmt: skip


# ---- restarts


def random_two_means(
    points: ArrayLike, attempt: int = 0, *, seed: int = 0, weights: ArrayLike | None = None
) -> TwoMeans | None:
    """Split points (n, d) by Lloyd's steps from a k-means++ start: the try ``attempt`` of a seed.

    The first centre is drawn evenly, the second in proportion to the squared distance from it.
    None if all points are equal; ``weights`` (n,) are positive.
    """
    points = check_points(points)
    weights = check_weights(weights, len(points))
    checks.integer("attempt", attempt)
    checks.integer("seed", seed, -(2**63), 2**64 - 1)
    first = points[_drawn(weights, seed, attempt, 0)]
    far = ((points - first) ** 2).sum(axis=1)
    if not far.any():
        return None
    second = points[_drawn(weights * far, seed, attempt, 1)]
    sides = (((points - second) ** 2).sum(axis=1) < far).astype(np.int64)
    return canonical(lloyd(points, sides, weights))


def _drawn(weights, seed, attempt, counter) -> int:
    """Return an index drawn in proportion to weights."""
    total = np.cumsum(weights)
    at = np.searchsorted(total, uniform(seed, attempt, counter) * total[-1], side="right")
    return int(min(at, np.flatnonzero(weights)[-1]))


class MultistartCut(NamedTuple):
    """The best of some starts, its share ``p`` of them, and how many there were."""

    cut: TwoMeans
    p: float
    starts: int


def multistart(
    points: ArrayLike, starts: int = 8, *, least: float = 0.2, most: int = 128, seed: int = 0,
    weights: ArrayLike | None = None, engine: Engine | None = None,
) -> MultistartCut | None:  # fmt: skip
    """Take the best of random starts; double them until the best is found often enough.

    Parameters
    ----------
    points, weights : as in `two_means`
    starts, most : int, starts of the first round; no further round from so many on
    least : float, share of starts that must have reached the best error (to 1e-9)
    seed : int, of the streams, which are keyed by the number of the start
    engine : Engine, optional; a start is a partition

    Returns
    -------
    MultistartCut, the same on every engine; None if all points are equal
    """
    points = check_points(points)
    weights = check_weights(weights, len(points))
    checks.integers(1, starts=starts, most=most)
    least = checks.number("least", least, 0, 1)
    checks.integer("seed", seed, -(2**63), 2**64 - 1)
    engine, found = connect("serial") if engine is None else engine, []
    checks.instance("engine", engine, Engine)
    while True:
        fresh = engine.scatter(range(len(found), starts))
        found += engine.gather(engine.map(_start, fresh, points=points, seed=seed, weights=weights))
        if found[0] is None:
            return None
        best = min(found, key=lambda one: (one.sse, tuple(one.centres[0])))
        p = sum(one.sse <= best.sse * (1 + 1e-9) for one in found) / starts
        if p >= least or 2 * starts > most:
            return MultistartCut(best, p, starts)
        starts *= 2


def _start(attempt, points, seed, weights):
    return random_two_means(points, attempt, seed=seed, weights=weights)


@dataclass(frozen=True)
class MultistartRules(SplitRules):
    """Cuts by `multistart`, whose ``starts``, ``least`` and ``most`` these are."""

    starts: int = 8
    least: float = 0.2
    most: int = 128

    def cut(self, points, weights, key):
        """Return the best of many starts."""
        found = multistart(points, self.starts, least=self.least, most=self.most, seed=key,
                           weights=weights)  # fmt: skip
        return found and found.cut


# ---- the ancestor's rules


@dataclass(frozen=True)
class HarmonicRules(SplitRules):
    """Agreement by side: both at least 95 %, or the harmonic mean of both at least 80 %."""

    def agrees(self, verdict):
        """Tell whether the ancestor would accept."""
        return min(verdict.sides) >= 0.95 or verdict.harmonic >= 40


@dataclass(frozen=True)
class AgreementRules(HarmonicRules):
    """Starts 2-means again, at random, until the mixture agrees; gives up as the ancestor does.

    After more than ``fruitless`` starts without a better score the best one is taken.
    """

    fruitless: int = 3

    def cut(self, points, weights, key):
        """Return the first cut that agrees, or the best."""
        best, score, wasted, attempt = None, -1.0, 0, 0
        while wasted <= self.fruitless:
            cut = random_two_means(points, attempt, seed=key, weights=weights)
            if cut is None:
                return None
            verdict, _ = judge(points, weights, cut, self)
            if self.agrees(verdict):
                return cut
            wasted = 0 if verdict.harmonic > score else wasted + 1
            if verdict.harmonic > score:
                best, score = cut, verdict.harmonic
            attempt += 1
        return best


@dataclass(frozen=True)
class VarianceRules(HarmonicRules):
    """No split where the mean deviation of columns is below the mean *variance* of the children.

    That is the ancestor's rule; it compares two units and changes with the scale of the data.
    """

    def refusal(self, verdict, points, cut):
        """Return "variance" where the ancestor stops."""
        inside = [points[cut.sides == side].var(axis=0).mean() for side in (0, 1)]
        if points.std(axis=0).mean() < np.mean(inside):
            return "variance"
        return super().refusal(verdict, points, cut)


# ---- stricter tests


def dip(values: ArrayLike) -> float:
    """Return Hartigan's dip of numbers (n,): how far the nearest unimodal distribution is.

    The largest gap between the empirical distribution and the closest one that is convex up to a
    mode and concave from there on [hartigan-1985-dip]; between 1/(2n) and 1/4.

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


DIP_SIZES = (20, 50, 100, 200, 500, 1000, 2000)
DIP_95 = (0.470, 0.497, 0.513, 0.524, 0.525, 0.529, 0.536)
"""95 % points of sqrt(n) times the dip of n uniform numbers: `experiments.records`, ``dips``."""


@dataclass(frozen=True)
class DipRules(SplitRules):
    """Also asks for two humps: along the line of the two centres the dip must be significant.

    A uniform block has one; so have two clusters that overlap much.
    """

    def refusal(self, verdict, points, cut):
        """Return "one hump" where the dip is below the 95 % point of uniform numbers."""
        along = np.einsum("nd,d->n", points, cut.centres[1] - cut.centres[0])
        point = np.interp(np.log(len(points)), np.log(DIP_SIZES), DIP_95)
        one_hump = np.sqrt(len(points)) * dip(along) < point
        return super().refusal(verdict, points, cut) or ("one hump" if one_hump else "")


@dataclass(frozen=True)
class BootstrapRules(SplitRules):
    """Also asks for a likelihood ratio that few samples of one Gaussian reach.

    The usual distribution of the ratio does not hold, since under one Gaussian the second
    component has no place of its own. So ``replicates`` samples of the fitted Gaussian are split
    as the points are; a share above ``level`` with a larger ratio refuses.
    """

    replicates: int = 39
    level: float = 0.05
    seed: int = 0

    def refusal(self, verdict, points, cut):
        """Return "bootstrap" where one Gaussian does as well too often."""
        return super().refusal(verdict, points, cut) or self._bootstrap(points, cut)

    def _bootstrap(self, points, cut) -> str:
        ratio, one = self._ratio(points, cut)
        lower, count = np.linalg.cholesky(one.covariances[0]), 0
        for b in range(self.replicates):
            u = uniform(derive(self.seed, b), np.arange(points.size).reshape(points.shape), 0)
            v = uniform(derive(self.seed, b), np.arange(points.size).reshape(points.shape), 1)
            normal = np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)
            sample = one.means[0] + np.einsum("nj,ij->ni", normal, lower)
            count += self._ratio(sample, two_means(sample))[0] >= ratio
        return "bootstrap" if (1 + count) / (1 + self.replicates) > self.level else ""

    def _ratio(self, points, cut):
        cov, ones = self.kind(*points.shape), np.ones((len(points), 1))
        one = em(points, ones, None, cov, most=0, ridge=self.ridge)
        two = em(points, np.eye(2)[cut.sides], None, cov, tol=self.em_tol, most=self.em_max,
                 ridge=self.ridge)  # fmt: skip
        return two.loglik - one.loglik, one


# ---- the most separable features


@dataclass(frozen=True, eq=False)
class FeatureSearch:
    """Features in the order in which they were taken, the best score after each, all scores.

    ``scores`` has for each round what every feature left would give; the last round is the one
    that brought nothing. ``verdict`` is that of the root split on the features chosen.
    """

    features: tuple[int, ...]
    best: tuple[float, ...]
    scores: tuple[dict[int, float], ...]
    verdict: SplitVerdict


def separability(verdict: SplitVerdict, n: int) -> float:
    """Return agreement times the gain in BIC a point, the score of a set of features."""
    return verdict.agreement * verdict.gain / n


def most_separable(
    points: ArrayLike, rules: SplitRules | None = None, *, engine: Engine | None = None
) -> FeatureSearch:
    """Search forward for the features on which the root splits best.

    Start with the best single feature, add the one that raises the score most, stop when none
    does. Candidates of a round do not look at each other: each is a partition of the engine.

    Parameters
    ----------
    points : array_like, shape (n, d), finite, at least ``rules.nmin`` rows
    rules : SplitRules, optional
    engine : Engine, optional

    Returns
    -------
    FeatureSearch, the same on every engine
    """
    rules = SplitRules() if rules is None else rules
    checks.instance("rules", rules, SplitRules)
    points = check_points(points, rules.nmin)
    engine = connect("serial") if engine is None else engine
    checks.instance("engine", engine, Engine)
    chosen, best, rounds, verdict = (), (), (), SplitVerdict(reason="constant")
    while len(chosen) < points.shape[1]:
        left = [f for f in range(points.shape[1]) if f not in chosen]
        parts = engine.scatter(points[:, [*chosen, f]] for f in left)
        verdicts = engine.gather(engine.map(_root, parts, rules=rules))
        scores = [separability(one, len(points)) for one in verdicts]
        rounds += (dict(zip(left, scores, strict=True)),)
        at = int(np.argmax(scores))
        if scores[at] <= (best[-1] if best else 0.0):
            break
        chosen, best, verdict = (*chosen, left[at]), (*best, scores[at]), verdicts[at]
    return FeatureSearch(chosen, best, rounds, verdict)


def _root(points, rules):
    return split_node(points, np.ones(len(points)), 0, rules)[0]
