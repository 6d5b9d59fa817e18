"""What the paper compares with: equal rounds, random order, likelihoods at states not visited.

[yang-2025-taming]
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from paralg.core.checks import instance, integer, number
from paralg.decoding.consistency_trajectory.schedule import RankedSession
from paralg.decoding.consistency_trajectory.trajectory import Trajectory
from paralg.decoding.randomness import Random
from paralg.decoding.rule import checked_sizes
from paralg.decoding.trace import Trace

__all__ = [
    "AtRandom", "PerBlockSession", "blocks", "from_traces", "masked_prompt", "one_step",
    "uniform",
]  # fmt: skip


def uniform(L: int, S: int) -> tuple[int, ...]:
    """Return the sizes of S rounds that differ by one at most, the larger ones first.

    Parameters
    ----------
    L, S : int
        Positions and rounds, S ≤ L; else a ValueError.

    Examples
    --------
    >>> uniform(12, 3), uniform(13, 4)
    ((4, 4, 4), (4, 3, 3, 3))
    """
    S = integer("S", S, 1, integer("L", L, 1))
    return tuple(len(part) for part in np.array_split(np.arange(L), S))


class AtRandom:
    """Random remasking: scores that know nothing of the confidences.

    Parameters
    ----------
    rng : Generator or Random
        Of many rows at once, or of one sequence; of the latter a random order is drawn.

    Examples
    --------
    >>> AtRandom(np.random.default_rng(0))(0, np.ones(2), np.zeros(2)).round(2)
    array([0.64, 0.27])
    """

    def __init__(self, rng: np.random.Generator | Random):
        if not hasattr(rng, "categorical"):
            instance("rng", rng, np.random.Generator)
        self.rng = rng

    def __call__(self, s, confidence, tokens):
        if isinstance(self.rng, np.random.Generator):
            return self.rng.random(confidence.shape)
        scores, left = np.empty(len(confidence)), list(range(len(confidence)))
        while left:
            scores[left.pop(self.rng.categorical(np.full(len(left), 1 / len(left))))] = len(left)
        return scores


def blocks(sizes: Sequence[int], b: int) -> tuple[int, ...]:
    """Return the lengths of b blocks for these rounds: the last b-1 rounds get a block each.

    The rounds stay the same, only *where* they may reveal changes.

    Parameters
    ----------
    sizes : sequence of int
        Of S rounds.
    b : int
        From 1 to S, else a ValueError; ``block_num`` of the released code.

    Examples
    --------
    >>> from paralg.decoding.consistency_trajectory.schedule import ascending
    >>> blocks(ascending(37), 3), blocks(ascending(128), 4)
    ((7, 8, 22), (15, 16, 32, 65))
    """
    sizes = checked_sizes(sizes, 1)
    first = len(sizes) - integer("b", b, 1, len(sizes)) + 1
    return (sum(sizes[:first]), *sizes[first:])


class PerBlockSession(RankedSession):
    """The released counter of EOSER: it starts anew in each block, so γ never reaches its end.

    The chapter's own session counts over all blocks, as the formula has it.
    """

    def enter(self, block, last, carried=None):
        """Open a block with round 0; nothing is carried over, because it was ranked before."""
        self.round = 0
        return super().enter(block, last, None)


def one_step(trajectory: Trajectory) -> Trajectory:
    """Pretend that all tokens were revealed in one round, from the prompt.

    With it in place of the true trajectory the update is one-step GRPO: one forward instead of S,
    at a state that the decoder left after its first round.

    >>> from paralg.decoding.consistency_trajectory.trajectory import Trajectory
    >>> one = Trajectory(np.array([[2, 2]]), np.array([[0, 1]]), np.array([[1, 0]]), V=2)
    >>> one_step(one).revealed.tolist()
    [[[True, True]]]
    """
    instance("trajectory", trajectory, Trajectory)
    return replace(trajectory, round_of=np.minimum(trajectory.round_of, 0))


def masked_prompt(
    trajectory: Trajectory, rng: np.random.Generator, share: float = 0.15
) -> Trajectory:
    """Hide a random ``share`` of the given tokens, too: the estimate of d1's diffu-GRPO.

    ``trajectory`` is looked at in one round; hidden tokens, drawn from ``rng``, stay given, so that
    the loss does not count them.
    """
    share, once = number("share", share, 0, 1), one_step(trajectory)
    instance("rng", rng, np.random.Generator)
    hidden = (trajectory.round_of < 0) & (rng.random(trajectory.start.shape) < share)
    return replace(once, tokens=np.where(hidden, trajectory.V, once.tokens))


def from_traces(traces: Sequence[Trace]) -> Trajectory:
    """Return the trajectory that the traces of a decoder tell, one row a trace.

    Parameters
    ----------
    traces : sequence of Trace
        Of prompts of one length.

    Examples
    --------
    >>> from paralg.decoding.baselines import static
    >>> from paralg.decoding.tables import HashConditional
    >>> trace = static(HashConditional(4, 3), [4, 0, 4]).trace
    >>> from_traces([trace]).round_of.tolist()
    [[1, -1, 0]]
    """
    instance("traces", traces, Sequence), integer("the number of traces", len(traces), 1)
    for trace in traces:
        instance("a trace", trace, Trace)
    if len({(len(trace.start), trace.V) for trace in traces}) > 1:
        raise ValueError(f"traces must have one L and V, got {[trace.L for trace in traces]}")
    start = np.array([trace.start for trace in traces])
    round_of = np.full(start.shape, -1)
    for row, trace in enumerate(traces):
        for event in trace.commits:
            round_of[row, event.position] = event.round
    tokens = np.stack([trace.tokens for trace in traces])
    return Trajectory(start, tokens, round_of, traces[0].V)
