r"""Exact draws in compiled loops: alias tables of many records, binomials, words of a stream.

A record is a list of weighted outcomes; the tables of all records lie end to end in flat arrays
(`paralg.core.ragged`), so that they are built, cut and sent without a Python object per record.
A binomial compares many random binary fractions with the probability digit by digit, 64 of them to
a word: a draw of ``m`` trials takes about ``m / 32`` words and no table.
"""

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.random import GOLDEN, mix64, to_unit
from paralg.simd.cache import compiled

__all__ = ["alias_draw", "alias_tables", "binomial", "implied_shares", "mix", "slots_of", "unit"]

mix = numba.njit(mix64, inline="always")

unit = numba.njit(to_unit, inline="always")

_ONE = np.uint64(1)


def alias_tables(
    indptr: NDArray[np.int64], shares: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    r"""Build the alias table of every record at once [walker-1977-alias; vose-1991-linear].

    Slot ``i`` of a record of ``d`` outcomes keeps its own outcome with probability
    ``threshold[i]`` and gives that of slot ``alias[i]`` otherwise:

    .. math:: q_i = \frac1d \Bigl(t_i + \sum_{j:\,a_j = i} (1 - t_j)\Bigr)

    Parameters
    ----------
    indptr : ndarray of int64, shape (r + 1,)
        Record ``k`` owns slots ``indptr[k]`` to ``indptr[k + 1] - 1``; it rises from 0 to ``s``.
    shares : array_like of float, shape (s,)
        Weights of the outcomes, finite and not negative, else ValueError, as their sums must be;
        these need not be 1.

    Returns
    -------
    threshold : ndarray of float64, shape (s,)
    alias : ndarray of int64, shape (s,)
        Slot number, absolute. Work ``s``: each step gives one slot its final value.

    Examples
    --------
    >>> threshold, alias = alias_tables(np.array([0, 3]), [1.0, 1.0, 2.0])
    >>> threshold, alias
    (array([0.75, 0.75, 1.  ]), array([2, 2, 2]))
    """
    indptr = checks.array("indptr", indptr, "i").astype(np.int64)
    shares = np.ascontiguousarray(checks.array("shares", shares), dtype=np.float64)
    checks.sizes(indptr=(indptr, "records"), shares=(shares, "slots"))
    ends = indptr.tolist()[:1] + indptr.tolist()[-1:]
    if ends != [0, len(shares)] or (np.diff(indptr) < 0).any():
        raise ValueError(f"indptr must rise from 0 to {len(shares)}, got {ends}")
    bad = shares[~(np.isfinite(shares) & (shares >= 0))]
    if len(bad):
        raise ValueError(f"shares must be finite and not negative, got {bad[0]}")
    sizes = np.diff(indptr)
    with np.errstate(over="ignore"):
        total = np.bincount(np.repeat(np.arange(len(sizes)), sizes), shares, len(sizes))[sizes > 0]
    if not ((total > 0) & (total < np.inf)).all():
        raise ValueError(f"shares of a record must have a finite sum above 0, got {total.min()}")
    threshold, alias = np.ones(len(shares)), np.arange(len(shares))
    widest = int(sizes.max(initial=0))
    _build(indptr, shares, threshold, alias, np.empty(widest, np.int64), np.empty(widest, np.int64))
    return threshold, alias


def implied_shares(
    indptr: NDArray[np.int64], threshold: NDArray[np.float64], alias: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the probability with which each slot's own outcome is drawn, in closed form.

    ``indptr``, ``threshold`` and ``alias`` are as `alias_tables` takes and gives them.

    >>> implied_shares(np.array([0, 3]), np.array([0.75, 0.75, 1.0]), np.array([2, 2, 2]))
    array([0.25, 0.25, 0.5 ])
    """
    [threshold] = checks.floats(threshold=(threshold, "slots"))
    alias, indptr = (checks.array(name, value, "i", least=0)
                     for name, value in (("alias", alias), ("indptr", indptr)))  # fmt: skip
    checks.sizes(threshold=(threshold, "slots"), alias=(alias, "slots"), indptr=(indptr, "ends"))
    rises = len(indptr) and not indptr[0] and indptr[-1] == len(alias) and (np.diff(indptr) >= 0)
    if alias.max(initial=-1) >= len(alias) or not np.all(rises):
        raise ValueError(f"expected slots in 0..{len(alias) - 1} and indptr up to {len(alias)}, "
                         f"got {alias} and {indptr}")  # fmt: skip
    mass = threshold + np.bincount(alias, weights=1.0 - threshold, minlength=len(alias))
    return mass / np.repeat(np.diff(indptr), np.diff(indptr))


def slots_of(indptr, own, other) -> NDArray[np.int64]:
    """Return the slot, within the same record, whose own outcome is ``other``."""
    record = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order, width = np.lexsort((own, record)), int(np.int64(2) ** 33)
    keys = record[order] * width + own[order].astype(np.int64)
    return order[np.searchsorted(keys, record * width + other.astype(np.int64))]


@compiled
def _build(indptr, shares, threshold, alias, small, large):
    """Fill ``threshold`` and ``alias`` record by record; ``small`` and ``large`` are scratch."""
    for record in range(len(indptr) - 1):
        first, last = indptr[record], indptr[record + 1]
        total = 0.0
        for slot in range(first, last):
            total += shares[slot]
        lows = highs = 0
        for slot in range(first, last):
            threshold[slot] = shares[slot] / total * (last - first)
            if threshold[slot] < 1.0:
                small[lows] = slot
                lows += 1
            else:
                large[highs] = slot
                highs += 1
        _pair(threshold, alias, small, lows, large, highs)


@compiled
def _pair(threshold, alias, small, lows, large, highs):
    """Top up each slot below 1 from one above 1; what rounding leaves over becomes exactly 1."""
    while lows > 0 and highs > 0:
        lows -= 1
        poor, rich = small[lows], large[highs - 1]
        alias[poor] = rich
        threshold[rich] -= 1.0 - threshold[poor]
        if threshold[rich] < 1.0:
            highs -= 1
            small[lows] = rich
            lows += 1
    for k in range(lows):
        threshold[small[k]] = 1.0
    for k in range(highs):
        threshold[large[k]] = 1.0


@numba.njit(inline="always")
def alias_draw(word, first, size, threshold, own, other):
    """Return an outcome of the record of ``size`` slots from ``first`` on, by 64 random bits."""
    spot = unit(word) * size
    slot = first + np.int64(spot)
    below = spot - np.int64(spot) < threshold[slot]
    return np.int64(own[slot]) if below else np.int64(other[slot])


@compiled
def binomial(stream, counter, trials, chance):
    """Draw how many of ``trials`` random fractions lie below ``chance``; return the counter too."""
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


@compiled
def _count_ones(stream, counter, bits):
    """Return the ones among so many random bits."""
    ones = np.int64(0)
    while bits > 0:
        counter += _ONE
        word = mix(stream + counter * GOLDEN)
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
