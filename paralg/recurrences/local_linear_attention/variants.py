r"""Other ways: dense matrices, loops; linear, gated and Mesa memories; scans of moments.

Operands of the memories: ``q``, ``k`` (B, n, d); ``v`` (B, n, d_v); ``rate`` (B, n, 1), step sizes
:math:`\beta`; ``keep`` (B, n, 1) or (B, n, d), in (0, 1], what is left of the slopes of each
coordinate of the keys, the diagonal of :math:`D`; ``ridge`` (B, n, 1). Each returns (B, n, d_v).
The rules are recalled, not verified against their papers. Scans take one sequence, without B.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from paralg.core.cost import Cost
from paralg.core.primitives import ADD, Operator, scan
from paralg.recurrences.local_linear_attention.conjugate import (
    CGOptions,
    conjugate_gradients,
    some_rows,
)

__all__ = [
    "MOMENTS", "attend", "by_loop", "delta_rule", "gated_sum", "mesa", "mesa_by_scan",
    "mesa_recursive", "prefix_lines", "states",
]  # fmt: skip


def attend(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, how) -> tuple[Tensor, Tensor]:
    r"""Return output and sums of weights, with :math:`z_{ij}` and :math:`\Sigma_i` in memory."""
    logits = how.qk_scale * q @ k.mT
    if how.causal:
        logits = logits.masked_fill(~_seen(q, k), -torch.inf)
    top = logits.amax(-1, keepdim=True)
    w = torch.exp(logits - top)
    omega = w.sum(-1, keepdim=True)
    z = k[:, None] - q[:, :, None]
    mu = (w[:, :, None] @ z).squeeze(2)
    sigma = (w[..., None] * z).mT @ z
    eye = torch.eye(q.shape[-1], dtype=q.dtype, device=q.device)
    scaled = ridge * how.factor(top, omega)
    rho = torch.linalg.solve(sigma + scaled[..., None] * eye, mu)
    delta = (omega - (mu * rho).sum(-1, keepdim=True)).clamp(min=how.delta_eps)
    s = w * (1 - (z @ rho[..., None]).squeeze(-1)) / delta
    return s @ v, omega.detach()


def _seen(q: Tensor, k: Tensor) -> Tensor:
    """Return which of m keys each of n queries sees, shape (n, m)."""
    n, m = q.shape[1], k.shape[1]
    return torch.ones(n, m, dtype=torch.bool, device=q.device).tril(m - n)


def by_loop(
    q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor, *, correct: bool
) -> Tensor:
    r"""Read the slopes at each query, token by token: the definition, and the oracle.

    Operands ``q, k, v, rate, keep`` of this module; ``correct`` says whether :math:`\kappa` is 1,
    so that the error is added and not the value. Work n d d_v, span n.

    >>> one = torch.ones(1, 2, 1)
    >>> by_loop(one, one, 3 * one, one, one, correct=True).ravel()
    tensor([3., 3.])
    >>> by_loop(one, one, 3 * one, one, one, correct=False).ravel()
    tensor([3., 6.])
    """
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
    r"""Read DeltaNet's slopes, or with ``keep`` Gated DeltaNet's, by one triangular solve.

    With :math:`\gamma_t = \prod_{r \le t} \alpha_r` the corrections :math:`u_t`, of which
    :math:`S_t = \sum_{s \le t} (\gamma_t / \gamma_s) u_s k_s^\top`, solve

    .. math:: u_t + \beta_t \sum_{s < t} \frac{\gamma_t}{\gamma_s} (k_s^\top k_t) u_s = \beta_t v_t

    Operands ``q, k, v, rate, keep`` of this module; ``keep`` of shape (B, n, 1), 1 by default.
    Work n² (d + d_v), span log n levels of blocks of the solve; the loop costs n d d_v. The
    triangular form is our derivation.
    """
    decay = _decay(torch.zeros_like(rate) if keep is None else keep.log())
    system = (rate * decay * (k @ k.mT)).tril(-1)
    fixes = torch.linalg.solve_triangular(system, rate * v, upper=False, unitriangular=True)
    return (decay * (q @ k.mT)) @ fixes


def gated_sum(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    r"""Read the slopes of gated linear attention, :math:`S_t = S_{t-1} D_t + v_t k_t^\top`.

    Operands ``q, k, v, keep`` of this module. Work and memory n² d: ratios of gates are formed for
    each pair, so that none overflows.
    """
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


def mesa(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, options: CGOptions | None = None
) -> Tensor:
    r"""Read Mesa's slopes by conjugate gradients: the ridge regression of each prefix at its query.

    :math:`o_i = \sum_{j \le i} v_j k_j^\top \rho_i` with :math:`(\sum_{j \le i} k_j k_j^\top +
    \lambda_i I) \rho_i = q_i`: FlashLLA with all weights 1 and nothing subtracted from the keys.

    Operands ``q, k, v, ridge`` of this module, ``options`` of the solver. For T iterations: work
    T n² d, span T (log n + log d). After [vonoswald-2025-mesanet], without its gates.
    """
    rho = _PrefixSolve.apply(q, k, ridge, options or CGOptions())
    return (rho @ k.mT).tril() @ v


class _Prefixes:
    """The systems of all prefixes; their matrices stay implicit."""

    def __init__(self, k: Tensor, ridge: Tensor):
        self.k, self.ridge, self.last = k, ridge, torch.arange(k.shape[1], device=k.device)

    def product(self, p: Tensor) -> Tensor:
        hidden = torch.arange(self.k.shape[1], device=p.device) > self.last[:, None]
        return (p @ self.k.mT).masked_fill_(hidden, 0) @ self.k + self.ridge * p

    def diagonal(self) -> Tensor:
        return self.k.square().cumsum(1)[:, self.last] + self.ridge

    def take(self, index: Tensor) -> _Prefixes:
        return some_rows(self, index, shared=("k",))


class _PrefixSolve(torch.autograd.Function):
    """Solve for all prefixes; the gradient is one more solve with the same matrices."""

    @staticmethod
    def forward(ctx, q, k, ridge, options):
        rho = conjugate_gradients(_Prefixes(k, ridge), q, options).x
        ctx.save_for_backward(k, ridge, rho)
        ctx.options = options
        return rho

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        k, ridge, rho = ctx.saved_tensors
        u = conjugate_gradients(_Prefixes(k, ridge), grad, ctx.options).x
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
