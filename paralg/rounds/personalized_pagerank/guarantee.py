r"""How many walks are enough: Bernstein's bound, and the error one should expect."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["expected_l1", "failure_bound", "least_l1", "walks_needed"]


def walks_needed(epsilon: float, delta: float, p_fail: float, pairs: int = 1) -> int:
    r"""Return the walks per source that give a relative error on all values that matter.

    With :math:`\omega` walks, every :math:`\pi(u, v) \ge \delta` among ``pairs`` of them is
    estimated within :math:`\varepsilon\,\pi(u, v)`, all at once, with probability at least
    :math:`1 - p_f`, if

    .. math:: \omega \ge \Bigl(2 + \frac{2\varepsilon}{3}\Bigr)
              \frac{\ln (2 \cdot \text{pairs} / p_f)}{\varepsilon^2 \delta}

    Parameters
    ----------
    epsilon : float
        Relative error.
    delta : float
        Smallest value that matters.
    p_fail : float
        Probability to fail.
    pairs : int
        Pairs that must hold together: 1 for a single value, :math:`n^2` for all.

    Returns
    -------
    int

    Raises
    ------
    ValueError
        A parameter is out of range.

    References
    ----------
    [fogaras-2005-towards] for Monte Carlo estimates of this kind; the constants follow from
    Bernstein's inequality, as the chapter derives.

    Examples
    --------
    >>> walks_needed(0.5, 0.01, 0.01)
    4946
    """
    _check(epsilon=epsilon, delta=delta, p_fail=p_fail)
    if pairs < 1:
        raise ValueError(f"pairs must be at least 1, got {pairs}")
    log = math.log(2.0 * pairs / p_fail)
    return math.ceil((2.0 + 2.0 * epsilon / 3.0) * log / (epsilon**2 * delta))


def failure_bound(omega: ArrayLike, epsilon: float, pi: ArrayLike) -> NDArray[np.float64]:
    r"""Bound the probability that an estimate misses by more than :math:`\varepsilon\pi`.

    .. math:: \Pr\bigl[|\hat\pi - \pi| > \varepsilon \pi\bigr]
              \le 2 \exp\Bigl(-\frac{\omega \varepsilon^2 \pi}{2 (1 - \pi) + 2\varepsilon/3}\Bigr)

    Parameters
    ----------
    omega : array_like of int
        Walks.
    epsilon : float
        Relative error.
    pi : array_like of float
        True values, broadcast against ``omega``.

    Returns
    -------
    ndarray of float64
        At most 1.

    Examples
    --------
    >>> float(failure_bound(4946, 0.5, 0.01)) <= 0.01
    True
    """
    _check(epsilon=epsilon)
    omega, pi = np.asarray(omega), np.asarray(pi, dtype=np.float64)
    exponent = omega * epsilon**2 * pi / (2.0 * (1.0 - pi) + 2.0 * epsilon / 3.0)
    return np.minimum(1.0, 2.0 * np.exp(-exponent))


def expected_l1(pi: ArrayLike, omega: int) -> NDArray[np.float64]:
    r"""Bound the expected L1 error of a row that is estimated by ``omega`` walks.

    .. math:: \mathbb{E}\,\|\hat\pi_u - \pi_u\|_1
              \le \sum_v \min\Bigl(\sqrt{\pi(u,v)(1-\pi(u,v))/\omega},\; 2\pi(u,v)\Bigr)

    Where :math:`\omega\pi` is not small the count is nearly normal and the root is to be multiplied
    by :math:`\sqrt{2/\pi} \approx 0.8`.

    Parameters
    ----------
    pi : array_like of float, shape (..., n)
        True rows.
    omega : int
        Walks.

    Returns
    -------
    ndarray of float64, shape (...)

    Examples
    --------
    >>> float(expected_l1([0.5, 0.5], 100))
    0.1
    """
    pi = np.clip(np.asarray(pi, dtype=np.float64), 0.0, 1.0)  # a solver may miss 0 by its rounding
    deviation = np.sqrt(pi * (1.0 - pi) / omega)
    return np.minimum(deviation, 2.0 * pi).sum(axis=-1)


def least_l1(omega: int) -> float:
    r"""Return an L1 error that ``omega`` walks do not beat on average, :math:`1/(2\sqrt\omega)`.

    At the customary :math:`\alpha = 0.2` a source that is not returned to holds
    :math:`\pi(u, u) = \alpha`; the errors of a row sum to zero, so the L1 error is at least twice
    that of this entry, :math:`2 \cdot 0.8 \sqrt{\alpha (1 - \alpha)/\omega} = 0.64/\sqrt\omega`.

    Parameters
    ----------
    omega : int
        Walks.

    Returns
    -------
    float

    Examples
    --------
    >>> least_l1(10_000)
    0.005
    """
    return 0.5 / math.sqrt(omega)


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} must lie in (0, 1), got {value!r}")
