"""Maximum, its place and log-sum-exp of every row, in one pass over memory, compiled by numba."""

import math
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.simd.cache import compile_lock, compiled
from paralg.simd.elementary import exp
from paralg.simd.lanes import WIDTH, at_least, load, store, total

__all__ = ["RowStatistics", "row_statistics", "warm"]

CHUNK = 64 * WIDTH
"""Numbers read twice, for their maximum and then for their sum, while they are in the cache."""


class RowStatistics(NamedTuple):
    """Of every row: the maximum, its first place, and the logarithm of the sum of exponentials."""

    top: np.ndarray
    winner: np.ndarray
    log_z: np.ndarray


def row_statistics(logits: np.ndarray) -> RowStatistics:
    """Return what a threshold needs of logits (n, V) of 32 or 64 bits: V numbers read a row.

    The confidence of the likeliest token is ``exp(top - log_z)``.  ValueError for a row without a
    finite entry, and for NaN.
    """
    logits = np.ascontiguousarray(checks.array("logits", logits))
    if logits.ndim != 2 or logits.dtype not in (np.float32, np.float64):
        raise ValueError("expected logits (n, V) of float32 or float64, got "
                         f"{logits.shape} of {logits.dtype}")  # fmt: skip
    n = len(logits)
    found = RowStatistics(np.empty(n), np.zeros(n, np.int64), np.empty(n))
    _row_pass(logits, np.empty(WIDTH, logits.dtype), *found)
    if not np.isfinite(found.log_z).all():
        bad = logits[~np.isfinite(found.log_z)][0]
        raise ValueError(f"expected a finite entry, no NaN and no ∞ in every row, got {bad}")
    return found


def warm() -> None:
    """Compile and cache the kernel for both types."""
    with compile_lock():
        for dtype in (np.float32, np.float64):
            row_statistics(np.zeros((1, WIDTH + 1), dtype))


@compiled(error_model="numpy", _nrt=False)
def _row_pass(logits, scratch, top, winner, log_z):
    n, V = logits.shape
    for row in range(n):
        best, place, z = -math.inf, 0, 0.0
        for begin in range(0, V, CHUNK):
            end = min(begin + CHUNK, V)
            whole = begin + (end - begin) // WIDTH * WIDTH
            high = -math.inf
            if whole > begin:
                most = load(logits, (row, begin))
                for j in range(begin + WIDTH, whole, WIDTH):
                    most = at_least(most, load(logits, (row, j)))
                store(scratch, (0,), most)
                for j in range(WIDTH):
                    high = max(high, scratch[j])
            for j in range(whole, end):
                high = max(high, logits[row, j])
            if high > best:
                z *= math.exp(best - high)
                best, place = high, begin
            if best == -math.inf:
                continue
            if whole > begin:
                part = exp(load(logits, (row, begin)) - best)
                for j in range(begin + WIDTH, whole, WIDTH):
                    part = part + exp(load(logits, (row, j)) - best)
                z += total(part)
            for j in range(whole, end):
                z += math.exp(logits[row, j] - best)
        while place < V - 1 and logits[row, place] != best:
            place += 1
        top[row], winner[row], log_z[row] = best, place, best + math.log(z)
