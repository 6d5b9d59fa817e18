r"""The choice of the batch: a cost model with two constants, fitted to runs, and its optimum."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paralg.rounds.personalized_pagerank.graph import check_alpha
from paralg.rounds.personalized_pagerank.schedules import longest_walk, pipeline_rounds

__all__ = ["CostModel", "Run", "best_gamma", "fit_costs", "refill_rounds"]


class Run(NamedTuple):
    """One measured run.

    Parameters
    ----------
    rounds : int
        Rounds.
    joins : int
        Look-ups of all walks.
    seconds : float
        Time.
    """

    rounds: int
    joins: int
    seconds: float


@dataclass(frozen=True)
class CostModel:
    r"""Predicts the time of a pipelined run.

    .. math:: T(\gamma) = c_0 \Bigl(\Bigl\lceil\frac\omega\gamma\Bigr\rceil
              + \log_{\frac1{1-\alpha}} \frac{n\gamma}{\alpha}\Bigr) + c_1 \frac{n \omega}{\alpha}

    A plain hop tosses the coin and then looks up an arc, so a walk makes :math:`1/\alpha` joins for
    :math:`(1-\alpha)/\alpha` hops.

    Parameters
    ----------
    per_round : float, seconds
        :math:`c_0`, what a round costs however little it moves.
    per_join : float, seconds
        :math:`c_1`, what one walk's move costs.
    """

    per_round: float
    per_join: float

    def seconds(self, n: int, omega: int, gamma: int, alpha: float) -> float:
        """Return the predicted time of ``Pipelined(gamma)``."""
        rounds = pipeline_rounds(n, omega, gamma, alpha)
        return self.per_round * rounds + self.per_join * n * omega / alpha


def fit_costs(runs: Iterable[Run]) -> CostModel:
    """Fit both constants to measured runs by least squares on relative errors; none is negative.

    Parameters
    ----------
    runs : iterable of Run
        At least two, with different rounds per join.

    Returns
    -------
    CostModel

    Raises
    ------
    ValueError
        The runs do not tell the constants apart.

    Examples
    --------
    >>> fit_costs([Run(10, 1000, 0.12), Run(100, 1000, 0.3)])
    CostModel(per_round=0.002, per_join=0.0001)
    """
    from scipy.optimize import nnls

    table = np.array([tuple(run) for run in runs], dtype=np.float64).reshape(-1, 3)
    scaled = table[:, :2] / table[:, 2:]
    if np.linalg.matrix_rank(scaled) < 2:
        raise ValueError(f"expected runs that differ in rounds per join, got {len(table)} alike")
    sizes = scaled.max(axis=0)
    constants, _ = nnls(scaled / sizes, np.ones(len(table)))
    per_round, per_join = (float(f"{value:.12g}") for value in constants / sizes)
    return CostModel(per_round, per_join)


def best_gamma(cap: int, n: int, omega: int, alpha: float) -> int:
    r"""Return the batch that is fastest under a cap of live walks.

    :math:`T(\gamma)` never rises, because starting walks earlier ends none later, and the live
    walks :math:`n\gamma/\alpha` must fit under the cap :math:`M`, so

    .. math:: \gamma^* = \min\Bigl(\omega, \Bigl\lfloor \frac{\alpha M}{n} \Bigr\rfloor\Bigr).

    Parameters
    ----------
    cap : int
        Bound :math:`M` on live walks.
    n, omega : int
        Sources, and walks for each.
    alpha : float
        Stopping probability.

    Returns
    -------
    int
        Between 1 and ``omega``.

    Raises
    ------
    ValueError
        Not even one walk of every source fits: ``alpha * cap < n``.

    Examples
    --------
    >>> best_gamma(65_536, 2_000, 1_000, 0.2)
    6
    """
    gamma = math.floor(check_alpha(alpha) * cap / n) if n else omega
    if gamma < 1:
        raise ValueError(
            f"a cap of {cap} walks is too small for pipelines over {n} sources: "
            f"expected at least {math.ceil(n / alpha)}; refill source by source instead"
        )
    return min(omega, gamma)


def refill_rounds(n: int, omega: int, cap: int, alpha: float) -> float:
    r"""Predict the rounds of adaptive refill.

    .. math:: \frac{n\omega - M}{\alpha M} + \text{longest}(M)
              \;\approx\; \frac{n\omega}{\alpha M} + \log_{\frac1{1-\alpha}} M

    In the steady state :math:`\alpha M` walks stop in each round and as many start; when the last
    has started, the :math:`M` live ones die out.

    Parameters
    ----------
    n, omega : int
        Sources, and walks for each.
    cap : int
        Bound :math:`M` on live walks.
    alpha : float
        Stopping probability.

    Returns
    -------
    float

    Examples
    --------
    >>> round(refill_rounds(77, 1000, 10_000, 0.2), 1)
    77.9
    """
    walks = n * omega
    if walks <= cap:
        return longest_walk(walks, alpha)
    return (walks - cap) / (alpha * cap) + longest_walk(cap, alpha)
