r"""Beside the method: scores that fade, sums without a maximum, and two forms that seem right.

The last two, `running_maximum` and `global_maximum`, are for the chapter's hunt: one is wrong, the
other unsafe. Operands are those of `paralg.recurrences.aaren.monoid`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.primitives import Operator
from paralg.recurrences.aaren.monoid import join, real

__all__ = ["decayed", "global_maximum", "running_maximum", "unstable_stream"]


def decayed(rate: float) -> Operator:
    r"""Return the operator of scores that lose ``rate`` with every later token.

    At token k the score of token i counts as :math:`s_i - \lambda (k - i)`. An element is
    (n, m, u, w) with n the number of tokens in it: joining lowers the maximum of what came first by
    :math:`\lambda` times the tokens that came after. The operator does not commute.

    It is ours; the paper has no decay.

    Parameters
    ----------
    rate : float
        The λ, at least 0, else ValueError; 0 gives `SOFTMAX` with a count.

    Examples
    --------
    >>> from paralg.core.primitives import scan
    >>> one, score, value = np.ones(3), np.zeros(3), np.array([[1.0], [0.0], [0.0]])
    >>> n, m, u, w = scan(decayed(np.log(2)), (one, score, one, value)).values
    >>> (w[:, 0] / u).round(3)
    array([1.   , 0.333, 0.143])
    """
    rate = checks.number("rate", rate, 0)

    def combine(first, then):
        n = first[0] + then[0]
        m, u, w = join((first[1] - rate * then[0], *first[2:]), then[1:])
        return n, m, u, w

    return Operator(combine, (0.0, -np.inf, 0.0, 0.0), f"softmax decaying by {rate:g}")


def unstable_stream(scores: ArrayLike, values: ArrayLike) -> NDArray:
    """Return the outputs of the recurrence without a maximum, in the type of the scores.

    ``scores`` have shape (n, ...), ``values`` (n, ..., d), and so has what is returned.
    From the first sum that overflows on they are NaN.

    >>> unstable_stream(np.zeros(2), np.array([[4.0], [2.0]]))[:, 0]
    array([4., 3.])
    """
    scores, values = real("scores", scores), real("values", values)
    checks.sizes(scores=(scores, "n ..."), values=(values, "n ... d"))
    checks.finite("scores", scores)
    weights = np.exp(scores)
    u = np.add.accumulate(weights)
    return np.add.accumulate(weights[..., None] * values) / u[..., None]


def running_maximum(scores: ArrayLike, values: ArrayLike) -> NDArray:
    """Return cumulative sums of terms that were each scaled by the maximum of their own time."""
    terms = np.exp(scores - np.maximum.accumulate(scores))
    return np.cumsum(terms[:, None] * values, axis=0) / np.cumsum(terms)[:, None]


def global_maximum(scores: ArrayLike, values: ArrayLike) -> NDArray:
    """Return sums of terms scaled by the maximum of all: a prefix far below it becomes 0/0."""
    return unstable_stream(scores - np.max(scores, initial=-np.inf), values)
