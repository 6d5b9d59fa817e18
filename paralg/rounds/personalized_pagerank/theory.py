r"""Counts, closed forms and bounds: how many walks are enough, how many rounds they take.

=======================  ================================================================
operand                  meaning
=======================  ================================================================
``n`` or ``sources``     int, sources :math:`n` from which walks start
``omega``                int, walks :math:`\omega` of each source
``alpha``                float, probability :math:`\alpha` to stop before each hop
``gamma``                int, walks :math:`\gamma` of each source in one pipeline
``cap``                  int, bound :math:`M` on the walks alive at once
``epsilon``, ``delta``   float, relative error; smallest value that matters; both in (0, 1)
=======================  ================================================================
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.rounds.personalized_pagerank.fast.checks import check_alpha

__all__ = [
    "CostModel", "TimedRun", "best_gamma", "expected_l1", "failure_bound", "fit_costs",
    "least_l1", "longest_walk", "pipeline_load", "pipeline_rounds", "refill_rounds",
    "sweeps_needed", "tree_depth", "walks_needed",
]  # fmt: skip


def walks_needed(epsilon: float, delta: float, p_fail: float, pairs: int = 1) -> int:
    r"""Return the walks per source for a relative error ``epsilon`` on all values that matter.

    .. math:: \omega \ge \Bigl(2 + \frac{2\varepsilon}{3}\Bigr)
              \frac{\ln (2 \cdot \text{pairs} / p_f)}{\varepsilon^2 \delta}

    walks estimate every :math:`\pi(u, v) \ge \delta` among ``pairs`` (1 for a single value,
    :math:`n^2` for all) within :math:`\varepsilon\,\pi(u, v)`, all at once, but for a probability
    of ``p_fail`` in (0, 1) [fogaras-2005-towards; Bernstein]. ValueError out of range.

    Examples
    --------
    >>> walks_needed(0.5, 0.01, 0.01)
    4946
    """
    _check(epsilon=epsilon, delta=delta, p_fail=p_fail)
    log = math.log(2.0 * checks.integer("pairs", pairs, 1) / p_fail)
    return math.ceil((2.0 + 2.0 * epsilon / 3.0) * log / (epsilon**2 * delta))


def failure_bound(omega: ArrayLike, epsilon: float, pi: ArrayLike) -> NDArray[np.float64]:
    r"""Bound the chance to miss by more than ``epsilon * pi``; ``omega`` and ``pi`` broadcast.

    .. math:: \Pr\bigl[|\hat\pi - \pi| > \varepsilon \pi\bigr]
              \le 2 \exp\Bigl(-\frac{\omega \varepsilon^2 \pi}{2 (1 - \pi) + 2\varepsilon/3}\Bigr)

    Examples
    --------
    >>> float(failure_bound(4946, 0.5, 0.01)) <= 0.01
    True
    """
    _check(epsilon=epsilon)
    omega, pi = checks.array("omega", omega, "i", least=0), checks.probabilities("pi", pi, None)
    exponent = omega * epsilon**2 * pi / (2.0 * (1.0 - pi) + 2.0 * epsilon / 3.0)
    return np.minimum(1.0, 2.0 * np.exp(-exponent))


def expected_l1(pi: ArrayLike, omega: int) -> NDArray[np.float64]:
    r"""Bound the expected L1 error of rows ``pi``, shape (..., n), estimated by ``omega`` walks.

    .. math:: \mathbb{E}\,\|\hat\pi_u - \pi_u\|_1
              \le \sum_v \min\Bigl(\sqrt{\pi(u,v)(1-\pi(u,v))/\omega},\; 2\pi(u,v)\Bigr)

    Where :math:`\omega\pi` is not small the root is to be multiplied by :math:`0.8`.

    Examples
    --------
    >>> float(expected_l1([0.5, 0.5], 100))
    0.1
    """
    checks.integers(1, omega=omega)
    checks.finite("pi", pi := checks.array("pi", pi).astype(float))
    pi = np.clip(pi, 0.0, 1.0)  # a solver may miss 0 by its rounding
    return np.minimum(np.sqrt(pi * (1.0 - pi) / omega), 2.0 * pi).sum(axis=-1)


def least_l1(omega: int) -> float:
    r"""Return an L1 error that ``omega`` walks do not beat on average, :math:`1/(2\sqrt\omega)`.

    Errors of a row sum to 0: twice that of :math:`\pi(u, u) = \alpha` is 0.64 of the root at 0.2.

    Examples
    --------
    >>> least_l1(10_000)
    0.005
    """
    return 0.5 / math.sqrt(checks.integer("omega", omega, 1))


def longest_walk(walks: float, alpha: float) -> float:
    r"""Return the moves of the longest of :math:`K` ``walks`` at ``alpha``, on average.

    .. math:: \frac{\ln K + \gamma_E}{-\ln(1-\alpha)} + \frac12

    About :math:`\log_{1/(1-\alpha)} K`; 0 without walks.

    Examples
    --------
    >>> round(longest_walk(77_000, 0.2), 1)
    53.5
    """
    if check_alpha(alpha) == 1.0 or checks.number("walks", walks) <= 0:
        return float(walks > 0)
    return max(1.0, (math.log(walks) + np.euler_gamma) / -math.log1p(-alpha) + 0.5)


def pipeline_rounds(sources: int, omega: int, gamma: int, alpha: float) -> float:
    r"""Predict the rounds of `Pipelined` from ``sources``, ``omega``, ``gamma`` and ``alpha``.

    .. math:: K - 1 + \text{longest}(\ell_K) \;\approx\;
              \lceil\omega/\gamma\rceil + \log_{\frac1{1-\alpha}} \frac{n\gamma}{\alpha}

    as the longest of the walks alive when the last of :math:`K` pipelines starts ends the run.

    Examples
    --------
    >>> round(pipeline_rounds(77, 1000, 100, 0.2), 1)
    58.9
    """
    checks.integers(0, sources=sources, omega=omega), checks.integers(1, gamma=gamma)
    pipelines = -(-omega // gamma)
    alive = pipeline_load(sources, omega, gamma, alpha, pipelines)[-1:].sum()
    return max(pipelines - 1, 0) + longest_walk(alive, alpha)


def pipeline_load(
    sources: int, omega: int, gamma: int, alpha: float, rounds: int
) -> NDArray[np.float64]:
    r"""Return the expected number of walks that move in each round of `Pipelined`.

    .. math:: \sum_{k \le r} n\gamma_k (1-\alpha)^{r-k} \;\le\; n\gamma/\alpha

    n is ``sources``; shape (``rounds``,); the last pipeline of the ``omega`` may be smaller.

    Examples
    --------
    >>> pipeline_load(8, 2, 1, 0.5, 4)
    array([ 8., 12.,  6.,  3.])
    """
    checks.integers(0, sources=sources, omega=omega, rounds=rounds)
    checks.integers(1, gamma=gamma), check_alpha(alpha)
    live, load = 0.0, np.empty(rounds)
    for r in range(rounds):
        live = live * (1.0 - alpha) + sources * max(0, min(gamma, omega - r * gamma))
        load[r] = live
    return load


class TimedRun(NamedTuple):
    """One measured run: its rounds, the look-ups (joins) of all walks, its seconds."""

    rounds: int
    joins: int
    seconds: float


@dataclass(frozen=True)
class CostModel:
    r"""Predicts the time of a pipelined run.

    .. math:: T(\gamma) = c_0 \Bigl(\Bigl\lceil\frac\omega\gamma\Bigr\rceil
              + \log_{\frac1{1-\alpha}} \frac{n\gamma}{\alpha}\Bigr) + c_1 \frac{n \omega}{\alpha}

    Parameters
    ----------
    per_round, per_join : float, seconds
        :math:`c_0`, what a round costs however little it moves; :math:`c_1`, one walk's move.
    """

    per_round: float
    per_join: float

    def __post_init__(self):
        checks.number("per_round", self.per_round, 0), checks.number("per_join", self.per_join, 0)

    def seconds(self, n: int, omega: int, gamma: int, alpha: float) -> float:
        """Return the predicted time of ``Pipelined(gamma)``."""
        joins = n * omega / check_alpha(alpha)
        return self.per_round * pipeline_rounds(n, omega, gamma, alpha) + self.per_join * joins


def fit_costs(runs: Iterable[TimedRun]) -> CostModel:
    """Fit both constants to ``runs`` by least squares on relative errors; none is negative.

    ValueError unless two of the measured runs differ in rounds per join.

    Examples
    --------
    >>> fit_costs([TimedRun(10, 1000, 0.12), TimedRun(100, 1000, 0.3)])
    CostModel(per_round=0.002, per_join=0.0001)
    """
    from scipy.optimize import nnls

    [table] = checks.floats(runs=(list(runs) if isinstance(runs, Iterable) else runs, "k 3"))
    if not (table > 0).all():
        raise ValueError(f"expected runs of some rounds, joins and seconds, got {table.tolist()}")
    scaled = table[:, :2] / table[:, 2:]
    if np.linalg.matrix_rank(scaled) < 2:
        raise ValueError(f"expected runs that differ in rounds per join, got {len(table)} alike")
    sizes = scaled.max(axis=0)
    constants, _ = nnls(scaled / sizes, np.ones(len(table)))
    return CostModel(*(float(f"{value:.12g}") for value in constants / sizes))


def best_gamma(cap: int, n: int, omega: int, alpha: float) -> int:
    r"""Return the batch, between 1 and ``omega``, that is fastest under ``cap`` live walks.

    :math:`\gamma^* = \min(\omega, \lfloor \alpha M / n \rfloor)`; ValueError when not even one walk
    of each of the ``n`` sources fits, ``alpha * cap < n``.

    Examples
    --------
    >>> best_gamma(65_536, 2_000, 1_000, 0.2)
    6
    """
    checks.integers(0, n=n), checks.integers(1, cap=cap, omega=omega)
    gamma = math.floor(check_alpha(alpha) * cap / n) if n else omega
    if gamma < 1:
        raise ValueError(
            f"a cap of {cap} walks is too small for pipelines over {n} sources: "
            f"expected at least {math.ceil(n / alpha)}; refill source by source instead"
        )
    return min(omega, gamma)


def refill_rounds(n: int, omega: int, cap: int, alpha: float) -> float:
    r"""Predict the rounds of `Refilled` from ``n``, ``omega``, ``cap`` and ``alpha``.

    .. math:: \frac{n\omega - M}{\alpha M} + \text{longest}(M)
              \;\approx\; \frac{n\omega}{\alpha M} + \log_{\frac1{1-\alpha}} M

    Examples
    --------
    >>> round(refill_rounds(77, 1000, 10_000, 0.2), 1)
    77.9
    """
    checks.integers(0, n=n, omega=omega), checks.integers(1, cap=cap), check_alpha(alpha)
    walks = n * omega
    if walks <= cap:
        return longest_walk(walks, alpha)
    return (walks - cap) / (alpha * cap) + longest_walk(cap, alpha)


def sweeps_needed(alpha: float, error: float) -> int:
    r"""Return the sweeps at ``alpha`` after which the L1 error is surely below ``error``.

    :math:`\lceil \log_{1/(1-\alpha)} (2/\text{error}) \rceil`, as two distributions differ by at
    most 2; ValueError unless the error is positive.

    Examples
    --------
    >>> sweeps_needed(0.2, 1e-6)
    66
    """
    checks.number("error", error, above=0)
    if check_alpha(alpha) == 1.0 or error >= 2.0:
        return 1
    return max(1, math.ceil(math.log(2.0 / error) / -math.log1p(-alpha)))


def tree_depth(degree: int, largest: int) -> int:
    r"""Return the levels of the alias tree of ``degree`` outcomes, the look-ups of a draw.

    :math:`\lceil \log_B d \rceil`, at least 1, where :math:`B \ge 2` is ``largest``, the bound on a
    record; ValueError if it is smaller.

    Examples
    --------
    >>> [tree_depth(d, 10) for d in (1, 10, 11, 100, 101)]
    [1, 1, 2, 2, 3]
    """
    checks.integer("largest", largest, 2)
    checks.integers(0, degree=degree)
    levels = 1
    while degree > largest:
        degree = -(-degree // largest)
        levels += 1
    return levels


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 < checks.number(name, value) < 1.0:
            raise ValueError(f"{name} must lie in (0, 1), got {value!r}")
