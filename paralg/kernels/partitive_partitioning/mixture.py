r"""Step 2: how likely the points are under one Gaussian and under two, by expectation maximisation.

.. math:: p(x) = \sum_k \pi_k \, \mathcal N(x; \mu_k, \Sigma_k), \qquad
          \mathrm{BIC} = -2 \log L + q \ln n

with q free parameters; of the covariances all (``full``), the axes (``diag``), one for all
(``tied``) or one number each (``spherical``).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.kernels.partitive_partitioning.fast.checks import check_points
from paralg.kernels.partitive_partitioning.fast.results import GaussianMix
from paralg.kernels.partitive_partitioning.theory import COVARIANCES, free_parameters

__all__ = ["em", "fit"]


def m_step(points, resp, cov, ridge):
    """Return shares, means and covariances that maximise the expected log-likelihood."""
    count = resp.sum(axis=0)
    means = np.einsum("nk,nd->kd", resp, points) / count[:, None]
    second = np.stack([np.einsum("n,ni,nj->ij", resp[:, k], points - mean, points - mean)
                       for k, mean in enumerate(means)])  # fmt: skip
    return count / len(points), means, shaped(second, count, cov, ridge)


def shaped(second: NDArray, count: NDArray, cov: str, ridge: float) -> NDArray:
    """Return covariances (k, d, d) of the kind from central second moments (k, d, d)."""
    d = second.shape[-1]
    found = second / count[:, None, None]
    if cov == "tied":
        found = np.broadcast_to(second.sum(axis=0) / count.sum(), second.shape)
    elif cov == "diag":
        found = found * np.eye(d)
    elif cov == "spherical":
        found = np.trace(found, axis1=1, axis2=2)[:, None, None] / d * np.eye(d)
    return found + ridge * np.eye(d)


def whitening(covariances: NDArray) -> tuple[NDArray, NDArray]:
    """Return inverse Cholesky factors (k, d, d) and half log-determinants (k,)."""
    lower = np.linalg.cholesky(covariances)
    half = np.log(np.diagonal(lower, axis1=1, axis2=2)).sum(axis=1)
    return np.linalg.solve(lower, np.broadcast_to(np.eye(lower.shape[-1]), lower.shape)), half


def e_step(points, shares, means, covariances):
    """Return log-densities (n,) and posterior shares (n, k) of the components."""
    inverse, half = whitening(covariances)
    n, d = points.shape
    joint = np.empty((n, len(shares)))
    for k in range(len(shares)):
        white = np.einsum("nj,ij->ni", points - means[k], inverse[k])
        constant = np.log(shares[k]) - half[k] - d / 2 * np.log(2 * np.pi)
        joint[:, k] = constant - (white**2).sum(axis=1) / 2
    top = joint.max(axis=1)
    total = (resp := np.exp(joint - top[:, None])).sum(axis=1)
    return top + np.log(total), resp / total[:, None]


def em(points, resp, cov="full", *, tol=1e-6, most=200, ridge=1e-3) -> GaussianMix:
    """Fit a mixture by EM, starting with an M step from posterior shares ``resp`` (n, k).

    It ends when a step gains less than ``tol`` a point, or after ``most`` steps.
    """
    n, history, previous = len(points), [], -np.inf
    for steps in range(most + 1):  # noqa: B007
        shares, means, covariances = m_step(points, resp, cov, ridge)
        logs, resp = e_step(points, shares, means, covariances)
        loglik = float(logs.sum())
        history.append(loglik)
        if loglik - previous < tol * n or resp.sum(axis=0).min() < 1e-6:
            break
        previous = loglik
    bic = -2 * loglik + free_parameters(len(shares), points.shape[1], cov) * np.log(n)
    return GaussianMix(shares, means, covariances, loglik, resp, float(bic), steps, tuple(history))


def fit(
    points: ArrayLike, labels: ArrayLike | None = None, cov: str = "full", *,
    tol: float = 1e-6, most: int = 200, ridge: float = 1e-3,
) -> GaussianMix:  # fmt: skip
    r"""Fit a Gaussian to each label, and let EM improve the mixture of them.

    Parameters
    ----------
    points : array_like, shape (n, d), finite
    labels : array_like of int, shape (n,), 0 … k - 1, each used; one Gaussian without them
    cov : {"full", "diag", "tied", "spherical"}, what is free in the covariances
    tol, most : float, int, gain of log-likelihood a point below which EM ends; most steps
    ridge : float, variance added to every covariance

    Returns
    -------
    GaussianMix; a step costs O(n k d^2), and one reduction of k (1 + d + d^2) sums

    Examples
    --------
    >>> round(fit([[0.0], [1.0], [2.0]], ridge=0).loglik, 4)
    -3.6486
    """
    points = check_points(points)
    checks.one_of("cov", cov, COVARIANCES)
    checks.integer("most", most)
    tol, ridge = checks.number("tol", tol, 0), checks.number("ridge", ridge, 0)
    labels = np.zeros(len(points), int) if labels is None else checks.array("labels", labels, "i")
    checks.sizes(points=(points, "n d"), labels=(labels, "n"))
    if labels.min() < 0 or not np.bincount(labels, minlength=1).all():
        raise ValueError(f"labels must use each of 0 … k - 1, got {np.unique(labels).tolist()}")
    resp, most = np.eye(labels.max() + 1)[labels], most * bool(labels.any())
    return em(points, resp, cov, tol=tol, most=most, ridge=ridge)
