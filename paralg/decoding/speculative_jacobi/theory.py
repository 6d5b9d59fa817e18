"""What one test makes of a draft, and how many tokens a forward yields."""

from collections.abc import Sequence
from math import ceil

import numpy as np

from paralg.core import checks
from paralg.decoding.speculative_jacobi.acceptance import distributions, residual

__all__ = ["coincidence", "expected_tokens", "forward_bounds", "verified"]


def verified(p: np.ndarray, q: np.ndarray, drawn: np.ndarray | None = None) -> np.ndarray:
    r"""Return the distribution of a token after the test with p and q.

    .. math:: P(v) = d(v) \min(1, p(v)/q(v)) + r(v) \sum_u d(u) (1 - \min(1, p(u)/q(u)))

    with the residual r and a draft from d, by default from q; then :math:`P = p`.

    Parameters
    ----------
    p, q : ndarray, shape (V,)
        What the token should follow, and what the test takes the draft to follow.
    drawn : ndarray, shape (V,), optional
        What the draft was drawn from in truth.

    Returns
    -------
    ndarray, shape (V,)

    Raises
    ------
    ValueError
        If a token can be drawn although q is zero there.

    Examples
    --------
    >>> p, q = np.array([0.6, 0.4]), np.array([0.3, 0.7])
    >>> verified(p, q), verified(p, p, drawn=q)
    (array([0.6, 0.4]), array([0.3, 0.7]))
    """
    p, q, drawn = distributions(p=p, q=q, drawn=q if drawn is None else drawn)
    if ((drawn > 0) & (q == 0)).any():
        raise ValueError("expected q > 0 wherever a draft may be drawn, got "
                         f"q = {q}, drawn from {drawn}")  # fmt: skip
    kept = drawn * np.minimum(1, np.divide(p, q, out=np.ones_like(p), where=q > 0))
    return kept + (1 - kept.sum()) * residual(p, q)


def coincidence(p: np.ndarray, q: np.ndarray) -> float:
    r"""Return the probability :math:`\sum_v p(v) q(v)` that a draft equals an independent draw.

    This is what plain Jacobi iteration accepts with; it never exceeds the overlap.

    Parameters
    ----------
    p, q : ndarray, shape (V,)

    Returns
    -------
    float

    Examples
    --------
    >>> round(coincidence(np.array([0.6, 0.4]), np.array([0.3, 0.7])), 12)
    0.46
    """
    return float(np.dot(*distributions(p=p, q=q)))


def expected_tokens(rates: Sequence[float], bonus: bool = True) -> float:
    r"""Return the mean number of final tokens of a forward, :math:`1 + \sum_m \prod_{i \le m} a_i`.

    Parameters
    ----------
    rates : sequence of float
        Probabilities :math:`a_i` that the drafts are kept, left to right, of given drafts and
        independent of each other.
    bonus : bool
        Whether there is a position beyond the window, that is, not at the end of the sequence.

    Returns
    -------
    float
        For W equal rates a and a bonus :math:`(1 - a^{W+1})/(1 - a)`.

    Examples
    --------
    >>> expected_tokens([0.5, 0.5]), expected_tokens([0.5, 0.5], bonus=False)
    (1.75, 1.5)
    """
    [rates] = checks.floats(rates=(rates, "W"))
    checks.instance("bonus", bonus, bool)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"expected rates in [0, 1], got {rates.tolist()}")
    runs = np.cumprod(rates)
    ends = 1 if bonus or not len(runs) else 1 - runs[-1]
    return float(runs.sum() + ends)


def forward_bounds(N: int, W: int) -> tuple[int, int]:
    r"""Return the fewest and the most forwards for N tokens, :math:`\lceil N/(W+1) \rceil` and N.

    Parameters
    ----------
    N, W : int
        Wanted tokens and drafts in the window, at least 0.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError, TypeError
        If a number is negative, or no integer.

    Examples
    --------
    >>> forward_bounds(64, 15)
    (4, 64)
    """
    N, W = checks.integer("N", N), checks.integer("W", W)
    return ceil(N / (W + 1)), N
