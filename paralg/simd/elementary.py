"""exp2, exp, softplus, sigmoid of 32 lanes at once, from polynomials; compiled with the kernels."""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from paralg.simd.cache import cached
from paralg.simd.lanes import (
    WIDTH,
    LanesType,
    at_least,
    at_most,
    load,
    multiply_add,
    power_of_two,
    store,
)
from paralg.simd.polynomials import ARTANH, EXP2

__all__ = ["evaluate", "exp", "exp2", "sigmoid", "softplus"]

_NAMES = ("exp2", "exp", "softplus", "sigmoid")
_BITS = {types.float32: 32, types.float64: 64}
# 1.5 * 2**mantissa pushes the fraction out of the mantissa: rounding to an integer by one addition.
# The exponent's bias rides along, so that the low bits are the exponent field of the power of two.
_SHIFT = {32: 1.5 * 2**23 + 127, 64: 1.5 * 2**52 + 1023}
_RANGE = {32: (-127.0, 128.0), 64: (-1023.0, 1024.0)}
# log2(e) as a sum: the first part fits the mantissa, the second is what that rounding lost.
_LOG2E = {32: (float(np.float32(1 / math.log(2))), 1.9259629e-8),
          64: (1 / math.log(2), 2.0355273740931033e-17)}  # fmt: skip


def exp2(x):
    r"""Return :math:`2^x`; below the smallest normal number it is 0, above the largest infinite."""
    raise TypeError("exp2 of lanes works inside compiled functions only; see evaluate")


def softplus(x):
    r"""Return :math:`\log(1 + e^x) = \max(x, 0) + \log(1 + e^{-|x|})`."""
    raise TypeError("softplus of lanes works inside compiled functions only; see evaluate")


def sigmoid(x):
    r"""Return :math:`1/(1 + e^{-x})`."""
    raise TypeError("sigmoid of lanes works inside compiled functions only; see evaluate")


def exp(x):
    r"""Return :math:`e^x`, as accurate far from 0 as near it."""
    raise TypeError("exp of lanes works inside compiled functions only; see evaluate")


@overload(exp2)
def _exp2(x):
    if not isinstance(x, LanesType):
        return None
    bits = _BITS[x.dtype]
    shift, (low, high), ratio = _SHIFT[bits], _RANGE[bits], _horner(EXP2[bits])

    def compiled(x):
        x = at_least(low, at_most(high, x))
        shifted = x + shift
        r = x - (shifted - shift)
        return (ratio(r) * r + 1.0) * power_of_two(shifted)

    return compiled


@overload(exp)
def _exp(x):
    if not isinstance(x, LanesType):
        return None
    bits = _BITS[x.dtype]
    shift, (head, tail), ratio = _SHIFT[bits], _LOG2E[bits], _horner(EXP2[bits])
    low, high = (bound * math.log(2) for bound in _RANGE[bits])

    def compiled(x):
        x = at_least(low, at_most(high, x))
        shifted = multiply_add(x, head, shift)
        r = multiply_add(x, tail, multiply_add(x, head, shift - shifted))  # loses no bit of x
        return (ratio(r) * r + 1.0) * power_of_two(shifted)

    return compiled


@overload(softplus)
def _softplus(x):
    if not isinstance(x, LanesType):
        return None
    ratio = _horner(ARTANH[_BITS[x.dtype]])

    def compiled(x):
        positive = at_least(0.0, x)
        e = exp(at_most(0.0, x) - positive)
        s = e / (e + 2.0)
        return positive + ratio(s * s) * s

    return compiled


@overload(sigmoid)
def _sigmoid(x):
    if not isinstance(x, LanesType):
        return None
    return lambda x: 1.0 / (exp(0.0 - x) + 1.0)


@register_jitable
def by_number(which, x):
    """Apply function number ``which`` of ``_NAMES``."""
    if which == 0:
        return exp2(x)
    if which == 1:
        return exp(x)
    if which == 2:
        return softplus(x)
    return sigmoid(x)


@cached()
def _over_rows(digest, compiled):
    """Build the loop of `evaluate`."""

    @compiled
    def over_rows(which, rows):
        """Apply an elementary function to every row of 32 numbers, in place."""
        _ = digest
        for i in range(rows.shape[0]):
            store(rows, (i, 0), by_number(which, load(rows, (i, 0))))

    return over_rows


def _horner(coefficients: tuple[float, ...]):
    """Return a compiled function that evaluates a polynomial, its loop unrolled."""
    *lower, last_but_one, last = coefficients

    def first(x):
        return x * last + last_but_one

    value = register_jitable(first)
    for coefficient in reversed(lower):
        value = register_jitable(_step(value, coefficient))
    return value


def _step(inner, coefficient: float):
    return lambda x: inner(x) * x + coefficient


def evaluate(function, x):
    """Apply one of the four functions to an array, for tests and figures."""
    flat = np.ravel(x)
    rows = np.zeros((-(-flat.size // WIDTH), WIDTH), flat.dtype)
    rows.ravel()[: flat.size] = flat
    _over_rows(_NAMES.index(function.__name__), rows)
    return rows.ravel()[: flat.size].reshape(np.shape(x))
