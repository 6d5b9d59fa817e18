"""The wavefront: in which call each cell of a frame is generated, and which cells it can see.

[guo-2025-mineworld], [ye-2025-diagonal]  A row starts as soon as the one above has w cells, so cell
(r, c) is generated in call r w + c + 1, and one call generates an anti-diagonal.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paralg.core import checks

__all__ = ["Wavefront"]


@dataclass(frozen=True)
class Wavefront:
    """Frames of R rows and C columns, rows w cells apart; w = C is raster order.

    Parameters
    ----------
    R, C : int
        Rows and columns of a frame.
    w : int
        Cells that a row has when the next one starts, 1..C.
    frames : int
        Frames one after the other; a frame starts when the one before it has ended.
    overlap : bool
        Whether a frame starts when the last row before it has w cells, which needs its action
        to be known by then.

    Examples
    --------
    >>> Wavefront(3, 5, 2).calls
    array([[1, 2, 3, 4, 5],
           [3, 4, 5, 6, 7],
           [5, 6, 7, 8, 9]])
    >>> wave = Wavefront(14, 24, 2)
    >>> wave.total, wave.widths.max(), round(wave.speedup, 2)
    (50, np.int64(12), 6.72)
    """

    R: int
    C: int
    w: int
    frames: int = 1
    overlap: bool = False

    def __post_init__(self):
        checks.integers(1, R=self.R, C=self.C, frames=self.frames)
        checks.integer("w", self.w, 1, self.C)
        checks.instance("overlap", self.overlap, bool)

    @property
    def total(self) -> int:
        """Calls of all frames: (R - 1) w + C each, or (frames R - 1) w + C if they overlap."""
        if self.overlap:
            return (self.frames * self.R - 1) * self.w + self.C
        return self.frames * ((self.R - 1) * self.w + self.C)

    @cached_property
    def starts(self) -> np.ndarray:
        """Calls before the first one of each row, (frames R,)."""
        row = np.arange(self.frames * self.R)
        if self.overlap:
            return row * self.w
        return row // self.R * (self.total // self.frames) + row % self.R * self.w

    @cached_property
    def calls(self) -> np.ndarray:
        """Call in which each cell is generated, from 1, (frames R, C)."""
        return self.starts[:, None] + np.arange(1, self.C + 1)

    @cached_property
    def widths(self) -> np.ndarray:
        """Cells generated in each call, (total,); at most min(R, ceil(C / w)) in a frame."""
        return np.bincount(self.calls.ravel())[1:]

    @property
    def speedup(self) -> float:
        """Calls in raster order over calls here."""
        return self.calls.size / self.total

    def visible(self, r: int, c: int) -> np.ndarray:
        """Return V_w of a cell: those sooner in raster order and in an earlier call, (frames R, C).

        Rows are counted over all frames.
        """
        checks.integer("r", r, 0, len(self.calls) - 1), checks.integer("c", c, 0, self.C - 1)
        raster = np.arange(self.calls.size).reshape(self.calls.shape)
        return (raster < r * self.C + c) & (self.calls < self.calls[r, c])
