"""FreeDave in the arena."""

from paralg.decoding.arena import Entrant
from paralg.decoding.freedave.decoder import freedave, freedave_plus_plus

__all__ = ["ENTRANTS"]

ENTRANTS = (
    Entrant("FreeDave, d = 4", lambda model, x, rng: freedave(model, x, 4), "same trace"),
    Entrant("FreeDave++, d = 4, τ = 0.9",
            lambda model, x, rng: freedave_plus_plus(model, x, 4, 0.9),
            against="threshold, τ = 0.9"),
)  # fmt: skip
