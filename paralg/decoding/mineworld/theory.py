"""Where diagonals are exact, what they lose elsewhere, and what they save.

A *Markov mesh* is a distribution of a binary frame whose cells, in raster order, depend on a few
neighbours: on those to the west, north and north-east here.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paralg.core import checks
from paralg.decoding.mineworld.schedule import Wavefront

__all__ = ["Mesh", "lost", "simulate", "visible_sets"]

NEIGHBOURS = {"W": (0, -1), "NW": (-1, -1), "N": (-1, 0), "NE": (-1, 1), "NEE": (-1, 2)}


def simulate(R: int, C: int, w: int) -> np.ndarray:
    """Follow the released loop over active rows of ``Wavefront(R, C, w)``; return calls, (R, C).

    >>> bool((simulate(6, 10, 3) == Wavefront(6, 10, 3).calls).all())
    True
    """
    Wavefront(R, C, w)
    found, done, active, call = np.zeros((R, C), dtype=int), [0] * R, [0], 0
    while active:
        call += 1
        for row in list(active):
            found[row, done[row]] = call
            done[row] += 1
            if done[row] == w and row + 1 < R:
                active.append(row + 1)  # takes part from the next call on
            if done[row] == C:
                active.remove(row)
    return found


def lost(wave: Wavefront, r: int, c: int) -> np.ndarray:
    """Return the cells that raster order would see and the wavefront does not, (rows, C)."""
    checks.instance("wave", wave, Wavefront)
    seen = wave.visible(r, c)
    return (np.arange(seen.size) < r * wave.C + c).reshape(seen.shape) & ~seen


def visible_sets(R: int, C: int, w: int, *, refresh: bool = True) -> np.ndarray:
    """Return which cells each one sees, (R C, R C); without refresh no end of a row above."""
    wave = Wavefront(R, C, w)
    sees = np.stack([wave.visible(r, c).ravel() for r in range(R) for c in range(C)])
    if not refresh:
        cell = np.arange(R * C)
        sees &= ~((cell % C == C - 1) & (cell // C < cell[:, None] // C))
    return sees


@dataclass(frozen=True)
class Mesh:
    """A binary Markov mesh: P(x = 1) = σ(bias + Σ weight (2 neighbour - 1)) over cells inside.

    ``R`` × ``C`` is at most 12; ``weights`` are pairs of W, NW, N, NE or NEE and a number.

    >>> mesh = Mesh()
    >>> [round(mesh.total_variation(w), 6) for w in (1, 2, 3)]
    [0.33962, 0.0, 0.0]
    """

    R: int = 3
    C: int = 3
    bias: float = -0.1
    weights: tuple[tuple[str, float], ...] = (("W", 0.8), ("N", 0.6), ("NE", 1.2))

    def __post_init__(self):
        checks.integers(1, R=self.R, C=self.C), checks.number("bias", self.bias)
        checks.integer("R C", self.R * self.C, 1, 12)
        checks.instance("weights", self.weights, tuple)
        for name, weight in self.weights:
            checks.one_of("a neighbour", name, NEIGHBOURS), checks.number("a weight", weight)

    @cached_property
    def frames(self) -> np.ndarray:
        """All frames, (2^(R C), R C), in the order of their bits, the first cell the highest."""
        n = self.R * self.C
        return np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1

    @cached_property
    def p(self) -> np.ndarray:
        """Probability of each frame."""
        grid = self.frames.reshape(-1, self.R, self.C)
        field = np.full(grid.shape, self.bias)
        for name, weight in self.weights:
            a, b = NEIGHBOURS[name]
            for r in range(self.R):
                for c in range(self.C):
                    if r + a >= 0 and 0 <= c + b < self.C:
                        field[:, r, c] += weight * (2 * grid[:, r + a, c + b] - 1)
        one = 1 / (1 + np.exp(-field))
        return np.where(grid == 1, one, 1 - one).prod(axis=(1, 2))

    def conditional(self, i: int, seen: np.ndarray) -> np.ndarray:
        """Return p(x_i | the cells that are seen, (R C,)) of each frame's own values."""
        given = np.flatnonzero(checks.mask("seen", seen, (self.R * self.C,)))
        checks.integer("i", i, 0, self.R * self.C - 1)
        return self._marginal([*given, i]) / self._marginal(given)

    def _marginal(self, cells) -> np.ndarray:
        """Return for each frame the probability of its values in some cells."""
        code = self.frames[:, cells] @ (1 << np.arange(len(cells)))
        return np.bincount(code, self.p)[code]

    def sampled(self, w: int, *, refresh: bool = True) -> np.ndarray:
        """Return the probability with which diagonal decoding draws each frame: ∏ p(x_i | V_w)."""
        sees = visible_sets(self.R, self.C, w, refresh=refresh)
        return np.prod([self.conditional(i, seen) for i, seen in enumerate(sees)], axis=0)

    def total_variation(self, w: int, *, refresh: bool = True) -> float:
        """Return ½ Σ |p - q_w|."""
        return float(np.abs(self.p - self.sampled(w, refresh=refresh)).sum() / 2)

    def divergence(self, w: int, *, refresh: bool = True) -> float:
        """Return KL(p ‖ q_w) in nats, summed over all frames."""
        return float(self.p @ np.log(self.p / self.sampled(w, refresh=refresh)))

    def information(self, w: int, *, refresh: bool = True) -> np.ndarray:
        """Return I(x_i ; what i does not see | V_w) of each cell, (R, C): the same in total."""
        n, sees = self.R * self.C, visible_sets(self.R, self.C, w, refresh=refresh)
        found = [self.p @ np.log(self.conditional(i, np.arange(n) < i) / self.conditional(i, seen))
                 for i, seen in enumerate(sees)]  # fmt: skip
        return np.reshape(found, (self.R, self.C))
