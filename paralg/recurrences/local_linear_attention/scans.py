"""The parts of local linear attention that are scans, written for the core's primitives.

For one query, its moments over a growing set of keys are an associative sum with a running maximum.
For Mesa, whose weights do not depend on the query, the statistics of all prefixes are one scan.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core.cost import Cost
from paralg.core.primitives import ADD, Operator, scan

__all__ = ["MOMENTS", "mesa_by_scan", "mesa_recursive", "prefix_lines"]


def _merge(left, right):
    """Bring both sides to the larger maximum, then add."""
    top = np.maximum(left[0], right[0])
    sides = [(np.exp(side[0] - top), side[1:]) for side in (left, right)]
    parts = [[_scale(factor, x) for x in rest] for factor, rest in sides]
    return top, *(a + b for a, b in zip(*parts, strict=True))


def _scale(factor: NDArray, x: NDArray) -> NDArray:
    return factor.reshape(factor.shape + (1,) * (x.ndim - 1)) * x


MOMENTS = Operator(_merge, (-1e300, 0.0, 0.0, 0.0, 0.0, 0.0), "moments")
"""Merge (m, ω, Σ w z, Σ w z zᵀ, Σ w v, Σ w z vᵀ) of two sets of keys: online softmax, extended."""


def prefix_lines(
    q: ArrayLike, k: ArrayLike, v: ArrayLike, ridge: float, *, scale: float | None = None,
    method: str = "brent-kung",
) -> tuple[NDArray, Cost]:  # fmt: skip
    r"""Return what *one* query reads after each key, all prefixes by one scan of their moments.

    Parameters
    ----------
    q : array_like, shape (d,)
    k : array_like, shape (m, d)
    v : array_like, shape (m, d_v)
    ridge : float
        λ, compared with exp(s - m).
    scale : float, optional
        1/√d by default.
    method : str
        Of `paralg.core.primitives.scan`.

    Returns
    -------
    ndarray, shape (m, d_v), and Cost
        Combines of the scan; each moves d² + d d_v + d + d_v + 2 numbers.

    Examples
    --------
    >>> prefix_lines([0.0], [[1.0], [-1.0]], [[5.0], [7.0]], 1.0)[0].ravel()
    array([5., 6.])
    """
    q, k, v = (np.asarray(x, dtype=float) for x in (q, k, v))
    z, ones = k - q, np.ones(len(k))
    logits = (len(q) ** -0.5 if scale is None else scale) * k @ q
    leaves = (logits, ones, z, z[:, :, None] * z[:, None], v, z[:, :, None] * v[:, None])
    run = scan(MOMENTS, leaves, method=method)
    _, omega, mu, sigma, first, mixed = run.values
    rho = np.linalg.solve(sigma + ridge * np.eye(len(q)), mu[..., None])
    delta = omega - (mu * rho[..., 0]).sum(-1)
    return (first - (mixed.swapaxes(1, 2) @ rho)[..., 0]) / delta[:, None], run.cost


def mesa_by_scan(
    q: ArrayLike, k: ArrayLike, v: ArrayLike, ridge: float, *, method: str = "brent-kung"
) -> tuple[NDArray, Cost]:
    r"""Return Mesa's output: the ridge regression of each prefix, read at its query.

    .. math:: o_i = \Big(\sum_{j \le i} v_j k_j^\top\Big)
              \Big(\sum_{j \le i} k_j k_j^\top + \lambda I\Big)^{-1} q_i

    Parameters
    ----------
    q, k : array_like, shape (n, d)
    v : array_like, shape (n, d_v)
    ridge : float
    method : str
        Of `paralg.core.primitives.scan`.

    Returns
    -------
    ndarray, shape (n, d_v), and Cost
        Of the scan of n pairs of matrices; the n solves are independent.

    References
    ----------
    [vonoswald-2025-mesanet], recalled.

    Examples
    --------
    >>> one = np.ones((2, 1))
    >>> mesa_by_scan(one, one, 4 * one, 1.0)[0].ravel()
    array([2.        , 2.66666667])
    """
    q, k, v = (np.asarray(x, dtype=float) for x in (q, k, v))
    run = scan(ADD, k[:, :, None] * k[:, None], method=method)
    mixed = scan(ADD, k[:, :, None] * v[:, None], method=method)
    x = np.linalg.solve(run.values + ridge * np.eye(k.shape[1]), q[..., None])
    return (mixed.values.swapaxes(1, 2) @ x)[..., 0], run.cost | mixed.cost


def mesa_recursive(q: ArrayLike, k: ArrayLike, v: ArrayLike, ridge: float) -> tuple[NDArray, Cost]:
    r"""Return the same, token by token: the inverse is updated by Sherman and Morrison's formula.

    .. math:: P \leftarrow P - \frac{P k k^\top P}{1 + k^\top P k}, \qquad
              \hat W \leftarrow \hat W + (v - \hat W k) \frac{(P_{\text{old}} k)^\top}{1 + k^\top P_{\text{old}} k}

    Parameters
    ----------
    q, k : array_like, shape (n, d)
    v : array_like, shape (n, d_v)
    ridge : float

    Returns
    -------
    ndarray, shape (n, d_v), and Cost
        n updates of d² numbers, each waiting for the one before.

    References
    ----------
    [sherman-1950-adjustment].
    """  # noqa: E501
    q, k, v = (np.asarray(x, dtype=float) for x in (q, k, v))
    inverse, slopes = np.eye(k.shape[1]) / ridge, np.zeros((v.shape[1], k.shape[1]))
    rows = np.empty_like(v)
    for i in range(len(k)):
        gain = inverse @ k[i] / (1 + k[i] @ inverse @ k[i])
        slopes += np.outer(v[i] - slopes @ k[i], gain)
        inverse -= np.outer(gain, k[i] @ inverse)
        rows[i] = slopes @ q[i]
    return rows, Cost(work=len(k), span=len(k))
