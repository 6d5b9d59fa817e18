"""Sudoku on a 4×4 grid: a joint distribution small enough to know exactly, and strict enough to be
broken.

All 288 completed grids are equally likely.
A decoder that commits dependent cells independently leaves the set of valid grids, so the share
of valid grids measures the quality of a *joint* distribution at a glance.
"""

from __future__ import annotations

import numpy as np

from paralg.core.random import derive, uniform
from paralg.data.sudoku4 import CELLS, SYMBOLS, grids, is_valid
from paralg.decoding.tables import TableModel

__all__ = ["Sudoku4", "grids", "is_valid"]


class Sudoku4(TableModel):
    """The uniform distribution on the 288 grids, with exact conditionals.

    ``V = 4``, ``L = 16``.
    A position's distribution is the share of each digit among the grids that agree with the
    visible cells;
    **where no grid agrees the distribution is uniform** (after a conflict a decoder still gets an
    answer).

    Examples
    --------
    >>> np.exp(Sudoku4().denoise(np.full((1, 16), 4)))[0, 0]
    array([0.25, 0.25, 0.25, 0.25])
    """

    V, L = SYMBOLS, CELLS

    def __init__(self):
        self._memo: dict[bytes, np.ndarray] = {}

    def distributions(self, x, visible, at):
        """Filter the 288 grids and count; see :meth:`TableModel.distributions`."""
        seen = np.where(visible, x, -1).astype(np.int8)
        logits = [self._shares(row)[i] for row, i in zip(seen, at, strict=True)]
        return np.array(logits).reshape(len(at), self.V)

    def puzzle(self, seed: int, givens: int = 4) -> np.ndarray:
        """Return a random grid with all but ``givens`` cells masked, shape (16,).

        Raises
        ------
        ValueError
            If ``givens`` is not in 0..16.
        """
        if not 0 <= givens <= CELLS:
            raise ValueError(f"expected 0..{CELLS} givens, got {givens}")
        key = int(derive(seed, givens) >> np.uint64(1))
        x = grids()[int(uniform(key, 0, 0) * len(grids()))].copy()
        x[np.argsort(uniform(key, 1, np.arange(CELLS)))[givens:]] = self.V
        return x

    def _shares(self, seen: np.ndarray) -> np.ndarray:
        """Return log-shares of all digits at all cells given ``seen`` (-1 = unseen), (16, 4)."""
        key = seen.tobytes()
        if key not in self._memo:
            known = seen >= 0
            left = grids()[(grids()[:, known] == seen[known]).all(axis=1)]
            counts = (left[:, :, None] == np.arange(self.V)).sum(axis=0)
            with np.errstate(divide="ignore"):
                share = np.log(counts / len(left)) if len(left) else np.full((CELLS, SYMBOLS), -1.0)
            self._memo[key] = share
        return self._memo[key]
