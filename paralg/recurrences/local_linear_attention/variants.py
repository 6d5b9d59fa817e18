r"""Other ways: dense matrices, other slopes; linear, gated and Mesa memories; scans of moments.

Operands of the memories: ``q``, ``k`` (B, n, d); ``v`` (B, n, d_v); ``rate`` (B, n, 1), step sizes
:math:`\beta`; ``keep`` (B, n, 1) or (B, n, d), in (0, 1], what is left of the slopes of each
coordinate of the keys, the diagonal of :math:`D`; ``ridge`` (B, n, 1). Each returns (B, n, d_v).
The rules are recalled, not verified against their papers. Mesa is FlashLLA with all weights 1 and
nothing subtracted from the keys. Scans take one sequence, without B.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from paralg.core.cost import Cost
from paralg.core.primitives import ADD, Operator, scan
from paralg.recurrences.local_linear_attention.conjugate import CGOptions
from paralg.recurrences.local_linear_attention.fast.flash import LLAOptions, QueryBlock

__all__ = [
    "MOMENTS", "SLOPES", "attend", "by_loop", "delta_rule", "gated_sum", "interpolate", "mesa",
    "mesa_by_scan", "mesa_recursive", "prefix_lines", "states",
]  # fmt: skip


def attend(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, how) -> tuple[Tensor, Tensor]:
    r"""Return output and sums of weights, with :math:`z_{ij}` and :math:`\Sigma_i` in memory."""
    logits = _logits(q, k, how.qk_scale) if how.causal else how.qk_scale * q @ k.mT
    top = logits.amax(-1, keepdim=True)
    w = torch.exp(logits - top)
    omega = w.sum(-1, keepdim=True)
    z = k[:, None] - q[:, :, None]
    mu = (w[:, :, None] @ z).squeeze(2)
    sigma = (w[..., None] * z).mT @ z
    scaled = ridge * how.factor(top, omega)
    rho = torch.linalg.solve(sigma + scaled[..., None] * _eye(k), mu)
    delta = (omega - (mu * rho).sum(-1, keepdim=True)).clamp(min=how.delta_eps)
    s = w * (1 - (z @ rho[..., None]).squeeze(-1)) / delta
    return s @ v, omega.detach()


def _seen(q: Tensor, k: Tensor) -> Tensor:
    """Return which of m keys each of n queries sees, shape (n, m)."""
    n, m = q.shape[1], k.shape[1]
    return torch.ones(n, m, dtype=torch.bool, device=q.device).tril(m - n)


def _logits(q: Tensor, k: Tensor, scale: float) -> Tensor:
    return (scale * q @ k.mT).masked_fill(~_seen(q, k), -torch.inf)


def _eye(k: Tensor) -> Tensor:
    return torch.eye(k.shape[-1], dtype=k.dtype, device=k.device)


def interpolate(
    q: Tensor, k: Tensor, v: Tensor, w_hat: Tensor | Callable[..., Tensor] | str, *,
    scale: float | None = None, **options,
) -> Tensor:  # fmt: skip
    r"""Return causal attention to the residuals of a linear prediction, plus that prediction.

    Parameters
    ----------
    q, k, v : Tensor, shape (B, n, d), (B, n, d), (B, n, d_v)
    w_hat : Tensor of shape (B, n, d_v, d), callable, or a name of `SLOPES`
        Slopes of each query; a callable gets ``(q, k, v, scale=…, **options)``. ValueError for an
        unknown name or another shape.
    scale : float, optional
        Of the logits; 1/√d by default.
    **options
        Of the slopes: ``ridge`` (and ``norm``) of "lla", ``ridge`` of "mesa", ``rate`` of
        "linear" and "delta"; all 1 by default.

    Returns
    -------
    Tensor, shape (B, n, d_v)
        The interpolation form of [zuo-2026-local], by work O(n² d) and n matrices of d d_v numbers.

    Examples
    --------
    >>> x = torch.ones(1, 3, 2)
    >>> interpolate(x, x, 5 * x, "mesa", ridge=1.0)[0, :, 0]
    tensor([5., 5., 5.])
    """
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    if isinstance(w_hat, str):
        if w_hat not in SLOPES:
            raise ValueError(f"w_hat must be one of {tuple(SLOPES)}, got {w_hat!r}")
        w_hat = SLOPES[w_hat]
    slopes = w_hat(q, k, v, scale=scale, **options) if callable(w_hat) else w_hat
    expected = (*v.shape, k.shape[-1])
    if tuple(slopes.shape) != expected:
        raise ValueError(f"slopes must have the shape {expected}, got {tuple(slopes.shape)}")
    p = _logits(q, k, scale).softmax(-1)
    return p @ v + (slopes @ (q - p @ k)[..., None]).squeeze(-1)


def _zero(q, k, v, *, scale):
    return v.new_zeros(*v.shape, k.shape[-1])


def _lla(q, k, v, *, scale, ridge=1.0, norm="max"):
    """Solve each query's own weighted regression with intercept."""
    logits = _logits(q, k, scale)
    p, total, top = logits.softmax(-1), logits.logsumexp(-1), logits.amax(-1)
    centred_k, centred_v = (x[:, None] - (p @ x)[:, :, None] for x in (k, v))
    weighted = p[..., None] * centred_k
    factor = {"max": (top - total).exp(), "softmax": 0 * top + 1, "raw": (-total).exp()}[norm]
    gram = weighted.mT @ centred_k + (ridge * factor)[..., None, None] * _eye(k)
    return torch.linalg.solve(gram, weighted.mT @ centred_v).mT


