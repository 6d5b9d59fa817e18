"""exp2, exp, softplus, sigmoid of 32 lanes at once, from polynomials; compiled with the kernels."""

import math
from functools import cache, wraps

import numpy as np
from numba.extending import overload, register_jitable

from paralg.core import checks
from paralg.simd import lanes
from paralg.simd.cache import compiled
from paralg.simd.polynomials import ARTANH, EXP2

__all__ = ["evaluate", "exp", "exp2", "sigmoid", "softplus"]

# 1.5 * 2**mantissa pushes the fraction out of the mantissa: rounding to an integer by one addition.
# The exponent's bias rides along, so that the low bits are the exponent field of the power of two.
_SHIFT = {32: 1.5 * 2**23 + 127, 64: 1.5 * 2**52 + 1023}
_RANGE = {32: (-127.0, 128.0), 64: (-1023.0, 1024.0)}
# log2(e) as a sum: the first part fits the mantissa, the second is what that rounding lost.
_LOG2E = {32: (float(np.float32(1 / math.log(2))), 1.9259629e-8),
          64: (1 / math.log(2), 2.0355273740931033e-17)}  # fmt: skip


def _of_lanes(build):
    """Turn ``build(bits)``, which makes what numba compiles, into a function of lanes."""

    @wraps(build)
    def function(x):
        name = build.__name__
        raise TypeError(f"{name} of lanes works inside compiled functions only; see evaluate")

    @overload(function)
    def typed(x):
        return build(x.dtype.bitwidth) if isinstance(x, lanes.LanesType) else None

    return function


@_of_lanes
def exp2(bits):
    r"""Return :math:`2^x`; below the smallest normal number it is 0, above the largest infinite."""
    shift, (low, high), ratio = _SHIFT[bits], _RANGE[bits], _horner(EXP2[bits])

    def of_lanes(x):
        x = lanes.at_least(low, lanes.at_most(high, x))
        shifted = x + shift
        r = x - (shifted - shift)
        return (ratio(r) * r + 1.0) * lanes.power_of_two(shifted)

    return of_lanes


@_of_lanes
def exp(bits):
    r"""Return :math:`e^x`, as accurate far from 0 as near it."""
    shift, (head, tail), ratio = _SHIFT[bits], _LOG2E[bits], _horner(EXP2[bits])
    low, high = (bound * math.log(2) for bound in _RANGE[bits])

    def of_lanes(x):
        x = lanes.at_least(low, lanes.at_most(high, x))
        shifted = lanes.multiply_add(x, head, shift)
        r = lanes.multiply_add(x, head, shift - shifted)
        r = lanes.multiply_add(x, tail, r)  # loses no bit of x
        return (ratio(r) * r + 1.0) * lanes.power_of_two(shifted)

    return of_lanes


@_of_lanes
def softplus(bits):
    r"""Return :math:`\log(1 + e^x) = \max(x, 0) + \log(1 + e^{-|x|})`."""
    ratio = _horner(ARTANH[bits])

    def of_lanes(x):
        positive = lanes.at_least(0.0, x)
        e = exp(lanes.at_most(0.0, x) - positive)
        s = e / (e + 2.0)
        return positive + ratio(s * s) * s

    return of_lanes


@_of_lanes
def sigmoid(bits):
    r"""Return :math:`1/(1 + e^{-x})`."""
    return lambda x: 1.0 / (exp(0.0 - x) + 1.0)


def _horner(coefficients: tuple[float, ...]):
    """Return a compiled function that evaluates a polynomial, its loop unrolled."""
    *lower, last_but_one, last = coefficients
    value = register_jitable(lambda x: x * last + last_but_one)
    for coefficient in reversed(lower):
        value = register_jitable(_step(value, coefficient))
    return value


def _step(inner, coefficient: float):
    return lambda x: inner(x) * x + coefficient


@cache
def _over_rows(function):
    """Return a loop that applies a function to every row of 32 numbers, in place."""

    @compiled(error_model="numpy", _nrt=False)
    def loop(rows):
        for i in range(rows.shape[0]):
            lanes.store(rows, (i, 0), function(lanes.load(rows, (i, 0))))

    return loop


def evaluate(function, x):
    """Apply one of the four functions to an array, for tests and figures."""
    flat = np.ravel(x)
    checks.one_of("the type of x", str(flat.dtype), ("float32", "float64"))
    rows = np.zeros((-(-flat.size // lanes.WIDTH), lanes.WIDTH), flat.dtype)
    rows.ravel()[: flat.size] = flat
    _over_rows(function)(rows)
    return rows.ravel()[: flat.size].reshape(np.shape(x))
