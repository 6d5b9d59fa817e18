"""Clover in the arena: with trained heads on text, elsewhere with drafts that know nothing."""

from paralg.decoding.arena import Entrant, order_of
from paralg.decoding.clover.decoder import clover
from paralg.decoding.clover.variants import BestFirst, UniformDrafter

__all__ = ["ENTRANTS"]


def _decode(model, x, rng):
    """Use the heads where there are some: they were trained for one network."""
    network = getattr(model, "networks", {}).get("causal")
    if getattr(network, "name", None) == "text-causal":
        from paralg.decoding.clover.experiments.runs import heads

        return clover(network, x, heads(), rng=rng)
    drafter, order = UniformDrafter(model.V), order_of(model, x)
    return clover(model, x, drafter, BestFirst(4), rng=rng, order=order)


ENTRANTS = (Entrant("Clover, m = 4", _decode, "same distribution", "ancestral"),)
