r"""The compiled round: every walk of a partition makes one move, or one step down an alias tree.

A walk is two 64-bit words.
The first is its identity, ``source << 32 | number``; the second where it is and when,
``record << 32 | clock`` with ``clock = move << 6 | level``, or ``~node`` once it has stopped.
Every draw is a function of (seed, identity, clock), so the result does not depend on where, when or
beside which other walks a walk is moved. `walk_once` is the plain form of it.
Record ``r`` belongs to partition ``r % partitions``, where it is row ``r // partitions``.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.core.random import GOLDEN, derive, mix64, to_unit
from paralg.rounds.personalized_pagerank.fast.records import (
    LEVEL_BITS,
    PLACE_BITS,
    PLAIN,
    RETURN,
    MoveTable,
)

__all__ = [
    "WalkRange", "advance", "distinct_sources", "root_of",
    "starting_walks", "walk_ids",
]  # fmt: skip

_NONE = np.zeros((0, 2), dtype=np.int64)

_ONE = np.uint64(1)

_mix = numba.njit(mix64, inline="always")

_unit = numba.njit(to_unit, inline="always")


def walk_ids(sources: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the identities of walks, ``source << 32 | number``."""
    return np.left_shift(sources, PLACE_BITS) | numbers


def root_of(seed: int) -> np.uint64:
    """Return the root of all streams of a run; TypeError unless the seed has at most 64 bits."""
    return derive(seed)[()]


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
    walks = np.empty((_write_starts(starts, index, partitions, _NONE), 2), dtype=np.int64)
    _write_starts(starts, index, partitions, walks)
    return walks


@numba.njit(cache=True, nogil=True)
def _write_starts(starts, index, partitions, walks):
    """Count the walks; write them where ``walks`` has room for any."""
    first, last, lowest, sources, omega, by_number = starts
    inner = sources if by_number else omega
    count = 0
    for outer in range(first // inner, (last + inner - 1) // inner):
        if not by_number and (lowest + outer) % partitions != index:
            continue
        low, high = max(first - outer * inner, 0), min(last - outer * inner, inner)
        step = 1
        if by_number:
            low += (index - lowest - low) % partitions
            step = partitions
        for k in range(low, high, step):
            source, number = (lowest + k, outer) if by_number else (lowest + outer, k)
            if len(walks) > 0:
                walks[count, 0] = source << PLACE_BITS | number
                walks[count, 1] = source << PLACE_BITS
            count += 1
    return count


def distinct_sources(walks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the source of these walks, each once; neighbours are often equal."""
    sources = walks[:, 0] >> PLACE_BITS
    return np.unique(sources[np.diff(sources, prepend=-1) != 0])


def advance(
    walks: NDArray[np.int64],
    table: MoveTable,
    root: np.uint64,
    partitions: int = 1,
    index: int = 0,
    descend: bool = True,
) -> tuple[list[NDArray[np.int64]], int, int]:
    """Move every live walk of a partition once, and sort them by where they go next."""
    moved, goes_to = np.empty_like(walks), np.empty(len(walks), dtype=np.int32)
    sizes = np.zeros(partitions + 1, dtype=np.int64)
    arrays = (table.indptr, table.kind, table.threshold, table.own, table.other)
    live, joins = _move_all(
        walks, arrays, table.n, table.alpha, root, partitions, index, descend, moved, goes_to, sizes
    )
    bounds = np.cumsum(sizes)
    if partitions == 1:
        return [moved[: bounds[1]]], live, joins
    sent = np.empty((bounds[-1], 2), dtype=np.int64)
    _deal(moved, goes_to, bounds.copy(), sent)
    return [sent[bounds[j] : bounds[j + 1]] for j in range(partitions)], live, joins


@numba.njit(cache=True, nogil=True)
def _move_all(walks, arrays, n, alpha, root, partitions, index, descend, moved, goes_to, sizes):
    """Write where each walk goes and count the homes; return how many live, and the look-ups."""
    live = joins = filled = 0
    for k in range(len(walks)):
        walk, place = walks[k, 0], walks[k, 1]
        if place < 0:
            continue
        stream = _mix(root + np.uint64(walk) * GOLDEN)
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
        sizes[target + 1] += 1
        filled += 1
    return live, joins


@numba.njit(inline="always")
def _draw(stream, clock, record, walk, arrays, alpha, partitions):
    """Return the outcome of one look-up: a record to go on with, or ``~node``."""
    indptr, kind, threshold, own, other = arrays
    row = record // partitions
    counter = np.uint64(clock) * np.uint64(2) + _ONE
    if kind[row] != PLAIN:
        if _unit(_mix(stream + counter * GOLDEN)) < alpha:
            return ~record
        if kind[row] == RETURN:
            return walk >> PLACE_BITS
    first, last = indptr[row], indptr[row + 1]
    spot = _unit(_mix(stream + (counter + _ONE) * GOLDEN)) * (last - first)
    slot = first + np.int64(spot)
    below = spot - np.int64(spot) < threshold[slot]
    return np.int64(own[slot]) if below else np.int64(other[slot])


@numba.njit(cache=True, nogil=True)
def _deal(moved, goes_to, bounds, sent):
    """Copy the walks so that those for the same partition lie together, in their old order."""
    for k in range(bounds[-1]):
        at = bounds[goes_to[k]]
        bounds[goes_to[k]] += 1
        sent[at, 0], sent[at, 1] = moved[k, 0], moved[k, 1]
