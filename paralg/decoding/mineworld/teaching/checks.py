"""Checks of the exercises on diagonal decoding."""

import numpy as np

from paralg.decoding.mineworld.schedule import Wavefront
from paralg.teach.checking import close_to, entries, equal_to_oracle, exercise


@exercise("ex-mineworld-offset")
def offset(answer):
    """Smallest exact row offset for the neighbours W, N, NE, NEE."""
    close_to(answer, 3, name="the offset", wrong={
        2: "at 2 the cell two columns to the right in the row above is in the same call",
        1: "at 1 a cell sees nothing to the right of the one above it",
        4: "expected the least offset; 4 is exact as well",
    })  # fmt: skip
    return "Right: r w + c sees (r - 1, c + 2) if w > 2."


@exercise("ex-mineworld-calls")
def calls(answer):
    """Calls and widest call of 14 rows, 24 columns, w = 3."""
    total, width = entries(answer, ("calls", "widest"))
    close_to(total, 63, name="the calls", wrong={
        66: "the last row starts after 13 offsets, not 14",
        64: "calls are counted from 1: the last one is 13 · 3 + 24",
        112: "that is R C / w: the ramp is missing",
    })  # fmt: skip
    close_to(width, 8, name="the widest call", wrong={
        14: "row r + 8 starts when row r has ended", 9: "24 / 3 rows are open at once",
    })  # fmt: skip
    return "Right: 13 · 3 + 24 calls, 24 / 3 rows at once."


def _visible(R, C, w, r, c):
    return [tuple(cell) for cell in np.argwhere(Wavefront(R, C, w).visible(r, c)).tolist()]


@exercise("ex-mineworld-visible")
def visible(answer):
    """The cells that a cell sees, in raster order."""
    cases = [(1, 1, 1, 0, 0), (1, 3, 1, 0, 2), (2, 2, 1, 1, 0), (2, 2, 2, 1, 0), (3, 5, 2, 2, 1),
             (3, 5, 5, 2, 4), (4, 6, 3, 3, 2), (4, 6, 1, 2, 5)]  # fmt: skip
    return equal_to_oracle(lambda *case: [tuple(map(int, cell)) for cell in answer(*case)],
                           _visible, cases, name="lists what each cell sees",
                           hint="a cell is seen if it is sooner in raster order and in an earlier "
                           "call")  # fmt: skip


@exercise("ex-mineworld-video")
def video(answer):
    """Calls of 15 frames of 14 rows and 24 columns at w = 2, overlapping and not."""
    apart, overlapping = entries(answer, ("apart", "overlapping"))
    close_to(apart, 750, name="the calls of frames apart", wrong={
        442: "that is with overlap", 5040: "that is raster order"})  # fmt: skip
    close_to(overlapping, 442, name="the calls of overlapping frames", wrong={
        444: "210 rows have 209 offsets between them", 750: "a film is one frame of 210 rows",
    })  # fmt: skip
    return "Right: 15 · 50, and 209 · 2 + 24."


@exercise("ex-mineworld-copies")
def copies(answer):
    """Divergence and total variation where one cell copies its north-east neighbour."""
    kl, tv = entries(answer, ("kl", "tv"))
    close_to(kl, np.log(2), tol=1e-3, name="the divergence", wrong={
        1.0: "that is in bits", 0.5: "the information is the entropy of a fair coin",
    })  # fmt: skip
    close_to(tv, 0.5, tol=1e-9, name="the total variation", wrong={
        1.0: "half of the drawn frames are right ones", 0.25: "all frames with an error count",
    })  # fmt: skip
    return "Right: one coin is drawn twice."
