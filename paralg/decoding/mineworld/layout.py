"""One frame, or several, as slots: a token, a place and a row of the attention mask each.

[guo-2025-mineworld]  The stream is frame, action, frame, action, …: R C tokens of a frame and A of
an action.  On causal weights the slot at place i carries token i - 1, and its row of logits is the
distribution of token i.  Places may repeat, so two slots share the place of cell (r + 1, 0):

=========  ==========================================  ===================
slot       carries                                     runs in call
=========  ==========================================  ===================
query      what is left of its cell; in a row that     that of its cell
           just opened a *stand-in*
refresh    (r, C - 1), so that the rows below see it   the next one
=========  ==========================================  ===================
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from paralg.core import checks
from paralg.decoding.mineworld.schedule import Wavefront

__all__ = ["STAND_INS", "SlotLayout", "StreamShape", "lay_out"]

STAND_INS = ("first", "newest", "previous")
"""What a row that just opened reads: the cell before it in the first frame of the prompt (in the
released evaluation) or, ours, in the last one; or the newest token above (in the demonstration)."""


@dataclass(frozen=True)
class StreamShape:
    """Sizes of the stream: ``R`` rows and ``C`` columns of a frame, ``A`` tokens of an action.

    Examples
    --------
    >>> StreamShape(14, 24, 11).step
    347
    """

    R: int
    C: int
    A: int = 1

    def __post_init__(self):
        checks.integers(1, R=self.R, C=self.C)
        checks.integer("A", self.A)

    @property
    def step(self) -> int:
        """Tokens of a frame and an action."""
        return self.R * self.C + self.A


@dataclass(frozen=True, eq=False)
class SlotLayout:
    """S slots in the order in which they are computed.

    ``places``, ``calls`` (S,): position id and call.  ``sources`` (S,): which token of the stream
    each carries, -1 the begin symbol.  ``cells`` (S,): which token its logits are to draw, -1 none.
    ``stand_ins`` (S,): whether it carries one.  ``mask`` (S, S): which slot attends to which.
    """

    places: np.ndarray
    calls: np.ndarray
    sources: np.ndarray
    cells: np.ndarray
    stand_ins: np.ndarray
    mask: np.ndarray

    @cached_property
    def steps(self) -> list[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
        """Of each call its slots, their sources, those that draw, and the cells that these draw."""
        ends = np.searchsorted(self.calls, np.arange(self.calls[-1] + 1), side="right")
        cuts = [slice(a, b) for a, b in zip(ends, ends[1:], strict=False)]
        drawn = [np.flatnonzero(self.cells[cut] >= 0) for cut in cuts]
        return [(cut, self.sources[cut], new, self.cells[cut][new])
                for cut, new in zip(cuts, drawn, strict=True)]  # fmt: skip


def lay_out(
    shape: StreamShape, w: int, given: int, frames: int = 1, *, refresh: bool = True,
    stand_in: str = "first", overlap: bool = False,
) -> SlotLayout:  # fmt: skip
    """Lay out some frames behind a prompt.

    Parameters
    ----------
    shape : StreamShape
    w, frames : int
        Row offset; frames to be generated, between which the actions are known.
    given : int
        Tokens of the prompt: frames, each with its action.
    refresh : bool
        Whether the last cell of a row is run, and the true predecessor where w = C; the released
        code does neither, and so has no exact row offset.
    stand_in : str
        One of `STAND_INS`.
    overlap : bool
        As for `Wavefront`.

    Returns
    -------
    SlotLayout

    Examples
    --------
    >>> shape = StreamShape(8, 12)
    >>> [int((lay_out(shape, w, 97).calls > 1).sum()) for w in (12, 2)]
    [95, 102]
    """
    checks.instance("shape", shape, StreamShape)
    checks.integers(0, given=given), checks.instance("refresh", refresh, bool)
    checks.one_of("stand_in", stand_in, STAND_INS)
    wave = Wavefront(shape.R, shape.C, checks.integer("w", w), checks.integer("frames", frames),
                     overlap)  # fmt: skip
    if frames > 1 and not shape.A:
        raise ValueError(f"several frames need actions between them, got {shape}")
    if given % shape.step:
        raise ValueError(f"expected whole steps of {shape.step} given tokens, got {given}")
    if stand_in == "previous" and overlap:
        raise ValueError("the stand-in 'previous' needs the whole frame before, got overlap=True")
    return _laid_out(shape, wave, given, refresh, stand_in)


@lru_cache(maxsize=64)
def _laid_out(shape, wave, given, refresh, stand_in) -> SlotLayout:
    """Join the parts and sort them by call; a slot sees sooner ones of no later call."""
    at = np.arange(given)
    parts = [np.array([at, at * 0 + 1, at - 1, at * 0 - 1, 2 * at])]  # the prompt
    for f in range(wave.frames):
        start = given + f * shape.step
        parts += [_frame(shape, wave, start, f, refresh, stand_in)]
        if f + 1 < wave.frames:
            parts += [_between(shape, wave, start, f)]
    place, call, source, cell, order = (np.concatenate(one) for one in zip(*parts, strict=True))
    arrival = np.lexsort((order, call))
    place, call, source, cell, order = (one[arrival] for one in (place, call, source, cell, order))
    mask = (order < order[:, None]) & (call <= call[:, None]) | np.eye(len(order), dtype=bool)
    return SlotLayout(place, call, source, cell, source != place - 1, mask)


def _frame(shape: StreamShape, wave: Wavefront, start: int, f: int, refresh: bool, stand_in: str):
    """Return place, call, source, cell and order of queries, and of refreshes of rows but one."""
    R, C = shape.R, shape.C
    calls, raster = wave.calls[f * R : (f + 1) * R].ravel(), np.arange(R * C)
    place, source = start + raster, start + raster - 1
    opens = raster[C::C]
    if wave.w < C or not refresh:
        source[opens] = {"first": opens - 1, "previous": start - shape.step + opens - 1,
                         "newest": place[opens] - C + wave.w - 1}[stand_in]  # fmt: skip
        if not start:  # no prompt has a cell to stand in
            source[opens] = -1
    queries = np.array([place, calls, source, place, 2 * place])
    if wave.w == C or not refresh:
        return queries
    last = place[opens]
    again = np.array([last, calls[opens - 1] + 1, last - 1, 0 * last - 1, 2 * last - 1])
    return np.concatenate([queries, again], axis=1)


def _between(shape: StreamShape, wave: Wavefront, start: int, f: int) -> np.ndarray:
    """Return the same of the last cell of a frame and of all tokens of its action but the last."""
    place = start + shape.R * shape.C + np.arange(shape.A)
    call = np.full(shape.A, wave.starts[(f + 1) * shape.R] + 1)
    call[:1] = max(call[0], wave.calls[(f + 1) * shape.R - 1, -1] + 1)
    return np.array([place, call, place - 1, 0 * place - 1, 2 * place - 1])
