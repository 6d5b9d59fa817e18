"""CreditDecoding in the arena, at the threshold of the plain entrant and at one of its own."""

from paralg.decoding.arena import Entrant
from paralg.decoding.credit_decoding.decoder import decode_with_credit

__all__ = ["ENTRANTS"]

ENTRANTS = (
    Entrant("credit, τ = 0.9", lambda model, x, rng: decode_with_credit(model, x, 0.9),
            against="threshold, τ = 0.9"),
)  # fmt: skip
