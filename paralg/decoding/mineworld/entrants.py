"""In the arena: the diagonals of a 4 × 4 grid as an order for any-order calls.

A causal network cannot read given cells below; an any-order one also sees rows below its own.
What is no grid of 16 cells is one row, in which nothing can be gained.
"""

from functools import partial

import numpy as np

from paralg.decoding.arena import Entrant
from paralg.decoding.mineworld.schedule import Wavefront
from paralg.decoding.randomness import softmax
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel

__all__ = ["ENTRANTS", "diagonals"]


def diagonals(model, x, rng, *, w: int) -> Decoded:
    """Make one call for each diagonal that has open cells."""
    model, x = CountingModel(model), np.array(x)
    sides = (4, 4) if model.L == 16 else (1, model.L)
    calls, wanted = Wavefront(*sides, w).calls.ravel(), x == model.V
    given, recorder = int((~wanted).sum()), Recorder(x, model.V)
    rank = np.where(wanted, 0, given - 1)
    rank[wanted] = given + np.unique(calls[wanted], return_inverse=True)[1]
    for step in range(given, int(rank.max()) + 1):
        at = np.flatnonzero(wanted & (rank == step))
        p = softmax(model.anyorder(x[None], rank, step, at=at)[0])
        tokens = [rng.categorical(row) for row in p]
        recorder.round(model.cost_since())
        recorder.record("committed", at, tokens, p[np.arange(len(at)), tokens])
        x[at] = tokens
    return Decoded(x, recorder.trace(), model.cost)


ENTRANTS = tuple(
    Entrant(f"diagonals, w = {w}", partial(diagonals, w=w), against="ancestral") for w in (1, 2)
)
