"""Puzzles for many rows at once, what the samplers make of them, and how dependent their masks are.

Rows are grids of 16 cells, the mask is 4.
"""

import numpy as np

from paralg.data.sudoku4 import is_valid
from paralg.decoding.energy_diffusion.energies import Energy
from paralg.decoding.energy_diffusion.fast.batched import energy_diffusion_batch
from paralg.decoding.randomness import softmax
from paralg.decoding.sudoku import Sudoku4, grids
from paralg.decoding.tables import WeightedSequences, multi_information
from paralg.models.protocol import Model

__all__ = ["dependence", "from_left", "puzzles", "rates"]


def puzzles(n: int, givens: int) -> np.ndarray:
    """Return the first n puzzles with so many givens, shape (n, 16)."""
    return np.stack([Sudoku4().puzzle(seed, givens) for seed in range(n)])


def rates(model: Model, x: np.ndarray, steps: int, k: int, energy: Energy | None = None) -> dict:
    """Return the share of valid grids with its standard error, mean calls and rows, and the ESS."""
    run = energy_diffusion_batch(model, x, steps, k, energy=energy)
    valid = is_valid(run.tokens)
    found = {"valid": valid.mean(), "error": valid.std() / np.sqrt(len(x)), "ess": run.ess.mean(),
             "calls": run.calls.mean(), "rows": run.rows.mean()}  # fmt: skip
    return {name: round(float(value), 4) for name, value in found.items()}


def from_left(model: Model, x: np.ndarray, seed: int = 0) -> np.ndarray:
    """Fill the masks from left to right, the givens put in the way: what `CarryOver` aims at."""
    y, rng = x.copy(), np.random.default_rng(seed)
    for _ in range(int((x == model.V).sum(axis=1).max())):
        rows = np.flatnonzero((y == model.V).any(axis=1))
        at = (y[rows] == model.V).argmax(axis=1)
        seen = np.where(y[rows] == model.V, 0, y[rows])  # later entries are ignored
        p = softmax(model.causal(seen)[np.arange(len(rows)), at])
        y[rows, at] = (np.log(p) + rng.gumbel(size=p.shape)).argmax(axis=1)
    return y


def dependence(x: np.ndarray) -> float:
    """Return the mean multi-information of the masks of puzzles, in nats, of the exact model."""
    every, found = grids(), []
    for row in x:
        agree = every[((row == every) | (row == 4)).all(axis=1)]
        alike = WeightedSequences(agree, np.full(len(agree), 1 / len(agree)), 4)
        found.append(multi_information(alike))
    return float(np.mean(found))
