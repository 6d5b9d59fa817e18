r"""Estimates of log Z from candidates, and the exact distribution of the one that is kept of k.

[xu-2025-energy]; what is exact here is ours.  ``mu`` and ``w``, both of shape (n,), are the
probabilities μ(y) of all n possible candidates and their importance weights :math:`e^{-E(y)}`; the
target is q ∝ μ w.

With :math:`\varphi(s) = \sum_y \mu(y) e^{-w(y) s}` everything about k candidates is an integral
over s, because :math:`1/a = \int e^{-as} ds` and :math:`\log a = \int (e^{-s} - e^{-as})/s\, ds`.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from paralg.core import checks
from paralg.decoding.energy_diffusion.energies import Energy
from paralg.decoding.randomness import Random, softmax
from paralg.models.protocol import Model, tokens_of

__all__ = ["PartitionBounds", "bias", "effective_samples", "log_partition", "reported_nats",
           "resampled", "sandwich"]  # fmt: skip

_GRID = 0.1  # step of log s; the error is about exp(-π² / step)


# ---- estimates from candidates


def effective_samples(weights: np.ndarray) -> np.ndarray:
    r"""Return :math:`1/\sum_j w_j^2` of normalised weights: k if all are equal, 1 if one has all.

    ``weights`` have the shape (..., k).

    >>> float(effective_samples(np.array([0.5, 0.5, 0.0])))
    2.0
    """
    weights = checks.probabilities("weights", weights)
    return 1 / (weights**2).sum(axis=-1)


@dataclass(frozen=True)
class PartitionBounds:
    """Estimates of log Z from n energies: from below, from above, and the released code's, -E_1.

    Their means are bounds; of one draw the upper one may lie below the lower one.
    """

    lower: float
    upper: float
    released: float


def _log_mean(log_w: np.ndarray) -> float:
    """Return log of the mean of exp(log_w)."""
    top = log_w.max()
    return float(top + np.log(np.exp(log_w - top).mean())) if np.isfinite(top) else float(top)


def log_partition(energies: np.ndarray) -> PartitionBounds:
    r"""Estimate :math:`\log Z = \log \mathbf{E}_\mu e^{-E}` from the energies of n candidates.

    Lower: :math:`T_n = \log \frac1n \sum_j e^{-E_j}`, whose mean is at most log Z (Jensen).
    Upper: :math:`(2n-1) T_n - 2(n-1) T_{n-1}`, which turns a gap c/n into -c/n; its mean is above
    log Z for n large enough.

    Parameters
    ----------
    energies : ndarray, shape (n,)
        n is at least 2; the mean of :math:`T_{n-1}` is taken over all ways to leave one out.

    References
    ----------
    [xu-2025-energy], Theorem 1; the leave-one-out estimate is not in its code

    Examples
    --------
    >>> found = log_partition(np.array([0.0, 0.0, 0.0]))
    >>> found.lower, found.upper
    (0.0, 0.0)
    """
    [energies] = checks.floats(energies=(energies, "n"))
    n = len(energies)
    if n < 2:
        raise ValueError(f"energies must be at least 2, got {n}")
    lower = _log_mean(-energies)
    fewer = np.mean([_log_mean(-np.delete(energies, j)) for j in range(n)])
    upper = (2 * n - 1) * lower - 2 * (n - 1) * fewer
    return PartitionBounds(lower, float(upper), float(-energies[0]))


def reported_nats(
    model: Model, y, masked, energy: Energy, *, rng: Random, n: int = 8
) -> PartitionBounds:
    r"""Return :math:`-\log \mu(y|x) + E(y, x) + \log Z(x)` with log Z estimated.

    Parameters
    ----------
    model : Model
        Answers ``denoise``.
    y, masked : ndarray, shape (L,)
        The sequence, without masks, and which positions x masks.
    energy, rng, n
        An Energy, a Random that draws the candidates, and their number, at least 2.

    Returns
    -------
    PartitionBounds
        Nats, with each of the three estimates of log Z. The paper's integrand is this times 1/t.

    References
    ----------
    [xu-2025-energy]; ``released`` is its validation's :math:`E^+ - E^-`, optimistic in the mean.

    Examples
    --------
    >>> from paralg.decoding import RandomDraws, TabularJoint
    >>> from paralg.decoding.energy_diffusion import CarryOver
    >>> coin = TabularJoint(np.full((2, 2), 0.25))
    >>> mask, rng = np.array([False, True]), RandomDraws(0)
    >>> round(reported_nats(coin, [1, 1], mask, CarryOver(coin), rng=rng).lower, 4)
    0.6931
    """
    y = tokens_of(np.asarray(y)[None], model.V, model.L)[0]
    masked = checks.mask("masked", masked, (model.L,))
    x, wanted = np.where(masked, model.V, y), np.flatnonzero(masked)
    p = softmax(model.denoise(x[None]))[0]
    rows = np.tile(y, (checks.integer("n", n, 2) + 1, 1))
    for row in rows[1:]:
        row[wanted] = [rng.categorical(p[i]) for i in wanted]
    log_mu = np.log(p[wanted, rows[:, wanted]]).sum(axis=1)
    energies = energy(x, rows, log_mu)
    z, base = log_partition(energies[1:]), float(energies[0] - log_mu[0])
    return PartitionBounds(base + z.lower, base + z.upper, base + z.released)


# ---- n possible candidates


def resampled(mu: np.ndarray, w: np.ndarray, k: int) -> np.ndarray:
    r"""Return the exact distribution of the candidate that is kept of k, shape (n,).

    .. math:: P_k(y) = k\, \mu(y)\, w(y) \int_0^\infty e^{-w(y) s} \varphi(s)^{k-1} ds

    It is μ at k = 1 and tends to q; `bias` says how fast.

    Parameters
    ----------
    mu, w : ndarray, shape (n,)
    k : int

    Returns
    -------
    ndarray, shape (n,)
        Right to about 1e-13. Where all k weights are zero, one of the k is kept at random.

    Cost
    ----
    O(n log(max w / min w)), whatever k is; going through all draws takes O(n^k).

    Examples
    --------
    >>> mu, w = np.array([0.5, 0.5]), np.array([1.0, 3.0])
    >>> resampled(mu, w, 1).round(12), resampled(mu, w, 2).round(12)
    (array([0.5, 0.5]), array([0.375, 0.625]))
    """
    mu, w = _possible(mu, w)
    k, impossible = checks.integer("k", k, 1), float(mu[w == 0].sum())
    found = mu * impossible ** (k - 1)
    s, phi, rest = _laplace(mu, w)
    found[w > 0] = k * mu[w > 0] * w[w > 0] * (_GRID * rest @ (s * phi ** (k - 1)))
    return found / found.sum()


def bias(mu: np.ndarray, w: np.ndarray) -> float:
    r"""Return b in :math:`\mathrm{TV}(P_k, q) = b/k + O(1/k^2)`, half the mean deviation of w.

    .. math:: b = \tfrac12 \mathbf{E}_q |w - \mathbf{E}_q w|, \qquad \mathbf{E}_\mu w = 1

    ``mu`` and ``w`` have the shape (n,); w is scaled to mean 1.

    >>> round(bias(np.array([0.5, 0.5]), np.array([1.0, 3.0])), 12)
    0.1875
    """
    mu, w = _possible(mu, w)
    w = w / (mu @ w)
    q = mu * w
    return float(q @ np.abs(w - q @ w)) / 2


def sandwich(mu: np.ndarray, w: np.ndarray, n: int) -> tuple[float, float]:
    r"""Return :math:`\mathbf{E}\, T_n` and the upper value made of it and of n - 1, exactly.

    ``mu`` and ``w``, all positive, have the shape (n,); of ``n`` = 1 candidate there is no upper
    value, and it is infinite.

    >>> lower, upper = sandwich(np.array([0.5, 0.5]), np.array([1.0, 3.0]), 4)
    >>> bool(lower < np.log(2) < upper)
    True
    """
    mu, w = _possible(mu, w)
    n = checks.integer("n", n, 1)
    if not w.all():
        raise ValueError(f"w must be above 0, got {w.min()}")
    s, phi, _ = _laplace(mu, w)

    def mean_log(n):
        return _GRID * float((np.exp(-s * w.max()) - phi**n).sum()) + log(w.max() / n)

    lower = mean_log(n)
    return lower, (2 * n - 1) * lower - 2 * (n - 1) * mean_log(n - 1) if n > 1 else np.inf


def _possible(mu, w) -> tuple[np.ndarray, np.ndarray]:
    """Check probabilities and weights of the same candidates."""
    mu, w = checks.probabilities("mu", mu), checks.probabilities("w", w, None)
    checks.sizes(mu=(mu, "n"), w=(w, "n"))
    if not mu @ w > 0:
        raise ValueError(f"expected a candidate that is possible, got weights {w}")
    return mu, w


def _laplace(mu, w) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return s on an even grid of log s, φ(s), and exp(-w s) of the positive weights."""
    positive = w[w > 0]
    log_s = np.arange(-38 - log(positive.max()), 5 - log(positive.min()), _GRID)
    s = np.exp(log_s)
    rest = np.exp(-positive[:, None] * s)
    return s, mu[w > 0] @ rest + mu[w == 0].sum(), rest
