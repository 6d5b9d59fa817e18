"""Two draws are all a sampler may ask for, so that its distribution can be enumerated.

A sampler is written against ``rng.categorical(p)`` and ``rng.accept(a)``.
:class:`RandomDraws` answers with random numbers; :class:`Replay` answers with *every* possible
answer in turn, and :func:`exact_distribution` multiplies the probabilities along each branch.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Protocol

import numpy as np

from paralg.core import checks
from paralg.core.random import uniform

__all__ = ["ExactDistribution", "Random", "RandomDraws", "Replay", "distribution_of",
           "exact_distribution", "residual", "softmax", "total_variation"]  # fmt: skip


class Random(Protocol):
    """The two draws of a sampler."""

    def categorical(self, p: np.ndarray) -> int:
        """Return i with probability ``p[i]``."""

    def accept(self, a: float) -> bool:
        """Return True with probability ``min(a, 1)``; draw nothing when ``a >= 1``."""


class RandomDraws:
    """Random draws keyed by (seed, number of the sequence), never by the row of a batch.

    >>> rng = RandomDraws(0, sample=7)
    >>> [rng.categorical(np.array([0.2, 0.8])) for _ in range(5)], rng.accept(1.0)
    ([0, 1, 0, 1, 0], True)
    """

    def __init__(self, seed: int = 0, sample: int = 0):
        lowest = -(2**63)
        self._seed = checks.integer("seed", seed, lowest, 2**64 - 1)
        self._sample = checks.integer("sample", sample, lowest, 2**64 - 1)
        self._drawn = 0
        self._ready: list[float] = []

    def categorical(self, p) -> int:
        """Return i with probability ``p[i]``."""
        p = _checked(p)
        cumulative = p.cumsum()
        i = int(cumulative.searchsorted(self._uniform() * cumulative[-1], side="right"))
        return i if i < len(p) else int(np.flatnonzero(p)[-1])

    def accept(self, a) -> bool:
        """Return True with probability ``min(a, 1)``; draw nothing when ``a >= 1``."""
        return True if _ratio(a) >= 1 else self._uniform() < a

    def _uniform(self) -> float:
        """Return draw number 1, 2, 3, …; 64 at a time are computed, the last one first."""
        if not self._ready:
            numbers = np.arange(self._drawn + 64, self._drawn, -1)
            self._ready = uniform(self._seed, self._sample, numbers).tolist()
            self._drawn += 64
        return self._ready.pop()


class Replay:
    """Answers draws from a script of branches, then takes the first possible branch.

    ``choices`` are (branch, probabilities) of draws with several answers; ``probability`` is all's.
    """

    def __init__(self, script=()):
        self.script = tuple(script)
        self.choices: list[tuple[int, tuple[float, ...]]] = []
        self.probability = 1.0

    def categorical(self, p) -> int:
        """Return the next branch of the script, or the first possible one."""
        p = _checked(p)
        possible, depth = np.flatnonzero(p), len(self.choices)
        if len(possible) == 1:
            return int(possible[0])
        branch = self.script[depth] if depth < len(self.script) else int(possible[0])
        self.choices.append((branch, tuple(p.tolist())))
        self.probability *= float(p[branch]) / fsum(p)
        return branch

    def accept(self, a) -> bool:
        """Branch on acceptance unless it is certain or impossible."""
        return True if _ratio(a) >= 1 else bool(self.categorical(np.array([1 - a, a])))


@dataclass(frozen=True)
class ExactDistribution:
    """Probabilities of the outcomes and of the numbers of calls, found in so many runs."""

    probability: Mapping[Hashable, float]
    calls: Mapping[int, float]
    runs: int

    @property
    def expected_calls(self) -> float:
        """E[calls]."""
        return fsum(calls * p for calls, p in self.calls.items())


def exact_distribution(
    sampler: Callable[[Random], tuple[Hashable, int]], *, limit: int = 100_000
) -> ExactDistribution:
    """Run ``sampler(rng) -> (outcome, calls)`` along every branch of its choices.

    RuntimeError if there are more than ``limit`` branches, or if it is random in another way.

    >>> def two_coins(rng):
    ...     return rng.accept(0.5) + rng.accept(0.5), 1
    >>> dict(exact_distribution(two_coins).probability)
    {0: 0.25, 1: 0.5, 2: 0.25}
    """
    checks.integer("limit", limit, 1)
    outcomes, calls, script, runs = defaultdict(list), defaultdict(list), (), 0
    while script is not None:
        if runs == limit:
            raise RuntimeError(f"expected at most {limit} branches, found more")
        rng = Replay(script)
        outcome, used = sampler(rng)
        if tuple(branch for branch, _ in rng.choices[: len(script)]) != script:
            raise RuntimeError("the sampler did not repeat its choices: what else is random in it?")
        outcomes[outcome].append(rng.probability)
        calls[int(used)].append(rng.probability)
        script, runs = _next_script(rng.choices), runs + 1
    return ExactDistribution({o: fsum(p) for o, p in outcomes.items()},
                             {c: fsum(p) for c, p in sorted(calls.items())}, runs)  # fmt: skip


def distribution_of(decode, model, x, *, limit: int = 20_000, **options) -> ExactDistribution:
    """Return the exact distribution of the tokens and forwards of ``decode(model, x, rng=…)``."""

    def sampler(rng):
        result = decode(model, x, rng=rng, **options)
        return tuple(result.tokens.tolist()), result.forwards

    return exact_distribution(sampler, limit=limit)


def total_variation(p: Mapping[Hashable, float], q: Mapping[Hashable, float]) -> float:
    """Return ½ Σ |p − q| over all outcomes of either distribution.

    >>> total_variation({"a": 0.5, "b": 0.5}, {"a": 1.0})
    0.5
    """
    for name, one in (("p", p), ("q", q)):
        checks.instance(name, one, Mapping)
        checks.probabilities(name, list(one.values()), None)
    return 0.5 * fsum(abs(p.get(o, 0.0) - q.get(o, 0.0)) for o in {*p, *q})


def residual(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    r"""Return what a refused draft is replaced from, :math:`\propto \max(0, p - q)`.

    Parameters
    ----------
    p, q : ndarray of float, shape (V,)
        Distributions: what the token should follow, and what the draft was drawn from.

    Returns
    -------
    ndarray, shape (V,)
        Where p = q nothing is ever refused; p itself is returned.

    Examples
    --------
    >>> residual(np.array([0.6, 0.4]), np.array([0.3, 0.7]))
    array([1., 0.])
    """
    p, q = checks.probabilities("p", p), checks.probabilities("q", q)
    checks.sizes(p=(p, "V"), q=(q, "V"))
    excess = np.maximum(p - q, 0.0)
    total = excess.sum()
    return excess / total if total > 0 else p


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the distributions of logits, along the last axis; a row without one is refused."""
    top = logits.max(axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        raise ValueError("expected logits without NaN and with a finite entry in every row")
    weights = np.exp(logits - top)
    return weights / weights.sum(axis=-1, keepdims=True)


def _ratio(a) -> float:
    """Check a ratio of probabilities; one to zero is infinite."""
    return min(checks.number("a", 2.0 if isinstance(a, float) and a == np.inf else a, 0), 2.0)


def _checked(p) -> np.ndarray:
    """Return ``p`` as an array of non-negative numbers that sum to one (to 1e-9)."""
    if type(p) is not np.ndarray or p.dtype != np.float64:
        p = checks.array("p", p).astype(np.float64)
    if p.ndim != 1 or not (p.min(initial=0.0) >= 0 and abs(p.sum() - 1) <= 1e-9):
        raise ValueError(f"expected probabilities that sum to 1, got {p}")
    return p


def _next_script(choices) -> tuple[int, ...] | None:
    """Advance the last choice that has a branch left; None when the tree is exhausted."""
    for depth in range(len(choices) - 1, -1, -1):
        branch, p = choices[depth]
        later = [i for i in range(branch + 1, len(p)) if p[i] > 0]
        if later:
            return (*(b for b, _ in choices[:depth]), later[0])
    return None
