"""Every possible run of a decoder on a joint distribution small enough to enumerate."""

import numpy as np

from paralg.core import checks
from paralg.decoding.arena import Entrant
from paralg.decoding.randomness import exact_distribution, total_variation
from paralg.decoding.tables import TabularJoint

__all__ = ["exactness"]

JOINT = {"V": 2, "L": 3, "seed": 8, "sharpness": 1.5}


def exactness(entrant: Entrant) -> tuple[int, int, float]:
    """Decode three binary tokens in every way that the draws of an entrant allow.

    Returned are the runs, the answers they lead to, and the total variation between the answers'
    distribution and the joint distribution from which the model's conditionals are taken.

    >>> from paralg.decoding.arena import entrants
    >>> [exactness(one)[:2] for one in entrants()[:2]]
    [(1, 1), (8, 8)]
    """
    checks.instance("entrant", entrant, Entrant)
    joint = TabularJoint.random(**JOINT)

    def sampler(rng):
        done = entrant.decode(joint, np.full(joint.L, joint.V), rng)
        return tuple(done.tokens.tolist()), done.forwards

    found = exact_distribution(sampler)
    distance = total_variation(found.probability, joint.distribution())
    return found.runs, len(found.probability), distance
