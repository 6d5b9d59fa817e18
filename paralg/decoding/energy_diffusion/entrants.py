"""Energy-based diffusion in the arena."""

from paralg.decoding.arena import Entrant
from paralg.decoding.energy_diffusion.sampler import energy_diffusion
from paralg.decoding.energy_diffusion.variants import masked_diffusion

__all__ = ["ENTRANTS"]

PLAIN = Entrant("masked diffusion, S = 4", lambda model, x, rng: masked_diffusion(
    model, x, 4, rng=rng))  # fmt: skip
CORRECTED = Entrant("energy diffusion, S = 2, k = 16", lambda model, x, rng: energy_diffusion(
    model, x, 2, 16, rng=rng))  # fmt: skip
ENTRANTS = (PLAIN, CORRECTED)
