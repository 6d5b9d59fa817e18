r"""The monoid of attention with a fixed query: maximum, denominator, numerator.

[feng-2024-attention] show that the update is associative.
A set A of tokens is summarised by :math:`m = \max s_i`, :math:`u = \sum e^{s_i - m}` and
:math:`w = \sum e^{s_i - m} v_i`; two summaries join into that of the union.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from paralg.core.primitives import Operator

__all__ = ["SOFTMAX", "UNSAFE", "decayed", "leaves", "read", "shift"]

Summary = tuple[NDArray, NDArray, NDArray]
"""Maximum of shape (n, ...), denominator of the same, numerator of shape (n, ..., d)."""


def shift(old: NDArray, new: NDArray) -> NDArray:
    r"""Return :math:`e^{old - new}` for old ≤ new, and 0 where old is :math:`-\infty`.

    Nothing is ever computed from :math:`-\infty - (-\infty)`: an infinite maximum is replaced by 0
    inside the exponent.

    Examples
    --------
    >>> shift(np.array([0.0, -np.inf, -np.inf]), np.array([0.0, 2.0, -np.inf]))
    array([1., 0., 0.])
    """
    return np.exp(old - np.where(np.isneginf(new), 0.0, new).astype(new.dtype))


def join(left: Summary, right: Summary) -> Summary:
    """Return the summary of the union of two disjoint sets."""
    (m_a, u_a, w_a), (m_b, u_b, w_b) = left, right
    m = np.maximum(m_a, m_b)
    a, b = shift(m_a, m), shift(m_b, m)
    return m, u_a * a + u_b * b, w_a * a[..., None] + w_b * b[..., None]


def join_unsafe(left, right):
    """Add denominators and numerators that carry no maximum."""
    return left[0] + right[0], left[1] + right[1]



SOFTMAX = Operator(join, (-np.inf, 0.0, 0.0), "softmax")
"""Union of two sets of tokens; identity (−∞, 0, 0), the empty set. Commutative, too."""

UNSAFE = Operator(join_unsafe, (0.0, 0.0), "softmax without a maximum")
"""The same on pairs (u, w) without a maximum: as associative, and overflows."""


def decayed(rate: float) -> Operator:
    r"""Return the operator of scores that lose ``rate`` with every later token.

    At token k the score of token i counts as :math:`s_i - \lambda (k - i)`. An element is
    (n, m, u, w) with n the number of tokens in it: joining lowers the maximum of what came first by
    :math:`\lambda` times the tokens that came after. The operator does not commute.

    Parameters
    ----------
    rate : float
        The λ, at least 0; 0 gives `SOFTMAX` with a count.

    Raises
    ------
    ValueError
        A negative rate.

    Examples
    --------
    >>> from paralg.core.primitives import scan
    >>> one, score, value = np.ones(3), np.zeros(3), np.array([[1.0], [0.0], [0.0]])
    >>> n, m, u, w = scan(decayed(np.log(2)), (one, score, one, value)).values
    >>> (w[:, 0] / u).round(3)
    array([1.   , 0.333, 0.143])
    """
    if not rate >= 0:
        raise ValueError(f"rate must be at least 0, got {rate}")

    def combine(first, then):
        n = first[0] + then[0]
        m, u, w = join((first[1] - rate * then[0], *first[2:]), then[1:])
        return n, m, u, w

    return Operator(combine, (0.0, -np.inf, 0.0, 0.0), f"softmax decaying by {rate:g}")


def leaves(scores: NDArray, values: NDArray, mask: NDArray | None = None) -> Summary:
    r"""Return the summaries of single tokens, :math:`(s_i, 1, v_i)`, and the identity where masked.

    Parameters
    ----------
    scores : ndarray, shape (n, ...)
        One score for each token and head.
    values : ndarray, shape (n, ..., d)
    mask : ndarray of bool, shape (n, ...), optional
        True where there is a token; elsewhere it is as if it were not there.

    Returns
    -------
    tuple of ndarray

    Raises
    ------
    ValueError
        Shapes that do not fit; a score that is +∞ or NaN.

    Examples
    --------
    >>> leaves(np.array([0.5]), np.array([[2.0, 3.0]]))
    (array([0.5]), array([1.]), array([[2., 3.]]))
    """
    scores, values = np.asarray(scores), np.asarray(values)
    if values.shape[:-1] != scores.shape or values.ndim != scores.ndim + 1:
        expected = f"values must have the shape {(*scores.shape, 'd')}"
        raise ValueError(f"{expected} for scores of shape {scores.shape}, got {values.shape}")
    if not (scores < np.inf).all():
        raise ValueError("scores must be below +∞, got +∞ or NaN")
    there = ~np.isneginf(scores)
    if mask is not None:
        if np.shape(mask) != scores.shape:
            raise ValueError(f"mask must have the shape {scores.shape}, got {np.shape(mask)}")
        there &= mask
    m = np.where(there, scores, -np.inf).astype(scores.dtype)
    return m, there.astype(scores.dtype), np.where(there[..., None], values, 0)


def read(summary: Summary) -> NDArray:
    r"""Return the attention outputs :math:`w / u`, and 0 for the empty set."""
    _, u, w = summary
    return w / np.where(u == 0, 1, u)[..., None]
