"""Speculative Jacobi decoding in the arena."""

from paralg.decoding.arena import Entrant, order_of
from paralg.decoding.speculative_jacobi.decoder import speculative_jacobi
from paralg.decoding.speculative_jacobi.variants import coupled

__all__ = ["ENTRANTS"]

ENTRANTS = tuple(
    Entrant(name, lambda model, x, rng, decode=decode: decode(
        model, x, 7, rng=rng, order=order_of(model, x)), "same distribution", "ancestral")
    for name, decode in {"speculative Jacobi, W = 7": speculative_jacobi,
                         "speculative Jacobi, coupled": coupled}.items()
)  # fmt: skip
