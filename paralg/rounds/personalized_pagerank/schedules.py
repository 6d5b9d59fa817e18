r"""When walks start: all at once, in overlapping pipelines, or as room becomes free.

All three start the same walks, and a walk's fate depends on nobody else, so the counts are the same
bits; what differs is how many rounds they take and how many walks are alive at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.graph import check_alpha

__all__ = ["AllAtOnce", "Pipelined", "Refilled", "longest_walk", "pipeline_load", "pipeline_rounds"]


@dataclass(frozen=True)
class AllAtOnce:
    r"""The naive schedule: every walk of every source starts in the first round.

    Rounds: the longest of :math:`n\omega` walks. Live walks: :math:`n\omega`, then ever fewer.
    """

    by_number = False

    def births(self, live: int, waiting: int, sources: int) -> int:
        """Return how many walks start, given those alive and those waiting."""
        return waiting


@dataclass(frozen=True)
class Pipelined:
    r"""The paper's rule: pipeline :math:`i + 1` starts when :math:`i` has finished its first step.

    Each pipeline is :math:`\gamma` walks of every source, so each round starts :math:`n\gamma`
    walks until none is left, and all live pipelines advance together.

    Parameters
    ----------
    gamma : int
        Walks of each source in one pipeline.

    References
    ----------
    [lin-2019-distributed].
    """

    gamma: int
    by_number = True

    def __post_init__(self):
        if self.gamma < 1:
            raise ValueError(f"gamma must be at least 1, got {self.gamma}")

    def births(self, live: int, waiting: int, sources: int) -> int:
        """Return how many walks start: the next pipeline, whatever is alive."""
        return min(waiting, self.gamma * sources)


@dataclass(frozen=True)
class Refilled:
    r"""Adaptive refill: each round starts as many walks as have stopped, source by source.

    The number of live walks stays at the cap until the last walk has started: no schedule that
    respects the cap takes fewer rounds in expectation.
    Walks start source by source, so few sources are open at once and their counters stay in cache.

    Parameters
    ----------
    cap : int
        Bound :math:`M` on the walks alive at once, over all partitions.
    """

    cap: int
    by_number = False

    def __post_init__(self):
        if self.cap < 1:
            raise ValueError(f"cap must be at least 1, got {self.cap}")

    def births(self, live: int, waiting: int, sources: int) -> int:
        """Return how many walks start: as many as fit under the cap."""
        return min(waiting, self.cap - live)


def longest_walk(walks: float, alpha: float) -> float:
    r"""Return the moves of the longest of so many walks, on average, with the coin tossed each
    move.

    .. math:: \frac{\ln K + \gamma_E}{-\ln(1-\alpha)} + \frac12 ,

    whose leading term :math:`\log_{1/(1-\alpha)} K` is the length that one walk in :math:`K`
    survives.

    Parameters
    ----------
    walks : float
        Walks :math:`K`.
    alpha : float
        Stopping probability.

    Returns
    -------
    float
        1 when every walk stops at once; 0 without walks.

    Examples
    --------
    >>> round(longest_walk(77_000, 0.2), 1)
    53.5
    """
    if check_alpha(alpha) == 1.0 or walks <= 0:
        return float(walks > 0)
    return max(1.0, (math.log(walks) + np.euler_gamma) / -math.log1p(-alpha) + 0.5)


def pipeline_rounds(sources: int, omega: int, gamma: int, alpha: float) -> float:
    r"""Predict the rounds of `Pipelined`.

    The last of :math:`K = \lceil\omega/\gamma\rceil` pipelines starts in round :math:`K`, when
    :math:`\ell = n\gamma\,(1 - (1-\alpha)^K)/\alpha` walks are alive; then the longest of these
    ends it:

    .. math:: K - 1 + \text{longest}(\ell) \;\approx\;
              \lceil\omega/\gamma\rceil + \log_{\frac1{1-\alpha}} \frac{n\gamma}{\alpha}

    Parameters
    ----------
    sources, omega, gamma : int
        Sources :math:`n`, walks for each, walks of each in a pipeline.
    alpha : float
        Stopping probability.

    Returns
    -------
    float

    Notes
    -----
    Counting only the walks of the last pipeline, :math:`\log n\gamma`, is too optimistic by the
    :math:`\log_{1/(1-\alpha)} 1/\alpha` rounds (7 at 0.2) that the stragglers of the others take.

    Examples
    --------
    >>> round(pipeline_rounds(77, 1000, 100, 0.2), 1)
    58.9
    """
    pipelines = math.ceil(omega / gamma)
    alive = pipeline_load(sources, omega, gamma, alpha, pipelines)[-1]
    return pipelines - 1 + longest_walk(alive, alpha)


def pipeline_load(
    sources: int, omega: int, gamma: int, alpha: float, rounds: int
) -> NDArray[np.float64]:
    r"""Return the expected number of walks that move in each round of `Pipelined`.

    .. math:: \sum_{k \le r} n\gamma_k (1-\alpha)^{r-k} \;\le\; n\gamma/\alpha

    Parameters
    ----------
    sources, omega, gamma : int
        As for `pipeline_rounds`; the last pipeline may be smaller.
    alpha : float
        Stopping probability.
    rounds : int
        Rounds to predict.

    Returns
    -------
    ndarray of float64, shape (rounds,)

    Examples
    --------
    >>> pipeline_load(8, 2, 1, 0.5, 4)
    array([ 8., 12.,  6.,  3.])
    """
    check_alpha(alpha)
    live, load = 0.0, np.empty(rounds)
    for r in range(rounds):
        live = live * (1.0 - alpha) + sources * max(0, min(gamma, omega - r * gamma))
        load[r] = live
    return load
