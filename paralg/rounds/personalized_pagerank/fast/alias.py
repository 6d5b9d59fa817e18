r"""Alias tables: draw from :math:`d` weighted outcomes with one uniform number and two look-ups.

Many tables live in three flat arrays, one stretch a record, so that they can be built, cut and
sent without touching a Python object per node.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["alias_tables", "implied_shares", "slots_of"]


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
        Record ``k`` owns slots ``indptr[k]`` to ``indptr[k + 1] - 1``.
    shares : array_like of float, shape (s,)
        Weights of the outcomes, finite and not negative; they need not sum to 1.

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
    indptr, shares = np.asarray(indptr), np.ascontiguousarray(shares, dtype=np.float64)
    if indptr[0] != 0 or indptr[-1] != len(shares) or (np.diff(indptr) < 0).any():
        ends = indptr[[0, -1]].tolist()
        raise ValueError(f"indptr must rise from 0 to {len(shares)}, got {ends}")
    if not (np.isfinite(shares) & (shares >= 0)).all():
        bad = shares[~(np.isfinite(shares) & (shares >= 0))][0]
        raise ValueError(f"shares must be finite and not negative, got {bad}")
    threshold = np.ones(len(shares))
    alias = np.arange(len(shares))
    widest = int(np.diff(indptr).max(initial=0))
    _build(indptr, shares, threshold, alias, np.empty(widest, np.int64), np.empty(widest, np.int64))
    return threshold, alias


def implied_shares(
    indptr: NDArray[np.int64], threshold: NDArray[np.float64], alias: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the probability with which each slot's own outcome is drawn, in closed form.

    Parameters
    ----------
    indptr, threshold, alias : ndarray, as `alias_tables` takes and gives them
    """
    mass = threshold + np.bincount(alias, weights=1.0 - threshold, minlength=len(alias))
    return mass / np.repeat(np.diff(indptr), np.diff(indptr))


@numba.njit(cache=True)
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


@numba.njit(cache=True)
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


def slots_of(indptr, own, other) -> NDArray[np.int64]:
    """Return the slot, within the same record, whose own outcome is ``other``."""
    record = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((own, record))
    width = int(np.int64(2) ** 33)
    keys = record[order] * width + own[order].astype(np.int64)
    return order[np.searchsorted(keys, record * width + other.astype(np.int64))]
