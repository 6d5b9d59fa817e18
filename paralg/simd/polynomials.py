r"""Polynomials that stand in for the library's exp and log, so that a loop over lanes can be SIMD.

:math:`2^x` is split into an integer and a rest of at most one half:
:math:`2^x = 2^k \cdot 2^r`, the power of two by writing k into the exponent bits, the rest by a
polynomial. Softplus and sigmoid follow from it; softplus also needs :math:`\log(1 + e)` on [0, 1],
which is :math:`2 \operatorname{artanh}(e / (2 + e))`.
"""

import numpy as np

__all__ = ["ARTANH", "EXP2", "artanh_ratio", "exp2_ratio", "minimax"]

EXP2 = {
    32: (0.693147203, 0.240226479, 0.0555033247, 0.00961843736, 0.00133988744, 0.000153533619),
    64: tuple(float(c) for c in np.log(2) ** np.arange(1, 14) / np.cumprod(np.arange(1.0, 14))),
}
r"""Coefficients of :math:`(2^r - 1)/r` on :math:`|r| \le 1/2` by bits: minimax, Taylor."""

ARTANH = {
    32: (2.0, 0.666663147, 0.400249103, 0.279606028, 0.281783349),
    64: tuple(2.0 / (2 * k + 1) for k in range(18)),
}
r"""Coefficients of :math:`2 \operatorname{artanh}(s)/s` in :math:`s^2 \le 1/9`, by bits."""


def exp2_ratio(r):
    r"""Return :math:`(2^r - 1)/r`, the factor that the polynomial approximates."""
    return np.expm1(r * np.log(2)) / r


def artanh_ratio(q):
    r"""Return :math:`2 \operatorname{artanh}(\sqrt q)/\sqrt q`."""
    return 2 * np.arctanh(np.sqrt(q)) / np.sqrt(q)


def minimax(ratio, interval, degree, weight=np.ones_like, rounds=300):
    """Fit a polynomial whose largest weighted error is nearly least; return it and the error.

    ``ratio`` and ``weight`` are functions of arrays; 0 must not be one of the 2,000 Chebyshev
    points of the interval. ``rounds`` are those of Lawson's weights.
    """
    low, high = interval
    x = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(2000) + 0.5) / 2000)
    factor, y = np.abs(weight(x)), ratio(x)
    basis, mass = np.vander(x, degree + 1, increasing=True) * factor[:, None], np.ones_like(x)
    for _ in range(rounds):
        root = np.sqrt(mass)
        fit = np.linalg.lstsq(basis * root[:, None], y * factor * root, rcond=None)[0]
        error = np.abs(basis @ fit - y * factor)
        mass = mass * error
        mass /= mass.sum()
    return fit, float(error.max())
