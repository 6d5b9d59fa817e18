"""Trajectories: many sequences decoded together, stored so that each can be replayed exactly.

[yang-2025-taming]  The update needs every state that was visited.  Instead of S copies of the
sequences a trajectory stores one integer a position, the round in which it was revealed, and
rebuilds the states when they are asked for.  S rounds, B rows; a *ranking* is as in `schedule`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.decoding.randomness import softmax
from paralg.decoding.rule import checked_sizes
from paralg.models.protocol import tokens_of

__all__ = ["Trajectory", "replay", "rollout"]


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What B decodings did: prompts (B, L), final tokens (B, L), and the round of each position.

    ``round_of`` is -1 at given positions and 0..S-1 at the others; ``V`` is the mask.
    """

    start: np.ndarray
    tokens: np.ndarray
    round_of: np.ndarray
    V: int
    cost: Cost = Cost()

    def __post_init__(self):
        checks.array("round_of", self.round_of, "i", -1), checks.integer("V", self.V, 1)
        for name in ("start", "tokens"):
            part = tokens_of(getattr(self, name), self.V, np.shape(self.round_of)[-1])
            checks.sizes(round_of=(self.round_of, "i: B L"), **{name: (part, "B L")})

    @property
    def rounds(self) -> int:
        """S."""
        return int(self.round_of.max(initial=-1)) + 1

    @property
    def states(self) -> np.ndarray:
        """The sequences before each round, shape (S, B, L)."""
        rounds = np.arange(self.rounds)[:, None, None]
        return np.where(self.round_of < rounds, self.tokens, self.V)

    @property
    def revealed(self) -> np.ndarray:
        """The positions revealed in each round, shape (S, B, L)."""
        return self.round_of == np.arange(self.rounds)[:, None, None]


def rollout(
    predict: Callable[[np.ndarray], np.ndarray], start: np.ndarray, V: int, sizes: Sequence[int],
    rng: np.random.Generator, *, ranking: Callable | None = None, temperature: float = 1.0,
) -> Trajectory:  # fmt: skip
    r"""Decode B prompts in S rounds; each draws all masked tokens and keeps the best ranked ones.

    Candidates are drawn by Gumbel-max, :math:`\hat x_i = \arg\max_v (\ell_i(v)/T + G_v)`; their
    confidence is :math:`\mathrm{softmax}(\ell_i)_{\hat x_i}`, at temperature 1 whatever T is.

    Parameters
    ----------
    predict : callable
        Logits (B, L, V) of tokens (B, L).
    start, V : ndarray of int, shape (B, L), and int
        Prompts, with the mask ``V`` where one of the V tokens is wanted.
    sizes : sequence of int
        Positions revealed in each round, fewer where fewer are masked; a ValueError if too few.
    rng : Generator
        Of tokens and ties.
    ranking : callable, optional
        Scores from (s, confidence, tokens); by default the confidence itself.
    temperature : float
        T of the draws; 0 takes the likeliest token.

    Returns
    -------
    Trajectory
        S calls of B rows; the paper's :math:`x_{s-1}` is ``states[s]``, its pos is ``revealed``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> even = lambda x: np.zeros((*x.shape, 2))
    >>> rollout(even, np.full((1, 7), 2), 2, (1, 2, 4), rng).revealed.sum(axis=2).ravel()
    array([1, 2, 4])
    """
    checks.instance("predict", predict, Callable), checks.instance("rng", rng, np.random.Generator)
    begun = Trajectory(checks.array("start", start, "i"), start := np.asarray(start),
                       np.full(np.shape(start), -1), V)  # fmt: skip
    sizes = checked_sizes(sizes, int((start == V).sum(axis=1).max(initial=0)))
    checks.number("temperature", temperature, 0)
    checks.instance("ranking", ranking, Callable, type(None))
    x, round_of = start.copy(), begun.round_of
    for s, size in enumerate(sizes):
        logits = predict(x)
        checks.sizes(x=(x, "B L"), logits=(logits, f"f: B L {V}"))
        tokens, confidence = _candidates(logits, rng, temperature)
        scores = confidence if ranking is None else ranking(s, confidence, tokens)
        chosen = _best(np.where(x == V, scores.round(12), -np.inf), size, rng) & (x == V)
        x, round_of = np.where(chosen, tokens, x), np.where(chosen, s, round_of)
    cost = Cost(calls=len(sizes), rows=len(sizes) * len(x), tokens=len(sizes) * x.size)
    return Trajectory(start, x, round_of, V, cost)


def replay(trajectory: Trajectory) -> np.ndarray:
    """Reveal the stored tokens round by round from the prompt; return the final tokens (B, L).

    Parameters
    ----------
    trajectory : Trajectory
        ValueError if the state before some round is not the one that it says.

    Examples
    --------
    >>> one = Trajectory(np.array([[2, 2]]), np.array([[0, 1]]), np.array([[1, 0]]), V=2)
    >>> one.states.tolist(), replay(one).tolist()
    ([[[2, 2]], [[2, 1]]], [[0, 1]])
    """
    checks.instance("trajectory", trajectory, Trajectory)
    x = trajectory.start.copy()
    for s, (state, revealed) in enumerate(zip(trajectory.states, trajectory.revealed, strict=True)):
        if (x != state).any():
            raise ValueError(f"expected the stored state before round {s}, got another one")
        x = np.where(revealed, trajectory.tokens, x)
    return x


def _candidates(logits, rng, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a token for each position, and its probability at temperature 1."""
    noisy = logits / temperature + rng.gumbel(size=logits.shape) if temperature else logits
    tokens = noisy.argmax(axis=-1)
    taken = np.take_along_axis(softmax(logits), tokens[..., None], axis=-1)
    return tokens, taken[..., 0]


def _best(scores, size: int, rng) -> np.ndarray:
    """Say which positions have the ``size`` highest scores; ties are broken at random."""
    order = np.lexsort((rng.random(scores.shape), -scores), axis=-1)
    return order.argsort(axis=-1) < size
