"""Clover in the arena: with trained heads on text, elsewhere with drafts that know nothing."""

from paralg.decoding.arena import Entrant, order_of
from paralg.decoding.clover.decoder import clover
from paralg.decoding.clover.variants import BestFirst, UniformDrafter

__all__ = ["ENTRANTS"]


def _decode(model, x, rng):
    network = getattr(model, "networks", {}).get("causal")
    if getattr(network, "name", None) == "text-causal":
        from paralg.decoding.clover.experiments.runs import heads

        return clover(network, x, heads(), rng=rng)
    drafts = UniformDrafter(model.V)
    return clover(model, x, drafts, BestFirst(4), rng=rng, order=order_of(model, x))


ENTRANTS = (Entrant("Clover, m = 4", _decode, "same distribution", "ancestral"),)
