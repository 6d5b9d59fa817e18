"""Exact binomial and multinomial draws from counter-based streams, compiled.

A binomial compares many random binary fractions with the probability digit by digit, 64 of them to
a word, so a draw of ``m`` trials takes about ``m / 32`` words and no table, and is exact.
"""

from __future__ import annotations

import numba
import numpy as np

from paralg.core.random import GOLDEN, mix64, to_unit
from paralg.rounds.personalized_pagerank.fast.records import PLACE_BITS, PLAIN, RETURN

__all__ = ["binomial", "draw_records"]

_ONE = np.uint64(1)

_mix = numba.njit(mix64, inline="always")

_unit = numba.njit(to_unit, inline="always")


def draw_records(walks, shard, root, turn, partitions):
    """Move every record of walks once, all its walks together."""
    row = (walks[:, 0] & 0xFFFFFFFF) // partitions
    degree = np.diff(shard.indptr)[row] if len(walks) else row
    room = np.minimum(walks[:, 1], np.maximum(degree, 1)).sum() + len(walks)
    out = np.empty((room, 2), dtype=np.int64)
    arrays = (shard.indptr, shard.kind, shard.shares, shard.threshold, shard.own, shard.other)
    filled = _move_records(walks, arrays, shard.alpha, root, np.uint64(turn), partitions, out)
    return out[:filled], len(walks)


@numba.njit(cache=True, nogil=True)
def _move_records(walks, arrays, alpha, root, turn, partitions, out):
    indptr, kind = arrays[0], arrays[1]
    filled = 0
    for k in range(len(walks)):
        key, count = walks[k, 0], walks[k, 1]
        stream = _mix(_mix(root + np.uint64(key) * GOLDEN) + turn * GOLDEN)
        counter = np.uint64(0)
        record = key & 0xFFFFFFFF
        row = record // partitions
        if kind[row] != PLAIN:
            stops, counter = binomial(stream, counter, count, alpha)
            filled = _emit(out, filled, key, ~record, stops)
            count -= stops
        if kind[row] == RETURN:
            filled = _emit(out, filled, key, key >> PLACE_BITS, count)
        elif count <= indptr[row + 1] - indptr[row]:
            filled = _one_by_one(stream, counter, key, count, row, arrays, out, filled)
        else:
            filled = _all_together(stream, counter, key, count, row, arrays, out, filled)
    return filled


@numba.njit(cache=True, nogil=True)
def _emit(out, filled, key, code, count):
    """Write a record that goes on at ``code``, or has stopped at ``~code``."""
    if count == 0:
        return filled
    source = key >> PLACE_BITS << PLACE_BITS
    out[filled, 0] = source | (code if code >= 0 else ~code)
    out[filled, 1] = count if code >= 0 else -count
    return filled + 1


@numba.njit(cache=True, nogil=True)
def _one_by_one(stream, counter, key, count, row, arrays, out, filled):
    """Few walks, many outcomes: an alias draw for each."""
    indptr, _, _, threshold, own, other = arrays
    first, degree = indptr[row], indptr[row + 1] - indptr[row]
    for _ in range(count):
        counter += _ONE
        spot = _unit(_mix(stream + counter * GOLDEN)) * degree
        slot = first + np.int64(spot)
        below = spot - np.int64(spot) < threshold[slot]
        code = np.int64(own[slot]) if below else np.int64(other[slot])
        filled = _emit(out, filled, key, code, 1)
    return filled


@numba.njit(cache=True, nogil=True)
def _all_together(stream, counter, key, count, row, arrays, out, filled):
    """Many walks, few outcomes: a multinomial as a chain of binomials."""
    indptr, _, shares, _, own, _ = arrays
    rest = 1.0
    last = indptr[row + 1] - 1
    for slot in range(indptr[row], last + 1):
        taken = count
        if slot < last:
            chance = min(1.0, shares[slot] / rest) if rest > 0.0 else 1.0
            taken, counter = binomial(stream, counter, count, chance)
        filled = _emit(out, filled, key, np.int64(own[slot]), taken)
        count -= taken
        rest -= shares[slot]
        if count == 0:
            break
    return filled


@numba.njit(cache=True, nogil=True)
def binomial(stream, counter, trials, chance):
    """Draw how many of ``trials`` random fractions lie below ``chance``."""
    if chance >= 1.0:
        return trials, counter
    wins = np.int64(0)
    while trials > 0 and chance > 0.0:
        ones, counter = _count_ones(stream, counter, trials)
        chance *= 2.0
        if chance >= 1.0:
            chance -= 1.0
            wins += trials - ones
            trials = ones
        else:
            trials -= ones
    return wins, counter


@numba.njit(cache=True, nogil=True)
def _count_ones(stream, counter, bits):
    """Return the ones among so many random bits."""
    ones = np.int64(0)
    while bits > 0:
        counter += _ONE
        word = _mix(stream + counter * GOLDEN)
        if bits < 64:
            word >>= np.uint64(64 - bits)
        ones += _population(word)
        bits -= 64
    return ones, counter


@numba.njit(inline="always")
def _population(word):
    """Return the ones of a word: add up neighbours, pairs, nibbles, then bytes by one product."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333)
    )
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
