"""Every possible run of a decoder on a joint distribution small enough to enumerate."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.decoding.arena import Entrant
from paralg.decoding.randomness import RandomDraws, exact_distribution, total_variation
from paralg.decoding.tables import TabularJoint
from paralg.models.protocol import UnsupportedCall

__all__ = ["Exactness", "exactness"]

JOINT = {"V": 2, "L": 3, "seed": 8, "sharpness": 1.5}

MOST, DRAWN = 600, 500
"""Runs that are followed at most, and how many are drawn where there are more."""


class Exactness(NamedTuple):
    """Runs, the answers they lead to, total variation to the joint; ``drawn`` is not exact."""

    runs: int
    answers: int
    distance: float
    drawn: bool


def exactness(entrant: Entrant) -> Exactness | None:
    """Decode three binary tokens in every way that the draws of an entrant allow.

    The distance is that of the answers' distribution to the joint distribution from which the
    model's conditionals are taken.  Where there are too many ways, some are drawn: luck alone then
    gives a distance of about 0.03.  None for an entrant that asks what a table does not answer.

    >>> from paralg.decoding.arena import entrants
    >>> [exactness(one)[:2] for one in entrants()[:2]]
    [(1, 1), (8, 8)]
    """
    checks.instance("entrant", entrant, Entrant)
    joint = TabularJoint.random(**JOINT)

    def sampler(rng):
        done = entrant.decode(joint, np.full(joint.L, joint.V), rng)
        return tuple(done.tokens.tolist()), done.forwards

    try:
        sampler(RandomDraws())
    except UnsupportedCall:
        return None
    try:
        found = exact_distribution(sampler, limit=MOST)
        p, runs, drawn = found.probability, found.runs, False
    except RuntimeError:
        counts = Counter(sampler(RandomDraws(0, i))[0] for i in range(DRAWN))
        p, runs, drawn = {answer: n / DRAWN for answer, n in counts.items()}, DRAWN, True
    return Exactness(runs, len(p), total_variation(p, joint.distribution()), drawn)
