"""Doubling rounds in the arena."""

from paralg.decoding.arena import Entrant
from paralg.decoding.consistency_trajectory.schedule import doubling
from paralg.decoding.consistency_trajectory.variants import AtRandom

__all__ = ["ENTRANTS"]

ENTRANTS = (
    Entrant("doubling rounds, by confidence", lambda model, x, rng: doubling(model, x)),
    Entrant("doubling rounds, random order",
            lambda model, x, rng: doubling(model, x, ranking=AtRandom(rng))),
)  # fmt: skip
