r"""The monoid of attention with a fixed query: maximum, denominator, numerator.

A set A of tokens is summarised by :math:`m = \max s_i`, :math:`u = \sum e^{s_i - m}` and
:math:`w = \sum e^{s_i - m} v_i`; two summaries join into that of the union, which is associative
[feng-2024-attention]. Letters and shapes of the whole package:

======== ============== ============================================================
name     shape          meaning
======== ============== ============================================================
scores   (n, ...)       one number for each token and head, :math:`s_i`
values   (n, ..., d)    one vector of width d for each token and head, :math:`v_i`
mask     (n, ...)       True where there is a token; elsewhere it is as if left out
summary  (m, u, w)      maximum (...), denominator (...) and numerator (..., d)
outputs  (n, ..., d)    row k attends to the tokens 0 … k
======== ============== ============================================================
"""

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from paralg.core import checks
from paralg.core.primitives import Operator

__all__ = [
    "SOFTMAX", "Summary", "check_summary", "empty", "join", "leaves", "read", "real", "shift",
]  # fmt: skip

Summary = tuple[NDArray, NDArray, NDArray]
"""Maximum, denominator, numerator; with a leading axis n where each token has one."""


def shift(old: NDArray, new: NDArray) -> NDArray:
    r"""Return :math:`e^{old - new}` for old ≤ new; 0 where old is −∞, also if new is −∞, too."""
    return np.exp(old - np.where(np.isneginf(new), 0.0, new).astype(new.dtype))


def join(left: Summary, right: Summary) -> Summary:
    """Return the summary of the union of two disjoint sets."""
    (m_a, u_a, w_a), (m_b, u_b, w_b) = left, right
    m = np.maximum(m_a, m_b)
    a, b = shift(m_a, m), shift(m_b, m)
    return m, u_a * a + u_b * b, w_a * a[..., None] + w_b * b[..., None]


SOFTMAX = Operator(join, (-np.inf, 0.0, 0.0), "softmax")
"""Union of two sets of tokens; its identity (−∞, 0, 0) is the empty set. It commutes, too."""


def empty(shape: tuple[int, ...], dtype: DTypeLike = np.float64) -> Summary:
    """Return the summary of no token, the identity of `SOFTMAX`.

    ``shape`` is that of a token's value, (..., d), and ``dtype`` that of all parts.

    >>> empty((2,))
    (array(-inf), array(0.), array([0., 0.]))
    """
    checks.instance("shape", shape, tuple)
    *heads, _ = (checks.integer("each size of shape", size) for size in shape or (None,))
    return np.full(heads, -np.inf, dtype), np.zeros(heads, dtype), np.zeros(shape, dtype)


def leaves(scores: ArrayLike, values: ArrayLike, mask: ArrayLike | None = None) -> Summary:
    r"""Return the summaries of single tokens, :math:`(s_i, 1, v_i)`, and the identity where masked.

    Parameters
    ----------
    scores, values, mask : array_like
        As in the table of this module; a score of −∞ is no token, either. What stands where there
        is no token is never read. Another score that is not finite, or shapes that do not fit, are
        a ValueError, numbers that are not real a TypeError.

    Returns
    -------
    tuple of ndarray, shapes (n, ...), (n, ...), (n, ..., d)

    Examples
    --------
    >>> leaves(np.array([0.5]), np.array([[2.0, 3.0]]))
    (array([0.5]), array([1.]), array([[2., 3.]]))
    """
    scores, values = real("scores", scores), real("values", values)
    checks.sizes(scores=(scores, "n ..."), values=(values, "n ... d"))
    there = ~np.isneginf(scores)
    if mask is not None:
        there &= checks.mask("mask", mask, scores.shape)
    checks.finite("scores", scores[there])
    m = np.where(there, scores, -np.inf).astype(scores.dtype)
    return m, there.astype(scores.dtype), np.where(there[..., None], values, 0)


def real(name: str, values: ArrayLike) -> NDArray:
    """Return array_like of real numbers as floats, integers in double precision."""
    found = checks.array(name, values)
    return found if found.dtype.kind == "f" else found.astype(np.float64)


def check_summary(summary: Summary, **operands) -> Summary:
    """Return a summary of three parts whose shapes fit, and `operands`, see `checks.sizes`."""
    checks.instance("summary", summary, tuple, list)
    if len(summary) != 3:
        raise ValueError(f"summary must have three parts, got {len(summary)}")
    m, u, w = (checks.array("each part of summary", part) for part in summary)
    checks.sizes(**operands, maximum=(m, "..."), denominator=(u, "..."), numerator=(w, "... d"))
    return summary


def read(summary: Summary) -> NDArray:
    """Return the attention outputs :math:`w / u` of a summary, shape (..., d); 0 for the empty set.

    >>> read((np.array(0.0), np.array(4.0), np.array([2.0, 8.0])))
    array([0.5, 2. ])
    """
    _, u, w = check_summary(summary)
    return w / np.where(u == 0, 1, u)[..., None]