def _linear(q, k, v, *, scale, rate=1.0):
    return rate * (v[..., None] * k[..., None, :]).cumsum(1)


def _delta(q, k, v, *, scale, rate=1.0):
    one = torch.ones_like(k[..., :1])
    return states(k, v, rate * one, one, correct=True)


def _mesa(q, k, v, *, scale, ridge=1.0):
    gram, mixed = ((k[..., None] * x[..., None, :]).cumsum(1) for x in (k, v))
    return torch.linalg.solve(gram + ridge * _eye(k), mixed).mT


SLOPES = {"softmax": _zero, "lla": _lla, "linear": _linear, "delta": _delta, "mesa": _mesa}
"""None; the optimal ones; the states of linear attention and DeltaNet; Mesa's, no intercept."""


def by_loop(
    q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor, *, correct: bool
) -> Tensor:
    """Read the slopes after each token at its query: the definition, and the oracle."""
    return (states(k, v, rate, keep, correct=correct) @ q[..., None]).squeeze(-1)


def states(k: Tensor, v: Tensor, rate: Tensor, keep: Tensor, *, correct: bool) -> Tensor:
    """Return the slopes after each token, shape (B, n, d_v, d)."""
    slopes, found = v.new_zeros(v.shape[0], v.shape[2], k.shape[2]), []
    for i in range(k.shape[1]):
        slopes = slopes * keep[:, i, None]
        known = (slopes @ k[:, i, :, None]).squeeze(-1) if correct else 0
        slopes = slopes + (rate[:, i] * (v[:, i] - known))[..., None] * k[:, i, None]
        found.append(slopes)
    return torch.stack(found, 1)


def delta_rule(q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor | None = None) -> Tensor:
    r"""Read the slopes of (Gated) DeltaNet by one triangular solve; ``keep`` (B, n, 1), or 1."""
    decay = _decay(torch.zeros_like(rate) if keep is None else keep.log())
    system = (rate * decay * (k @ k.mT)).tril(-1)
    fixes = torch.linalg.solve_triangular(system, rate * v, upper=False, unitriangular=True)
    return (decay * (q @ k.mT)) @ fixes


