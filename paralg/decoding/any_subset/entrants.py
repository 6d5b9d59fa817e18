"""Any-subset speculation in the arena."""

from paralg.decoding.any_subset.decoder import assd
from paralg.decoding.any_subset.variants import bigram_assd
from paralg.decoding.arena import Entrant

__all__ = ["ENTRANTS"]

ENTRANTS = tuple(
    Entrant(name, lambda model, x, rng, decode=decode: decode(model, x, 5, rng=rng),
            "same distribution", "ancestral")
    for name, decode in {"ASSD, k = 5": assd, "ASSD, bigram drafts": bigram_assd}.items()
)  # fmt: skip
