"""Counter-based random numbers: a draw is a function of (seed, key, counter), never of who draws.

A stream belongs to an *item* (a walk, a row, a request), named by ``key``; its draws are numbered
by ``counter``.
Whoever computes item 17 gets the draws of item 17, so results are the same bits for every number
of workers and every order of execution.

Operands: ``seed`` (of the whole run), ``key`` (the item that draws) and ``counter`` (the number of
the draw within the item) are integers of at most 64 bits or arrays of them, which broadcast;
anything else is a TypeError. ``z`` and ``bits`` are ndarrays of uint64; in compiled code a single
``uint64``, as the bodies are plain arithmetic: ``numba.njit(mix64)`` is the same function.

References: [steele-2014-splittable] for the generator, with the multipliers and shifts of
Stafford's variant 13; [salmon-2011-counter] for the idea.
"""

import numpy as np

__all__ = ["GOLDEN", "derive", "draw64", "mix64", "to_unit", "uniform"]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Odd step of the Weyl sequence, 2**64 divided by the golden ratio."""

_MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_DROP, _ONE = np.uint64(11), np.uint64(1)
_UNIT = 2.0**-53


def mix64(z):
    """Return the SplitMix64 finaliser of ``z``: a bijection of the 64-bit words that looks random.

    >>> [hex(word) for word in mix64(np.arange(1, 3, dtype=np.uint64))]
    ['0x5692161d100b05e5', '0xdbd238973a2b148a']
    """
    z = (z ^ (z >> _SHIFT_1)) * _MULTIPLIER_1
    z = (z ^ (z >> _SHIFT_2)) * _MULTIPLIER_2
    return z ^ (z >> _SHIFT_3)


def to_unit(bits):
    """Map 64 random bits to a float64 in [0, 1): the upper 53 bits, evenly spaced."""
    return (bits >> _DROP) * _UNIT


def derive(seed, *keys) -> np.ndarray:
    """Return the seed of a sub-stream: ``seed`` folded with each of ``keys`` in turn.

    >>> derive(0, 3) == derive(0, 3), derive(0, 1, 2) == derive(0, 2, 1)
    (np.True_, np.False_)
    """
    seed, *keys = _words(("seed", seed), *(("key", key) for key in keys))
    with np.errstate(over="ignore"):
        state = mix64(seed + GOLDEN)
        for key in keys:
            state = mix64(state + key * GOLDEN)
    return state


def draw64(seed, key, counter) -> np.ndarray:
    """Return 64 bits: draw ``counter`` of the SplitMix64 sequence from ``derive(seed, key)`` on."""
    stream, counter = _words(("key", derive(seed, key)), ("counter", counter))
    with np.errstate(over="ignore"):
        return mix64(stream + (counter + _ONE) * GOLDEN)


def uniform(seed, key, counter) -> np.ndarray:
    """Return uniform draws in [0, 1) that depend on nothing but (seed, key, counter).

    They have the broadcast shape of ``key`` and ``counter`` and are multiples of 2**-53.
    A draw takes three finalisers, two when the seed's is hoisted out of the loop, and no state.
    Streams are stretches of one cycle of 2**64 words; two of ``k`` streams of length ``m`` overlap
    with probability about ``k**2 * m / 2**64``: 1e-5 for two million walks of 40 draws.

    >>> together = uniform(7, np.arange(4), 0)
    >>> alone = np.array([uniform(7, item, 0) for item in (3, 1, 0, 2)])
    >>> np.array_equal(together[[3, 1, 0, 2]], alone)
    True
    """
    return to_unit(draw64(seed, key, counter))


def _words(*named: tuple[str, object]) -> list[np.ndarray]:
    """Convert integers to 64-bit words (negative ones wrap); check that they broadcast."""
    words = []
    for name, values in named:
        array = np.asarray(values)
        if array.size and array.dtype.kind not in "iu":
            raise TypeError(f"{name} must be integers of at most 64 bits, got {values!r}")
        words.append(array.astype(np.uint64))
    shapes = [one.shape for one in words]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError as error:
        raise ValueError(f"{name} must broadcast with the others, got {shapes}") from error
    return words
