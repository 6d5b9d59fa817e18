r"""The compiled round: every walk of a partition makes one move, or one step down an alias tree.

A walk is two 64-bit words.
The first is its identity, ``source << 32 | number``; the second where it is and when,
``record << 32 | clock`` with ``clock = move << 6 | level``, or ``~node`` once it has stopped.
Every draw is a function of (seed, identity, clock); `walk_once` is the plain form.
Record ``r`` belongs to partition ``r % partitions``, where it is row ``r // partitions``.
"""

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.core.ragged import joined
from paralg.core.random import GOLDEN
from paralg.rounds.personalized_pagerank.fast.records import LEVEL_BITS, PLACE_BITS, PLAIN, RETURN
from paralg.simd.cache import compiled
from paralg.simd.sampling import alias_draw, mix, unit

__all__ = ["WalkRange", "advance", "starting_walks"]

_ONE = np.uint64(1)


class WalkRange(NamedTuple):
    """Walks that start together: a stretch of all walks, laid out in one of two orders."""

    first: int
    last: int
    lowest: int
    sources: int
    omega: int
    by_number: bool


def starting_walks(starts: WalkRange, index: int, partitions: int) -> NDArray[np.int64]:
    """Return the walks of a stretch whose sources belong to this partition."""
    first, last, lowest, sources, omega, by_number = starts
    inner, step = (sources, partitions) if by_number else (omega, 1)
    outer = np.arange(first // inner, -(-last // inner))
    if not by_number:
        outer = outer[(lowest + outer) % partitions == index]
    low, high = np.maximum(first - outer * inner, 0), np.minimum(last - outer * inner, inner)
    low += (index - lowest - low) % step
    sizes = np.maximum(-((low - high) // step), 0)
    begun = joined(sizes)
    k = np.repeat(low - step * begun[:-1], sizes) + step * np.arange(begun[-1])
    outer = np.repeat(outer, sizes)
    source, number = (lowest + k, outer) if by_number else (lowest + outer, k)
    return np.stack([source << PLACE_BITS | number, source << PLACE_BITS], axis=1)


def advance(walks: NDArray[np.int64], part) -> tuple[list[NDArray[np.int64]], int, int]:
    """Move the live walks of a partition once; return them by where they go, how many, look-ups."""
    table, partitions = part.shard, part.partitions
    moved, goes_to = np.empty_like(walks), np.empty(len(walks), dtype=np.int16)
    arrays = (table.indptr, table.kind, table.threshold, table.own, table.other)
    filled, live, joins = _move_all(walks, arrays, table.n, table.alpha, part.root, partitions,
                                    part.index, part.descend, moved, goes_to)  # fmt: skip
    if partitions == 1:
        return [moved[:filled]], live, joins
    order = np.argsort(goes_to[:filled], kind="stable")  # of 16-bit numbers: one pass per byte
    sizes = np.bincount(goes_to[:filled], minlength=partitions)
    return np.split(moved[order], np.cumsum(sizes)[:-1]), live, joins


@compiled
def _move_all(walks, arrays, n, alpha, root, partitions, index, descend, moved, goes_to):
    """Write where each walk goes; return how many there are, how many live, and the look-ups."""
    live = joins = filled = 0
    for k in range(len(walks)):
        walk, place = walks[k, 0], walks[k, 1]
        if place < 0:
            continue
        stream = mix(root + np.uint64(walk) * GOLDEN)
        code, clock = place >> PLACE_BITS, place & 0xFFFFFFFF
        while True:
            code = _draw(stream, clock, code, walk, arrays, alpha, partitions)
            joins += 1
            if code < n:
                clock = ((clock >> LEVEL_BITS) + 1) << LEVEL_BITS
                break
            clock += 1
            if not descend or code % partitions != index:
                break
        moved[filled, 0] = walk
        if code < 0:
            moved[filled, 1] = code
            target = (walk >> PLACE_BITS) % partitions
        else:
            moved[filled, 1] = (code << PLACE_BITS) | clock
            target = code % partitions
            live += 1
        goes_to[filled] = target
        filled += 1
    return filled, live, joins


@numba.njit(inline="always")
def _draw(stream, clock, record, walk, arrays, alpha, partitions):
    """Return the outcome of one look-up: a record to go on with, or ``~node``."""
    indptr, kind, threshold, own, other = arrays
    row = record // partitions
    counter = np.uint64(clock) * np.uint64(2) + _ONE
    if kind[row] != PLAIN:
        if unit(mix(stream + counter * GOLDEN)) < alpha:
            return ~record
        if kind[row] == RETURN:
            return walk >> PLACE_BITS
    word, first = mix(stream + (counter + _ONE) * GOLDEN), indptr[row]
    return alias_draw(word, first, indptr[row + 1] - first, threshold, own, other)
