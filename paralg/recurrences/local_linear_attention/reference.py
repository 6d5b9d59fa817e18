"""One query after the other by least squares, in NumPy: the oracle, and the sequential answer.

The operands of this chapter; a leading ``...`` or ``B`` stands for batches and heads:

========== =========== ==========================================================================
operand    shape       meaning
========== =========== ==========================================================================
``q``      (n, d)      queries; (d,) where there is one
``k``      (m, d)      keys; under a causal mask query i sees keys 0 … i + m - n
``v``      (m, d_v)    values
``w``      (m,)        weights of one query, not negative
``z``      (m, d)      differences of keys and query, ``k - q``
``ridge``  number      λ, positive: λ/2 on the squared slopes; the intercept is not penalised
``scale``  number      logits are ``scale * q @ k.T``; 1/√d by default
``norm``   word        what λ is compared with: exp(s - m), with m the largest logit ("max"),
                       weights that add up to 1 ("softmax"), or exp(s) ("raw")
========== =========== ==========================================================================
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = [
    "Fit", "attend_by_lstsq", "closed_form", "local_constant", "local_line", "softmax_weights",
]  # fmt: skip


class Fit(NamedTuple):
    """A local line at a query."""

    value: NDArray
    slopes: NDArray
    shares: NDArray


def softmax_weights(q: ArrayLike, k: ArrayLike, scale: float, norm: str = "max") -> NDArray:
    """Return the weights of all keys for one query, shape (m,), in one of the three conventions.

    Operands ``q, k, scale, norm`` of this module; ``q`` of shape (d,).

    >>> softmax_weights([0.0], [[1.0], [2.0]], 1.0, "softmax")
    array([0.5, 0.5])
    """
    checks.one_of("norm", norm, ("max", "softmax", "raw"))
    q, k = checks.floats(q=(q, "d"), k=(k, "m d"))
    logits = checks.number("scale", scale) * k @ q
    w = np.exp(logits - (0.0 if norm == "raw" else logits.max(initial=-np.inf)))
    return w / w.sum() if norm == "softmax" else w


def local_constant(w: ArrayLike, v: ArrayLike) -> NDArray:
    """Return the mean of values v with weights w, (d_v,) or (): the answer of softmax attention."""
    [v] = checks.floats(v=(v, "m", "m d_v"))
    w, _, rows = _operands(w, np.zeros((np.size(w), 1)), v if v.ndim == 2 else v[:, None])
    return (w @ rows / w.sum()).reshape(v.shape[1:])


def local_line(w: ArrayLike, z: ArrayLike, v: ArrayLike, ridge: float) -> Fit:
    r"""Fit a weighted line with penalised slopes by least squares; with λ = 0 the smallest slopes.

    .. math:: \min_{b, W} \tfrac12 \sum_j w_j \| v_j - b - W z_j \|^2 + \tfrac\lambda2 \|W\|_F^2

    Parameters
    ----------
    w, z, v, ridge
        Operands of this module; work O((m + d) d²), by a QR-like factorisation.

    Returns
    -------
    Fit
        Value (d_v,), slopes (d, d_v), and the share (m,) of each key in the value.

    Raises
    ------
    ValueError
        Numbers of rows differ, no weight is positive, or something is not finite.

    Examples
    --------
    >>> local_line([1, 1], [[-1.0], [1.0]], [[2.0], [4.0]], 0.0).value
    array([3.])
    """
    w, z, v = _operands(w, z, v)
    m, d = z.shape
    share = w / w.sum()
    centred = z - share @ z  # the intercept is free: it takes the means
    centred[np.abs(centred) <= 64 * np.finfo(float).eps * np.abs(z).max(initial=0)] = 0.0
    root = np.sqrt(w)[:, None]
    design = np.vstack([root * centred, np.sqrt(checks.number("ridge", ridge, 0)) * np.eye(d)])
    target = np.vstack([root * (np.eye(m) - share), np.zeros((d, m))])
    slopes = np.linalg.lstsq(design, target, rcond=None)[0]  # linear in v: one column a value
    shares = share - (share @ z) @ slopes
    return Fit(shares @ v, slopes @ v, shares)


def _operands(w: ArrayLike, z: ArrayLike, v: ArrayLike) -> tuple[NDArray, ...]:
    """Check the operands of one query and return them as arrays of doubles."""
    w, z, v = checks.floats(w=(w, "m"), z=(z, "m d"), v=(v, "m d_v"))
    if not checks.probabilities("w", w, None).sum() > 0:
        raise ValueError(f"expected a positive weight, got {w}")
    return w, z, v


def closed_form(w: ArrayLike, z: ArrayLike, v: ArrayLike, ridge: float) -> Fit:
    r"""Return the same `Fit` from :math:`\omega, \mu, \Sigma, \rho, \delta`: slopes eliminated.

    Operands ``w, z, v, ridge`` as for `local_line`; the ridge is positive.
    """
    w, z, v = _operands(w, z, v)
    omega, mu = w.sum(), w @ z
    sigma = (w[:, None] * z).T @ z + checks.number("ridge", ridge, above=0) * np.eye(z.shape[1])
    rho = np.linalg.solve(sigma, mu)
    delta = omega - mu @ rho
    shares = w * (1 - z @ rho) / delta
    value = shares @ v
    slopes = np.linalg.solve(sigma, (w[:, None] * z).T @ (v - value))
    return Fit(value, slopes, shares)


def attend_by_lstsq(
    q: ArrayLike, k: ArrayLike, v: ArrayLike, ridge: float, *, scale: float | None = None,
    norm: str = "max", causal: bool = True,
) -> NDArray:  # fmt: skip
    """Attend with one least-squares problem for each query; shape (n, d_v).

    Operands ``q, k, v, ridge, scale, norm`` of this module; ``causal`` sets the mask.

    >>> attend_by_lstsq([[1.0], [0.0]], [[1.0], [2.0]], [[5.0], [7.0]], 1.0)[0]
    array([5.])
    """
    q, k, v = checks.floats(q=(q, "n d"), k=(k, "m d"), v=(v, "m d_v"))
    if len(q) > len(k) * (1 if causal else len(q)):
        raise ValueError(f"expected a key for every query, got {len(k)} for {len(q)}")
    scale = q.shape[1] ** -0.5 if scale is None else scale
    rows = []
    for i, query in enumerate(q):
        seen = slice(0, i + 1 + len(k) - len(q)) if causal else slice(None)
        w = softmax_weights(query, k[seen], scale, norm)
        rows.append(local_line(w, k[seen] - query, v[seen], ridge).value)
    return np.array(rows).reshape(len(q), v.shape[1])
