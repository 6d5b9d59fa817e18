"""Trajectories: many sequences decoded together, stored so that each can be replayed exactly.

[yang-2025-taming]  The update needs every state that was visited.  Instead of S copies of the
sequences a trajectory stores one integer a position, the round in which it was revealed, and
rebuilds the states when they are asked for.

=====================  ==========================================================================
S, B                   rounds, rows; L positions and V tokens as everywhere in the part
``predict``            ``predict(x)``: tokens (B, L), mask ``V`` included, to logits (B, L, V)
``sizes``              positions revealed in each round, see `schedule`
``rng``                a numpy ``Generator``
``ranking``            ``ranking(s, confidence, tokens)``: what the positions are ranked by in
                       round s, arrays (..., L); see `schedule`
=====================  ==========================================================================
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from paralg.core.cost import Cost
from paralg.decoding.randomness import softmax

__all__ = ["Trajectory", "replay", "rollout"]

_DIGITS = 12


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
    start : ndarray of int, shape (B, L)
        Prompts, with the mask ``V`` where a token is wanted.
    V : int
        Tokens of the alphabet.
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
    start = np.asarray(start)
    wanted = int((start == V).sum(axis=1).max(initial=0))
    if sum(sizes) < wanted or temperature < 0:
        raise ValueError(f"expected sizes that sum to {wanted} or more and temperature of at least "
                         f"0, got {tuple(sizes)} and {temperature}")  # fmt: skip
    x, round_of = start.copy(), np.full(start.shape, -1)
    for s, size in enumerate(sizes):
        tokens, confidence = _candidates(predict(x), rng, temperature)
        scores = confidence if ranking is None else ranking(s, confidence, tokens)
        chosen = _best(np.where(x == V, scores.round(_DIGITS), -np.inf), size, rng) & (x == V)
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
