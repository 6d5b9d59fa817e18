r"""What credit can and cannot commit, in closed form.

A token of raw probability p whose odds are multiplied by X, its rivals' by nothing, has
:math:`p' = pX / (1 - p + pX)`. Credit gives :math:`X = (1+C)^\alpha`, and C is bounded; so
credit is a threshold below τ, how far below depends on the rounds that agreed.
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.credit_decoding.account import TraceCredit

__all__ = ["boosted", "credit_after", "first_look", "floor", "gain_needed", "standing_floor",
           "time_to_commit"]  # fmt: skip


def boosted(p, X):
    """Return the probability of a token whose odds are multiplied by ``X``.

    >>> float(boosted(0.5, 3.0))
    0.75
    """
    p, X = checks.within("p", p, 0, 1), checks.number("X", X, 0)
    return p * X / (1 - p + p * X)


def gain_needed(p, tau: float):
    r"""Return the least X with which ``p`` reaches ``tau``: τ/(1-τ) · (1/p - 1).

    >>> round(float(gain_needed(0.7, 0.9)), 3)
    3.857
    """
    p, tau = checks.within("p", p, 1e-300, 1), checks.number("tau", tau, 0, 1 - 2**-53)
    return tau / (1 - tau) * (1 / p - 1)


def credit_after(t, p, credit: TraceCredit):
    r"""Return the credit of a token that was likeliest, with probability p, in all of t rounds.

    It is :math:`C_t = p^\gamma (1 - \beta^t) / (1 - \beta) \le 1 / (1 - \beta)`.

    >>> round(float(credit_after(np.inf, 1.0, TraceCredit(beta=0.7))), 3)
    3.333
    """
    checks.instance("credit", credit, TraceCredit)
    p, t = checks.within("p", p, 0, 1), checks.array("t", t, least=0)
    return p**credit.gamma * (1 - np.power(credit.beta, t, dtype=float)) / (1 - credit.beta)


def floor(tau: float, credit: TraceCredit) -> float:
    r"""Return the raw probability below which nothing is committed, whatever happened before.

    .. math:: p_{\text{floor}} = \frac{\tau}{\tau + X(1-\tau)}, \qquad X = (1 + 1/(1-\beta))^\alpha

    Parameters
    ----------
    tau : float, between 0 and 1
    credit : TraceCredit

    Returns
    -------
    float

    Examples
    --------
    >>> round(floor(0.9, TraceCredit(0.65, 0.7, 0.2)), 3)
    0.776
    """
    _check(tau, credit)
    X = (1 + 1 / (1 - credit.beta)) ** credit.alpha
    return tau / (tau + X * (1 - tau))


def standing_floor(tau: float, credit: TraceCredit) -> float:
    """Return the least constant probability that is ever committed at threshold ``tau``.

    Parameters
    ----------
    tau : float, between 0 and 1
    credit : TraceCredit

    Returns
    -------
    float

    Examples
    --------
    >>> round(standing_floor(0.9, TraceCredit(0.65, 0.7, 0.2)), 3)
    0.781
    """
    return _committed_from(tau, credit, np.inf)


def first_look(tau: float, credit: TraceCredit) -> float:
    r"""Return the raw probability that is committed at the first look, τ₁ < τ.

    The look itself is credited before it is fused: :math:`C = p^\gamma`. In a block's first
    round, and without memory in every round, credit decoding at τ is threshold decoding at τ₁.

    Parameters
    ----------
    tau : float, between 0 and 1
    credit : TraceCredit

    Returns
    -------
    float

    Examples
    --------
    >>> [round(first_look(tau, TraceCredit()), 3) for tau in (0.7, 0.8, 0.9, 0.95)]
    [0.606, 0.722, 0.853, 0.924]
    """
    return _committed_from(tau, credit, 1)


def time_to_commit(p: float, tau: float, credit: TraceCredit) -> float:
    r"""Return the round in which a constant probability is committed; infinity for never.

    .. math:: t = \left\lceil \log_\beta \Bigl(1 - (1-\beta)\,
              \frac{X_{\min}^{1/\alpha} - 1}{p^\gamma} \Bigr) \right\rceil

    Parameters
    ----------
    p : float, between 0 and 1
    tau : float, between 0 and 1
    credit : TraceCredit

    Returns
    -------
    float
        A whole number, at least 1.

    Examples
    --------
    >>> shipped = TraceCredit(0.7, 0.8, 0.2)
    >>> [time_to_commit(p, 0.9, shipped) for p in (0.86, 0.8, 0.75, 0.72)]
    [1.0, 3.0, 8.0, inf]
    """
    if not 0 < checks.number("p", p) < 1:
        raise ValueError(f"p must lie between 0 and 1, got {p}")
    if p >= first_look(tau, credit):
        return 1.0
    if p < standing_floor(tau, credit):
        return np.inf
    needed = (gain_needed(p, tau) ** (1 / credit.alpha) - 1) / p**credit.gamma
    left = 1 - (1 - credit.beta) * needed
    return float(np.ceil(np.log(left) / np.log(credit.beta) - 1e-9)) if left > 0 else np.inf


def _committed_from(tau: float, credit: TraceCredit, t: float) -> float:
    """Return the p whose fused probability, after t equal rounds, is ``tau``: by bisection."""
    _check(tau, credit)
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        X = (1 + credit_after(t, middle, credit)) ** credit.alpha
        low, high = (low, middle) if boosted(middle, X) >= tau else (middle, high)
    return high


def _check(tau: float, credit: TraceCredit) -> None:
    checks.instance("credit", credit, TraceCredit)
    if not 0 < checks.number("tau", tau) < 1:
        raise ValueError(f"tau must lie between 0 and 1, got {tau}")
