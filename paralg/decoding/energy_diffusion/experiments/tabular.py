r"""Exact posteriors on tables, and what they make of the sampler and of the likelihood.

A *posterior* ``posterior(x)`` returns the probabilities, shape (V^m,), of the completions of the m
masks of x, (L,), in the order of `completions`.
"""

from collections.abc import Callable, Mapping
from itertools import combinations, product
from math import comb

import numpy as np

from paralg.core import checks
from paralg.decoding.energy_diffusion.energies import Energy, log_conditionals
from paralg.decoding.energy_diffusion.theory import resampled
from paralg.decoding.randomness import softmax
from paralg.decoding.tables import WeightedSequences
from paralg.models.protocol import Model, tokens_of

__all__ = ["completions", "independent", "reported_integral", "resampled_posterior",
           "sampler_output", "shown_nats", "step_bound", "true_posterior"]  # fmt: skip

Posterior = Callable[[np.ndarray], np.ndarray]
Nats = Mapping[tuple[tuple[int, ...], tuple[int, ...]], float]


def completions(x, V: int) -> np.ndarray:
    """Return the V^m sequences that fill the m masks of ``x``, shape (V^m, L), in C order."""
    x = np.asarray(x)
    masked = np.flatnonzero(x == V)
    y = np.tile(x, (V ** len(masked), 1))
    y[:, masked] = list(product(range(V), repeat=len(masked)))
    return y


def independent(model: Model) -> Posterior:
    """Return the posterior of independent guesses, μ."""

    def posterior(x):
        p, y = softmax(model.denoise(x[None]))[0], completions(x, model.V)
        masked = np.flatnonzero(x == model.V)
        return p[masked, y[:, masked]].prod(axis=1)

    return posterior


def true_posterior(joint: Model) -> Posterior:
    """Return the posterior that ``causal`` defines, of a table that of all its calls."""

    def posterior(x):
        p = np.exp(log_conditionals(joint, completions(x, joint.V)).sum(axis=1))
        return p / p.sum()

    return posterior


def resampled_posterior(model: Model, energy: Energy, k: int) -> Posterior:
    """Return the posterior of the candidate kept of k."""
    guess = independent(model)

    def posterior(x):
        mu, y = guess(x), completions(x, model.V)
        possible = mu > 0
        energies = energy(x, y[possible], np.log(mu[possible]))
        mu[possible] = resampled(mu[possible], np.exp(-energies), k)
        return mu

    return posterior


def sampler_output(model: Model, x, steps: int, posterior: Posterior, calls: int = 2):
    """Return the exact distribution of the whole sampler, and its mean number of calls.

    The posterior is that of the kept candidate; ``calls`` are those of a step that shows something.

    >>> from paralg.decoding.tables import TabularJoint
    >>> joint = TabularJoint(np.eye(2) / 2)
    >>> found, mean = sampler_output(joint, [2, 2], 2, independent(joint), calls=1)
    >>> round(found[0, 0], 12), mean
    (0.375, 1.5)
    """
    steps, V = checks.integer("steps", steps, 1), model.V
    states, mean = {tuple(tokens_of(np.asarray(x)[None], V, model.L)[0].tolist()): 1.0}, 0.0
    kept: dict[tuple, np.ndarray] = {}
    for step in range(steps):
        rate, after = 1 / (steps - step), {}
        for state, chance in states.items():
            masked = [i for i, v in enumerate(state) if v == V]
            if masked and state not in kept:
                kept[state] = posterior(np.array(state)).reshape((V,) * len(masked))
            mean += calls * chance * (1 - (1 - rate) ** len(masked))
            for shown in _subsets(range(len(masked))):
                share = chance * _chance(len(shown), len(masked), rate)
                table = _marginal(kept[state], shown) if shown else np.ones(())
                for tokens in product(range(V), repeat=len(shown)) if share else ():
                    y = list(state)
                    for j, v in zip(shown, tokens, strict=True):
                        y[masked[j]] = v
                    after[tuple(y)] = after.get(tuple(y), 0.0) + share * float(table[tokens])
        states = after
    return states, mean


def shown_nats(joint: WeightedSequences, posterior: Posterior) -> Nats:
    """Return E[-log p(x_R | x_K)] under the table for all masked sets M and subsets R, by (M, R).

    K is what M leaves known.
    """
    checks.instance("joint", joint, WeightedSequences)
    q, found = joint.weights / joint.weights.sum(), {}
    for M in _subsets(range(joint.L)):
        nats, x = {R: 0.0 for R in _subsets(M)}, joint.sequences.copy()
        x[:, M] = joint.V
        states, which = np.unique(x, axis=0, return_inverse=True)
        for number, state in enumerate(states):
            p = posterior(state).reshape((joint.V,) * len(M))
            rows = which.ravel() == number
            for R in nats:
                table = _marginal(p, [M.index(i) for i in R])
                seen = table[tuple(joint.sequences[rows][:, R].T)] if R else 1.0
                with np.errstate(divide="ignore"):
                    nats[R] -= float((q[rows] * np.log(seen)).sum())
        found |= {(M, R): value for R, value in nats.items()}
    return found


def step_bound(nats: Nats, steps: int) -> float:
    """Return the exact bound of S steps: the mean over the process of -log of what is shown."""
    steps, L, total = checks.integer("steps", steps, 1), max(len(M) for M, _ in nats), 0.0
    for step in range(steps):
        t, rate = 1 - step / steps, 1 / (steps - step)
        total += sum(_chance(len(M), L, t) * _chance(len(R), len(M), rate) * value
                     for (M, R), value in nats.items())  # fmt: skip
    return total


def reported_integral(nats: Nats) -> float:
    r"""Return the number that the paper reports, :math:`\int \frac1t \mathbf{E}[-\log p(x_M)] dt`.

    Sets of m of L positions have the weight :math:`1/(m \binom Lm)`. The joint of all masks stands
    in place of the few that a step shows, so this is **no** bound: for a true p it is at most H.
    """
    L = max(len(M) for M, _ in nats)
    return sum(value / (len(M) * comb(L, len(M))) for (M, R), value in nats.items() if M == R != ())


def _subsets(positions) -> list[tuple[int, ...]]:
    positions = tuple(positions)
    return [one for size in range(len(positions) + 1) for one in combinations(positions, size)]


def _chance(chosen: int, of: int, rate: float) -> float:
    """Return the probability of one set of so many, each being chosen at a rate."""
    return rate**chosen * (1 - rate) ** (of - chosen)


def _marginal(p: np.ndarray, axes) -> np.ndarray:
    return p.sum(axis=tuple(j for j in range(p.ndim) if j not in axes))
