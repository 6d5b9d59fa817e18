"""Sudoku on a 4×4 grid: a joint distribution small enough to know exactly, and easily broken.

A decoder that commits dependent cells independently leaves the set of valid grids, so the share of
valid grids measures the quality of a *joint* distribution at a glance.
"""

import numpy as np

from paralg.core import checks
from paralg.core.random import derive, uniform
from paralg.data.sudoku4 import CELLS, SYMBOLS, grids, is_valid
from paralg.decoding.tables import WeightedSequences

__all__ = ["Sudoku4", "grids", "is_valid"]


class Sudoku4(WeightedSequences):
    """The uniform distribution on the 288 completed grids; ``V = 4``, ``L = 16``.

    >>> np.exp(Sudoku4().denoise(np.full((1, 16), 4)))[0, 0]
    array([0.25, 0.25, 0.25, 0.25])
    """

    def __init__(self):
        super().__init__(grids(), np.ones(len(grids())), SYMBOLS)

    def puzzle(self, seed: int, givens: int = 4) -> np.ndarray:
        """Return a random grid with all but ``givens`` cells masked, shape (16,)."""
        checks.integer("seed", seed, -(2**63)), checks.integer("givens", givens, 0, CELLS)
        key = int(derive(seed, givens) >> np.uint64(1))
        x = grids()[int(uniform(key, 0, 0) * len(grids()))].copy()
        x[np.argsort(uniform(key, 1, np.arange(CELLS)))[givens:]] = self.V
        return x
