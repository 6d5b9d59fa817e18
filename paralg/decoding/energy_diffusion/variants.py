"""Plain masked diffusion, and three ways to lose what the energy gives, as one override each.

All take the operands of :func:`~paralg.decoding.energy_diffusion.sampler.energy_diffusion`, a
``model``, ``x``, ``steps``, ``k`` and an ``rng``, and its ``options``.
"""

import numpy as np

from paralg.decoding.energy_diffusion.sampler import EnergyDiffusion
from paralg.decoding.randomness import Random
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["masked_diffusion", "per_position", "whole", "wrong_sign"]


class WrongSign(EnergyDiffusion):
    """Weighs by exp(+E)."""

    def energies(self, candidates, log_mu):
        """Turn the sign; what is impossible stays so."""
        found = super().energies(candidates, log_mu)
        return np.where(np.isfinite(found), -found, np.inf)


class Whole(EnergyDiffusion):
    """Shows everything at once."""

    def shown(self, t, s):
        """Show all masked positions where any is shown."""
        some = super().shown(t, s)
        return np.flatnonzero(self.x == self.model.V) if len(some) else some


class PerPosition(EnergyDiffusion):
    """Resamples each position for itself."""

    def choose(self, candidates, weights, shown):
        """Draw a row for each position."""
        for i in shown:
            super().choose(candidates, weights, np.array([i]))


def masked_diffusion(model: Model, x, steps: int = 8, *, rng: Random, **options) -> Decoded:
    """Sample by plain masked diffusion [sahoo-2024-simple]: independent guesses, no energy.

    ``model``, ``x``, ``steps``, ``rng`` and ``options`` are those of `energy_diffusion`; a step
    that shows something is one call of one row.

    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.sudoku import Sudoku4
    >>> masked_diffusion(Sudoku4(), Sudoku4().puzzle(0, 6), 4, rng=RandomDraws(0)).forwards
    4
    """
    return EnergyDiffusion(model, x, steps, 1, rng, **options).decode()


def wrong_sign(model: Model, x, steps: int = 8, k: int = 2, *, rng: Random, **options) -> Decoded:
    """Sample with weights exp(+E): **not** the corrected distribution, and worse than none.

    ``model``, ``x``, ``steps``, ``k``, ``rng`` and ``options`` are those of `energy_diffusion`.
    """
    return WrongSign(model, x, steps, k, rng, **options).decode()


def whole(model: Model, x, steps: int = 8, k: int = 2, *, rng: Random, **options) -> Decoded:
    """Sample with the whole kept row committed: later steps have nothing to correct.

    ``model``, ``x``, ``steps``, ``k``, ``rng`` and ``options`` are those of `energy_diffusion`.
    """
    return Whole(model, x, steps, k, rng, **options).decode()


def per_position(model: Model, x, steps: int = 8, k: int = 2, *, rng: Random, **options) -> Decoded:
    """Sample with a row drawn for each position: the weights say nothing about such a mixture.

    ``model``, ``x``, ``steps``, ``k``, ``rng`` and ``options`` are those of `energy_diffusion`.
    """
    return PerPosition(model, x, steps, k, rng, **options).decode()
