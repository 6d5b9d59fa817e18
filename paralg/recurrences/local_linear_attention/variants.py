r"""Other ways: dense matrices, no ridge, other slopes; Mesa; scans of moments.

Linear and gated memories are those of :mod:`paralg.sequence.memories`. Mesa (recalled) is FlashLLA
with all weights 1 and keys as they are; ``ridge`` (B, n, 1). Scans take one sequence, without B.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.primitives import ADD, Operator, scan
from paralg.recurrences.local_linear_attention.conjugate import CGOptions
from paralg.recurrences.local_linear_attention.fast.flash import LLAOptions, QueryBlock
from paralg.sequence.memories import by_loop, delta_rule, gated_sum, states

__all__ = [
    "MOMENTS", "SLOPES", "attend", "by_loop", "delta_rule", "gated_sum", "interpolate", "mesa",
    "mesa_by_scan", "mesa_recursive", "prefix_lines", "states",
]  # fmt: skip


def attend(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, bias, how) -> tuple[Tensor, Tensor]:
    r"""Return output and sums of weights, with :math:`z_{ij}` and :math:`\Sigma_i` in memory."""
    logits = _logits(q, k, how.qk_scale) if how.causal else how.qk_scale * q @ k.mT
    logits = logits + bias[:, None]
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


def least_squares(q: Tensor, k: Tensor, v: Tensor, _, bias, how) -> tuple[Tensor, Tensor]:
    """Return the same for λ → 0: the smallest slopes that fit the keys best, by pseudo-inverses."""
    found = []
    for block in how.blocks(q.shape[1]):
        rows = QueryBlock(q, k, bias, block, how)
        logits = rows.logits(slice(0, rows.k.shape[1]))
        p, slopes = logits.softmax(-1), _optimal(logits, rows.k, v[:, : rows.k.shape[1]])
        out = p @ v[:, : p.shape[-1]] + (slopes @ (rows.q - p @ rows.k)[..., None]).squeeze(-1)
        found.append((out, 1 / p.detach().amax(-1, keepdim=True)))
    return tuple(torch.cat(x, 1) for x in zip(*found, strict=True))


def _optimal(logits: Tensor, k: Tensor, v: Tensor, ridge: Tensor | None = None) -> Tensor:
    """Solve each query's own weighted regression with intercept, shape (B, n, d_v, d).

    Without a ridge keys closer together than the rounding of the longest count as one.
    """
    p = logits.softmax(-1)
    centred_k, centred_v = (x[:, None] - (p @ x)[:, :, None] for x in (k, v))
    if ridge is not None:
        weighted = p[..., None] * centred_k
        gram = weighted.mT @ centred_k + ridge * _eye(k)
        return torch.linalg.solve(gram, weighted.mT @ centred_v).mT
    root = (p.clamp(min=1e-300).sqrt() * (p > 0))[..., None]
    atol = 64 * torch.finfo(k.dtype).eps * float(k.detach().norm(dim=-1).max())
    return (torch.linalg.pinv(root * centred_k, atol=atol, rtol=1e-12) @ (root * centred_v)).mT


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
        Slopes of each query; a callable gets ``(q, k, v, scale=…, **options)``.
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
    checks.tensors(q=(q, "B n d"), k=(k, "B n d"), v=(v, "B n d_v"))
    scale = q.shape[-1] ** -0.5 if scale is None else checks.number("scale", scale)
    if isinstance(w_hat, str):
        w_hat = SLOPES[checks.one_of("w_hat", w_hat, SLOPES)]
    slopes = w_hat(q, k, v, scale=scale, **options) if callable(w_hat) else w_hat
    checks.instance("w_hat", slopes, Tensor)
    checks.sizes(v=(v, "B n d_v"), k=(k, "B n d"), w_hat=(slopes, "B n d_v d"))
    p = _logits(q, k, scale).softmax(-1)
    return p @ v + (slopes @ (q - p @ k)[..., None]).squeeze(-1)


def _zero(q, k, v, *, scale):
    return v.new_zeros(*v.shape, k.shape[-1])


def _lla(q, k, v, *, scale, ridge=1.0, norm="max"):
    logits = _logits(q, k, scale)
    total, top = logits.logsumexp(-1), logits.amax(-1)
    factor = {"max": (top - total).exp(), "softmax": 0 * top + 1, "raw": (-total).exp()}[norm]
    return _optimal(logits, k, v, (ridge * factor)[..., None, None])


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


def mesa(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, options: CGOptions) -> Tensor:
    """Read Mesa's slopes, the ridge regression of each prefix, by conjugate gradients."""
    rho = _PrefixSolve.apply(q, k, ridge, options)
    return (rho @ k.mT).tril() @ v


def _prefixes(k: Tensor, ridge: Tensor, options: CGOptions) -> QueryBlock:
    """Return the systems of all prefixes: no query to subtract, and logits 0, so all weights 1."""
    how = LLAOptions(0.0, cg=options)
    zero = torch.zeros_like(k)
    rows = QueryBlock(zero, k, zero[..., 0], slice(0, k.shape[1]), how)
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
    q, k, v = checks.floats(q=(q, "d"), k=(k, "m d"), v=(v, "m d_v"))
    ridge = checks.number("ridge", ridge, above=0)
    z, ones = k - q, np.ones(len(k))
    logits = (len(q) ** -0.5 if scale is None else checks.number("scale", scale)) * k @ q
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
    q, k, v = checks.floats(q=(q, "n d"), k=(k, "n d"), v=(v, "n d_v"))
    ridge = checks.number("ridge", ridge, above=0)
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
    q, k, v = checks.floats(q=(q, "n d"), k=(k, "n d"), v=(v, "n d_v"))
    inverse = np.eye(k.shape[1]) / checks.number("ridge", ridge, above=0)
    slopes = np.zeros((v.shape[1], k.shape[1]))
    rows = np.empty_like(v)
    for i in range(len(k)):
        gain = inverse @ k[i] / (1 + k[i] @ inverse @ k[i])
        slopes += np.outer(v[i] - slopes @ k[i], gain)
        inverse -= np.outer(gain, k[i] @ inverse)
        rows[i] = slopes @ q[i]
    return rows, Cost(work=len(k), span=len(k))
