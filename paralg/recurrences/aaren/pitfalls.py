"""Two vectorised forms that look right: one is wrong, the other unsafe.  For the chapter's hunt.

Neither is used by the library.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["global_maximum", "running_maximum"]


def running_maximum(scores: ArrayLike, values: ArrayLike) -> NDArray:
    """Return cumulative sums of terms that were each scaled by the maximum of their own time.

    Wrong as soon as the maximum moves: terms with different scales are added.

    Parameters
    ----------
    scores : array_like, shape (n,)
    values : array_like, shape (n, d)
    """
    scores, values = np.asarray(scores), np.asarray(values)
    terms = np.exp(scores - np.maximum.accumulate(scores))
    return np.cumsum(terms[:, None] * values, axis=0) / np.cumsum(terms)[:, None]


def global_maximum(scores: ArrayLike, values: ArrayLike) -> NDArray:
    """Return cumulative sums of terms scaled by the maximum of the whole sequence.

    Right in exact arithmetic. In floating point a prefix far below a later maximum becomes 0/0:
    the future decides whether the past is computed.

    Parameters
    ----------
    scores : array_like, shape (n,)
    values : array_like, shape (n, d)
    """
    scores, values = np.asarray(scores), np.asarray(values)
    terms = np.exp(scores - scores.max(initial=-np.inf))
    return np.cumsum(terms[:, None] * values, axis=0) / np.cumsum(terms)[:, None]
