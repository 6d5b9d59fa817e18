"""In the arena no task has tags, so the engine writes one token a call; forks are on its page."""

from paralg.decoding.arena import Entrant
from paralg.decoding.multiverse.variants import untagged

__all__ = ["ENTRANTS"]

ENTRANTS = (Entrant("Multiverse, without tags", untagged, "same trace", "ancestral"),)
