"""Checks of distributions: exact ones outcome by outcome, samples by a chi-squared test."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from paralg.teach.outcomes import PropertyFailed, call, require
from paralg.teach.values import show

__all__ = ["same_distribution", "samples_follow"]


def same_distribution(
    actual, expected, *, tol: float = 1e-12, name: str = "has the same distribution", hint: str = ""
):
    """Require that two finite distributions agree: total variation at most `tol`."""
    p, q = _as_mapping(actual), _as_mapping(expected)
    outcomes = sorted(p.keys() | q.keys(), key=repr)
    apart = {x: p.get(x, 0.0) - q.get(x, 0.0) for x in outcomes}
    distance = sum(map(abs, apart.values())) / 2
    if not distance <= tol:
        worst = max(apart, key=lambda x: abs(apart[x]))
        details = [
            ("outcome", show(worst)),
            ("expected", f"probability {q.get(worst, 0.0):.6g}"),
            ("got", f"probability {p.get(worst, 0.0):.6g}"),
        ]
        hint = hint or f"total variation {distance:.3g}, accepted {tol:.3g}"
        raise PropertyFailed(name, hint, details)


def samples_follow(
    draw: Callable, distribution, draws: int, rng, *, name: str = "samples follow the distribution"
):
    """Require that `draws` samples pass a chi-squared test of `distribution` at level 1e-6."""
    from scipy.stats import chi2

    distribution = _as_mapping(distribution)
    counts = dict.fromkeys(distribution, 0)
    for _ in range(draws):
        outcome = call(draw, rng, fresh=False)
        possible = distribution.get(outcome, 0) > 0
        require(possible, name, "this outcome has probability 0", got=outcome)
        counts[outcome] += 1
    statistic, degrees = _chi_squared(counts, distribution, draws)
    message = f"chi-squared {statistic:.1f} with {degrees} degrees of freedom, from {draws} draws"
    require(statistic <= chi2.isf(1e-6, degrees), name, message)


def _chi_squared(counts: dict, distribution: dict, draws: int) -> tuple[float, int]:
    """Return statistic and degrees of freedom; outcomes expected under 5 times are pooled."""
    often = [x for x, p in distribution.items() if p * draws >= 5]
    pairs = [(counts[x], distribution[x] * draws) for x in often]
    rest = draws - sum(expected for _, expected in pairs)
    if rest > 1e-9 * draws:
        pairs.append((draws - sum(observed for observed, _ in pairs), rest))
    statistic = sum((observed - expected) ** 2 / expected for observed, expected in pairs)
    return statistic, max(1, len(pairs) - 1)


def _as_mapping(distribution) -> dict:
    if isinstance(distribution, Mapping):
        return {outcome: float(p) for outcome, p in distribution.items()}
    return dict(enumerate(np.asarray(distribution, dtype=float).tolist()))