def gated_sum(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    """Read the slopes of gated linear attention, gates as ratios of pairs: none overflows."""
    if keep.shape[-1] == 1:
        return (_decay(keep.log()) * (q @ k.mT)) @ v
    logs = keep.log().cumsum(1)
    apart = logs[:, :, None] - logs[:, None]
    ratios = apart.masked_fill(~_seen(q, k)[..., None], -torch.inf).exp()
    return torch.einsum("bid,bijd,bjd->bij", q, ratios, k) @ v


def _decay(logs: Tensor) -> Tensor:
    r"""Return :math:`\gamma_t / \gamma_s` for s ≤ t, 0 elsewhere, from the gates' logarithms."""
    total = logs.cumsum(1)
    return (total - total.mT).masked_fill(~_seen(logs, logs), -torch.inf).exp()


def mesa(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, options: CGOptions) -> Tensor:
    """Read Mesa's slopes, the ridge regression of each prefix, by conjugate gradients."""
    rho = _PrefixSolve.apply(q, k, ridge, options)
    return (rho @ k.mT).tril() @ v


def _prefixes(k: Tensor, ridge: Tensor, options: CGOptions) -> QueryBlock:
    """Return the systems of all prefixes: no query to subtract, and logits 0, so all weights 1."""
    how = LLAOptions(0.0, cg=options)
    rows = QueryBlock(torch.zeros_like(k), k, slice(0, k.shape[1]), how)
    rows.restore(torch.zeros_like(ridge), torch.ones_like(ridge), ridge)
    return rows


class _PrefixSolve(torch.autograd.Function):
    """Solve for all prefixes; the gradient is one more solve with the same matrices."""

    @staticmethod
    def forward(ctx, q, k, ridge, options):
        rho = _prefixes(k, ridge, options).solve(q).x
        ctx.save_for_backward(k, ridge, rho)
        ctx.options = options
        return rho

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        k, ridge, rho = ctx.saved_tensors
        u = _prefixes(k, ridge, ctx.options).solve(grad).x
        dk = (rho @ k.mT).tril().mT @ u + (u @ k.mT).tril().mT @ rho
        return u, -dk, -(u * rho).sum(-1, keepdim=True), None


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
    r"""Return what *one* query, (d,), reads after each key, (m, d_v), by one scan of all moments.

    Operands ``q, k, v, ridge, scale`` of the chapter's table (norm "max"); ``method`` of
    :func:`~paralg.core.primitives.scan`, whose combines are the cost; each moves
    d² + d d_v + d + d_v + 2 numbers.

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
    r"""Return Mesa's output, (n, d_v), from one scan of n pairs of matrices, and the scan's cost.

    .. math:: o_i = \Big(\sum_{j \le i} v_j k_j^\top\Big)
              \Big(\sum_{j \le i} k_j k_j^\top + \lambda I\Big)^{-1} q_i

    Operands ``q, k, v, ridge``, without B; ``method`` of the scan. The n solves are independent.

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
    r"""Return the same, token by token: the inverse is updated as in [sherman-1950-adjustment].

    .. math:: P \leftarrow P - \frac{P k k^\top P}{1 + k^\top P k}, \qquad \hat W \leftarrow \hat W
              + (v - \hat W k) \frac{(P_{\text{old}} k)^\top}{1 + k^\top P_{\text{old}} k}

    Operands ``q, k, v, ridge``, without B. Cost: n updates of d² numbers, one after the other.
    """
    q, k, v = (np.asarray(x, dtype=float) for x in (q, k, v))
    inverse, slopes = np.eye(k.shape[1]) / ridge, np.zeros((v.shape[1], k.shape[1]))
    rows = np.empty_like(v)
    for i in range(len(k)):
        gain = inverse @ k[i] / (1 + k[i] @ inverse @ k[i])
        slopes += np.outer(v[i] - slopes @ k[i], gain)
        inverse -= np.outer(gain, k[i] @ inverse)
        rows[i] = slopes @ q[i]
    return rows, Cost(work=len(k), span=len(k))
