"""What parallel rounds cost, when EOS fills an answer, and exact gradients of small policies.

[yang-2025-taming]; the theorems on gradients and on the price of rounds are ours.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import comb, log

import numpy as np

from paralg.core.checks import floats, integer, one_of
from paralg.decoding.rule import checked_sizes
from paralg.decoding.tables import TableModel, TabularJoint, disjoint

__all__ = ["LengthModel", "Paths", "WEIGHTINGS", "all_paths", "cosine", "greedy_length",
           "parallel_distribution"]  # fmt: skip


def parallel_distribution(joint: TabularJoint, rounds: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the distribution of a decoder that draws ``rounds[s]`` independently in round s.

    Parameters
    ----------
    joint : TabularJoint
        The exact model; returned are the probabilities of its n sequences, others have the rest.
    rounds : sequence of sequences of int
        The positions of each round.

    Examples
    --------
    >>> parallel_distribution(TabularJoint(np.eye(2) / 2), [[0, 1]])
    array([0.25, 0.25])
    """
    rounds = disjoint(joint, rounds)
    x, known, q = joint.sequences, np.zeros(joint.L, dtype=bool), np.ones(len(joint.sequences))
    for new in rounds:
        state = np.where(known, x, joint.V)
        logits = joint.denoise(state, at=sorted(new))
        q *= np.exp(np.take_along_axis(logits, x[:, sorted(new), None], axis=-1)).prod(axis=(1, 2))
        known[list(new)] = True
    return q


class LengthModel(TableModel):
    """Answers of uniform length 1..L, each content token uniform over c, then EOS (token c).

    Its conditionals are exact: the last visible content and the first visible EOS bound the length.

    Parameters
    ----------
    L, c : int
        Positions, content tokens; else than at least 1 a ValueError.

    Examples
    --------
    >>> np.exp(LengthModel(4, 2).denoise(np.full((1, 4), 3)))[0, -1]
    array([0.125, 0.125, 0.75 ])
    """

    def __init__(self, L: int, c: int):
        self.L, self.c = integer("L", L, 1), integer("c", c, 1)
        self.V = c + 1

    def distributions(self, x, visible, at):
        """Count the lengths that are left; uniform where none is."""
        i = np.arange(self.L)
        low = np.where(visible & (x < self.c), i + 1, 1).max(axis=1)
        high = np.where(visible & (x == self.c), i, self.L).min(axis=1)
        left = np.maximum(high - low + 1, 1)
        ended = np.clip(at - low + 1, 0, left) / left  # lengths of at most `at`
        p = np.repeat(((1 - ended) / self.c)[:, None], self.V, axis=1)
        p[:, self.c] = ended
        p[high < low] = 1 / self.V
        with np.errstate(divide="ignore"):
            return np.log(p)


def greedy_length(L: int, c: int, factors: Sequence[float] | None = None) -> int:
    r"""Return the length of the answer that confidence order decodes from a `LengthModel`.

    One token a round.  Only two moves are ever best: EOS at the last open position i, whose
    probability is :math:`(i - k')/(i - k' + 1)`, or content at the first open one, k + 1, with
    :math:`k' = \max(k, 1)`; so L rounds can be walked in L steps.

    Parameters
    ----------
    L, c : int
        As for `LengthModel`.
    factors : sequence of float, optional
        γ of EOSER in each round; by default 1.

    Examples
    --------
    >>> greedy_length(8, 2), greedy_length(8, 2, np.linspace(0.4, 1, 8))
    (1, 2)
    """
    L, c = integer("L", L, 1), integer("c", c, 1)
    [factors] = floats(factors=(np.ones(L) if factors is None else factors, "S"))
    if len(factors) < L:
        raise ValueError(f"expected a factor for each of {L} rounds, got {len(factors)}")
    first, last = 0, L  # content at 1..first, EOS after last
    for s in range(L):
        low = max(first, 1)
        n = last - low + 1  # lengths low..last are left
        end = (last - low) / n * factors[s]
        go = (last - max(first + 1, low) + 1) / n / c
        if round(end, 12) > round(go, 12) or first == last:
            last -= 1
        else:
            first += 1
        if first >= last:
            return last
    return last


# ---- all paths of a small policy, and the gradients of its expected reward

WEIGHTINGS = ("policy", "sum", "mean", "one_step")
"""Gradients of `Paths.gradient`: the true one, CJ summed, CJ as published, and one-step."""


