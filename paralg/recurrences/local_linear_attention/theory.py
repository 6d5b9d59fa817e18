"""Bias, variance and convergence: the chapter's theorems as numbers that can be checked.

Smoothers are ``kind`` "constant", Nadaraya and Watson's mean, or "line", of bandwidth ``h`` > 0:
weights are :math:`e^{-(x - x_0)^2 / 2 h^2}`. For keys on a sphere softmax weights are these, with
:math:`h^2 = 1/\\text{scale}`: the factor :math:`e^{-\\text{scale}(\\|q\\|^2 + \\|k\\|^2)/2}` is the
same for all keys of a query.
"""

from collections.abc import Callable
from math import ceil, log2
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.cost import Cost

__all__ = [
    "KINDS", "Risk", "cg_bound", "condition", "edge_bias", "forward_cost", "pairs", "risk",
    "slope", "smooth", "traffic", "work",
]  # fmt: skip

KINDS = ("constant", "line")


def smooth(x: ArrayLike, at: ArrayLike, h: float, kind: str = "line") -> NDArray:
    """Return the shares with which a smoother mixes the values, (m, n); each row adds up to 1.

    Values are known at ``x`` (n,) and estimated ``at`` (m,) points. ValueError for another ``kind``
    or a bandwidth ``h`` that is not positive.

    >>> smooth([0.0, 1.0], [0.5], 1.0)
    array([[0.5, 0.5]])
    """
    checks.one_of("kind", kind, KINDS)
    x, at = checks.floats(x=(x, "n"), at=(at, "m"))
    if (places := len(np.unique(x))) < KINDS.index(kind) + 1:
        raise ValueError(f"a {kind} needs {KINDS.index(kind) + 1} places in x, got {places}")
    z = (x - at[:, None]) / checks.number("h", h, above=0)
    w = np.exp(-0.5 * (z * z - (z * z).min(1, keepdims=True)))  # the nearest value counts 1
    if kind == "line":
        first, second = (w * z).sum(1, keepdims=True), (w * z * z).sum(1, keepdims=True)
        w = w * (second - first * z)
    return w / w.sum(1, keepdims=True)


def edge_bias(
    f: Callable[[NDArray], NDArray], h: ArrayLike, at: float, kind: str, *, n: int = 20_001
) -> NDArray:
    """Return the absolute bias for each bandwidth, (m,), at a point of [0, 1] among n, no noise."""
    x = np.linspace(0, 1, n)
    values, exact = f(x), f(np.array([at]))
    estimates = [smooth(x, [at], b, kind) @ values for b in np.ravel(h)]
    return np.abs(np.concatenate(estimates) - exact)


class Risk(NamedTuple):
    """Mean squared error over [0, 1], split."""

    bias2: float
    variance: float
    total = property(sum, doc="Their sum.")


def risk(
    f: Callable[[NDArray], NDArray], n: int, h: float, kind: str, *, noise: float = 0.5,
    grid: int = 801,
) -> Risk:  # fmt: skip
    """Return bias and variance of a smoother, exactly, on n equidistant points of [0, 1].

    A smoother of a ``kind`` with bandwidth ``h``, estimating ``f`` from ``n`` values with
    independent errors of standard deviation ``noise``; the mean is taken over a ``grid`` of points.

    >>> risk(np.ones_like, 10, 0.1, "line", noise=0.0).total < 1e-20
    True
    """
    n, grid = checks.integer("n", n, 1), checks.integer("grid", grid, 1)
    noise = checks.number("noise", noise, 0)
    x, at = (np.arange(n) + 0.5) / n, (np.arange(grid) + 0.5) / grid
    shares = smooth(x, at, h, kind)
    checks.instance("f", f, Callable)
    bias2 = float(np.mean((shares @ f(x) - f(at)) ** 2))
    return Risk(bias2, noise**2 * float(np.mean((shares**2).sum(1))))


def slope(x: ArrayLike, y: ArrayLike) -> float:
    """Return the slope of a line through points on two logarithmic axes."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def condition(w: ArrayLike, z: ArrayLike, ridge: float) -> float:
    r"""Return the condition number of :math:`\Sigma = \sum_j w_j z_j z_j^\top + \lambda I`."""
    w, z = checks.floats(w=(w, "m"), z=(z, "m d"))
    values = np.linalg.eigvalsh((w[:, None] * z).T @ z) + ridge
    return float(values[-1] / values[0])


def cg_bound(kappa: ArrayLike, steps: ArrayLike) -> NDArray:
    r"""Return the bound on the error of conjugate gradients in the norm of the matrix.

    .. math:: \frac{\|x_t - x\|_\Sigma}{\|x_0 - x\|_\Sigma}
              \le 2 \left(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\right)^t

    ``kappa`` is a condition number, at least 1, and ``steps`` is t; arrays are broadcast.

    >>> cg_bound(9.0, [0, 1, 2])
    array([2. , 1. , 0.5])
    """
    root = np.sqrt(checks.array("kappa", kappa).astype(float))
    if not (root >= 1).all():
        raise ValueError(f"kappa must be at least 1, got {kappa}")
    return 2 * ((root - 1) / (root + 1)) ** checks.array("steps", steps)


def pairs(n: int, m: int, causal: bool = True) -> int:
    """Return how many pairs of a query and a key that it sees there are."""
    return n * m - n * (n - 1) // 2 if causal else n * m


def work(method: str, seen: int, n: int, d: int, d_v: int, iterations: int = 0) -> int:
    """Return the multiply-adds of a forward pass; the naive one computes with unseen pairs, too."""
    if method == "softmax":
        return seen * (d + d_v)
    common = seen * (3 * d + d_v)
    if method == "cg":
        return common + 2 * d * iterations
    return common + seen * d * d + n * (d**3 // (3 if method == "naive" else 6) + d * d)


def traffic(seen: int, d: int, d_v: int, block: int, passes: int, *, stored: bool = False) -> float:
    """Return how many numbers move between slow memory and one that holds a block of queries."""
    return seen * (passes * d + d_v) / block + (passes * seen if stored else 0)


def forward_cost(run, m: int, causal: bool, method: str) -> Cost:
    """Return the cost of a forward pass from what it counted."""
    B, n, d = run.rho.shape
    seen = B * pairs(n, m, causal)
    visible = [i + 1 + m - n if causal else m for i in range(n)]
    taken = int((run.iterations.sum(0) * run.iterations.new_tensor(visible)).sum())
    span = run.passes * (ceil(log2(max(m, 1))) + ceil(log2(max(d, 1))))
    amount = work(method, seen, B * n, d, run.out.shape[-1], taken)
    return Cost(work=amount, span=span, rounds=run.rounds)