@dataclass(frozen=True, eq=False)
class Paths:
    """Every way of a decoder through the states of V tokens and L positions.

    A *policy* is a table of logits ((V+1)^L, L, V): for each state, in lexicographic order with the
    mask last, the logits of every position.  Path n ends in ``final[n]``; the positions of its
    rounds have the probability ``exp(constant[n])``.  Entry e is a draw on ``path[e]``: at
    ``state[e]``, in round ``round[e]``, ``token[e]`` for ``position[e]``, ``chosen[e]`` if it was
    revealed.
    """

    V: int
    sizes: tuple[int, ...]
    final: np.ndarray
    constant: np.ndarray
    path: np.ndarray
    state: np.ndarray
    position: np.ndarray
    token: np.ndarray
    round: np.ndarray
    chosen: np.ndarray

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return the probability of each path, shape (n,)."""
        size = (self.V + 1) ** self.final.shape[1]
        [logits] = floats(logits=(logits, f"{size} {self.final.shape[1]} {self.V}"))
        terms = _log_softmax(logits)[self.state, self.position, self.token]
        return np.exp(self.constant + np.bincount(self.path, terms, len(self.final)))

    def expected(self, logits: np.ndarray, reward: np.ndarray) -> float:
        """Return the expected reward, given those of the paths, shape (n,)."""
        [reward] = floats(reward=(reward, f"{len(self.final)}"))
        return float(self.probabilities(logits) @ reward)

    def answers(self, logits: np.ndarray) -> float:
        """Return the effective number of answers, e to the entropy of the final sequences."""
        _, inverse = np.unique(self.final, axis=0, return_inverse=True)
        p = np.bincount(inverse.ravel(), self.probabilities(logits))
        return float(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum()))

    def gradient(self, logits: np.ndarray, reward: np.ndarray, how: str = "policy", *,
                 baseline: bool = True) -> np.ndarray:  # fmt: skip
        """Return an expected update, of the shape of the policy.

        "policy" is the gradient of `expected`; "sum" and "mean" are those of the trajectory
        surrogate, summed or averaged as published (times L); "one_step" has all likelihoods at the
        first state.  A ``baseline``, the mean reward, is subtracted, which changes nothing where
        the update is unbiased.
        """
        one_of("how", how, WEIGHTINGS)
        logits, reward = floats(logits=(logits, "S L V"), reward=(reward, f"{len(self.final)}"))
        p = self.probabilities(logits)
        gain = (p * (reward - baseline * (p @ reward)))[self.path]
        if how != "policy":
            gain = gain * self.chosen
        if how == "mean":
            gain = gain * self.final.shape[1] / np.array(self.sizes)[self.round] / len(self.sizes)
        state = np.full_like(self.state, self.state[0]) if how == "one_step" else self.state
        found = np.zeros_like(logits)
        np.add.at(found, (state, self.position, self.token), gain)
        soft = np.exp(_log_softmax(logits))
        drawn = np.zeros(logits.shape[:2])
        np.add.at(drawn, (state, self.position), gain)
        return found - drawn[..., None] * soft


def all_paths(V: int, L: int, sizes: Sequence[int], logits: np.ndarray | None = None) -> Paths:
    """Enumerate the paths of a decoder from the empty sequence.

    Parameters
    ----------
    V, L : int
        Tokens and positions; there are (V + 1)^L states.
    sizes : sequence of int
        Positions of each round; they sum to L, else a ValueError.
    logits : ndarray, shape ((V+1)^L, L, V), optional
        A policy, whose confidences in its draws choose the positions, the first of equals; by
        default every set of positions is as likely as any other.

    Returns
    -------
    Paths
        In confidence order of this policy alone, with the unrevealed draws.

    Examples
    --------
    >>> len(all_paths(2, 3, (1, 2)).final), len(all_paths(2, 3, (3,)).final)
    (24, 8)
    """
    V, L = integer("V", V, 1), integer("L", L, 1)
    sizes = checked_sizes(sizes, L, L)
    if logits is not None:
        [logits] = floats(logits=(logits, f"{(V + 1) ** L} {L} {V}"))
    p = None if logits is None else np.exp(_log_softmax(logits))
    finals, constants, entries = [], [], []
    for n, (final, constant, trail) in enumerate(_walk((V,) * L, V, sizes, p)):
        finals.append(final)
        constants.append(constant)
        entries += [(n, *entry) for entry in trail]
    columns = np.array(entries).T
    return Paths(V, sizes, np.array(finals), np.array(constants), *columns[:-1],
                 columns[-1].astype(bool))  # fmt: skip


def _walk(x: tuple, V: int, sizes: tuple, p, s: int = 0) -> Iterator[tuple]:
    """Yield (final sequence, log probability of the positions, draws) of every path from ``x``."""
    if s == len(sizes):
        yield x, 0.0, []
        return
    masked = [i for i, token in enumerate(x) if token == V]
    state = int(np.ravel_multi_index(x, (V + 1,) * len(x)))
    step = _at_random if p is None else _by_confidence(p[state])
    for drawn, chosen in step(masked, sizes[s], V):
        y = list(x)
        for i in chosen:
            y[i] = drawn[i]
        here = [(state, i, token, s, i in chosen) for i, token in drawn.items()]
        price = log(comb(len(masked), sizes[s])) if p is None else 0.0
        for final, constant, trail in _walk(tuple(y), V, sizes, p, s + 1):
            yield final, constant - price, here + trail


def _at_random(masked, size, V) -> Iterator[tuple]:
    """Yield every set of positions with every draw for them."""
    for chosen in combinations(masked, size):
        for tokens in product(range(V), repeat=size):
            yield dict(zip(chosen, tokens, strict=True)), chosen


def _by_confidence(p) -> Callable:
    """Return a step that draws all masked tokens and reveals those it is surest of."""

    def step(masked, size, V):
        for tokens in product(range(V), repeat=len(masked)):
            sure = [-p[i, v].round(12) for i, v in zip(masked, tokens, strict=True)]
            order = np.argsort(sure, kind="stable")[:size]
            yield dict(zip(masked, tokens, strict=True)), {masked[k] for k in order}

    return step


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two gradients ``a`` and ``b``."""
    a, b = floats(a=(a, "..."), b=(b, "..."))
    norms = np.sqrt((a * a).sum() * (b * b).sum())
    if not norms:
        raise ValueError("expected gradients with a direction, got one that is 0")
    return float((a * b).sum() / norms)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
