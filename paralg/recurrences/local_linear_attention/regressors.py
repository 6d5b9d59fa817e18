r"""The memories of recurrent layers as regressors: what each step does to a matrix of slopes.

With keys as inputs and values as labels, a recurrent layer holds slopes S and changes them at every
token. All rules here are one rule,

.. math:: S_t = S_{t-1} D_t + \beta_t (v_t - \kappa\, S_{t-1} D_t k_t) k_t^\top,

where D forgets and :math:`\kappa = 1` corrects the error that is made at the new key, a step of
gradient descent on :math:`\tfrac12 \| v_t - S k_t \|^2`, while :math:`\kappa = 0` adds the pair
whatever is known already.
"""

from __future__ import annotations

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention.conjugate import CGOptions, conjugate_gradients

__all__ = ["by_loop", "delta_rule", "gated_sum", "mesa"]


def by_loop(
    q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor, *, correct: bool
) -> Tensor:
    r"""Read the slopes at each query, token by token: the definition, and the oracle.

    Parameters
    ----------
    q, k : Tensor, shape (B, n, d)
    v : Tensor, shape (B, n, d_v)
    rate : Tensor, shape (B, n, 1)
        Step sizes :math:`\beta`.
    keep : Tensor, shape (B, n, 1) or (B, n, d)
        What is left of the slopes of each coordinate of the keys, the diagonal of D.
    correct : bool
        Whether :math:`\kappa` is 1.

    Returns
    -------
    Tensor, shape (B, n, d_v)

    Cost
    ----
    Work n d d_v, span n.

    Examples
    --------
    >>> one, x = torch.ones(1, 2, 1), torch.ones(1, 2, 1)
    >>> by_loop(x, x, 3 * x, one, one, correct=True).ravel()
    tensor([3., 3.])
    >>> by_loop(x, x, 3 * x, one, one, correct=False).ravel()
    tensor([3., 6.])
    """
    slopes, rows = v.new_zeros(v.shape[0], v.shape[2], k.shape[2]), []
    for i in range(k.shape[1]):
        slopes = slopes * keep[:, i, None]
        known = (slopes @ k[:, i, :, None]).squeeze(-1) if correct else 0
        slopes = slopes + (rate[:, i] * (v[:, i] - known))[..., None] * k[:, i, None]
        rows.append((slopes @ q[:, i, :, None]).squeeze(-1))
    return torch.stack(rows, 1)


def delta_rule(q: Tensor, k: Tensor, v: Tensor, rate: Tensor, keep: Tensor | None = None) -> Tensor:
    r"""Read DeltaNet's slopes, or with ``keep`` Gated DeltaNet's, by one triangular solve.

    With :math:`u_t` the corrections, :math:`S_t = \sum_{s \le t} (\gamma_t / \gamma_s) u_s k_s^\top`
    for :math:`\gamma_t = \prod_{r \le t} \alpha_r`, so that they solve

    .. math:: u_t + \beta_t \sum_{s < t} \frac{\gamma_t}{\gamma_s} (k_s^\top k_t)\, u_s = \beta_t v_t .

    Parameters
    ----------
    q, k, v, rate
        As for `by_loop`.
    keep : Tensor, shape (B, n, 1), optional
        :math:`\alpha` in (0, 1]; all 1 by default.

    Returns
    -------
    Tensor, shape (B, n, d_v)

    Cost
    ----
    Work n² (d + d_v), span log n levels of blocks of the solve; the recurrent form costs n d d_v.

    References
    ----------
    The rules are recalled, not verified against their papers; the triangular form is our derivation.
    """  # noqa: E501
    decay = _decay(torch.zeros_like(rate) if keep is None else keep.log())
    system = (rate * decay * (k @ k.mT)).tril(-1)
    corrections = torch.linalg.solve_triangular(
        system, rate * v, upper=False, unitriangular=True
    )
    return (decay * (q @ k.mT)) @ corrections


def gated_sum(q: Tensor, k: Tensor, v: Tensor, keep: Tensor) -> Tensor:
    r"""Read the slopes of gated linear attention, :math:`S_t = S_{t-1} D_t + v_t k_t^\top`.

    Parameters
    ----------
    q, k, v
        As for `by_loop`.
    keep : Tensor, shape (B, n, 1) or (B, n, d)
        In (0, 1].

    Returns
    -------
    Tensor, shape (B, n, d_v)

    Cost
    ----
    Work and memory n² d: ratios of gates are formed for each pair, so that none overflows.
    """
    logs = keep.log().cumsum(1)
    if keep.shape[-1] == 1:
        return (_decay(keep.log()) * (q @ k.mT)) @ v
    apart = logs[:, :, None] - logs[:, None]
    seen = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device).tril()
    ratios = apart.masked_fill(~seen[..., None], -torch.inf).exp()
    return torch.einsum("bid,bijd,bjd->bij", q, ratios, k) @ v


def _decay(logs: Tensor) -> Tensor:
    r"""Return :math:`\gamma_t / \gamma_s` for s ≤ t, 0 elsewhere, from the gates' logarithms."""
    total = logs.cumsum(1)
    seen = torch.ones(logs.shape[1], logs.shape[1], dtype=torch.bool, device=logs.device).tril()
    return (total - total.mT).masked_fill(~seen, -torch.inf).exp()


def mesa(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, options: CGOptions | None = None
) -> Tensor:
    r"""Read Mesa's slopes by conjugate gradients: the ridge regression of each prefix at its query.

    :math:`o_i = \sum_{j \le i} v_j k_j^\top \rho_i` with :math:`(\sum_{j \le i} k_j k_j^\top +
    \lambda_i I) \rho_i = q_i`: FlashLLA with all weights 1 and nothing subtracted from the keys.

    Parameters
    ----------
    q, k, v
        As for `by_loop`.
    ridge : Tensor, shape (B, n, 1)
    options : CGOptions, optional

    Returns
    -------
    Tensor, shape (B, n, d_v)

    Cost
    ----
    For T iterations: work T n² d, span T (log n + log d).

    References
    ----------
    [vonoswald-2025-mesanet], recalled: without its gates.
    """
    rho = _PrefixSolve.apply(q, k, ridge, options or CGOptions())
    return (rho @ k.mT).tril() @ v


class _Prefixes:
    """The systems of all prefixes; their matrices stay implicit."""

    def __init__(self, k: Tensor, ridge: Tensor, last: Tensor):
        self.k, self.ridge, self.last = k, ridge, last
        place = torch.arange(k.shape[1], device=k.device)
        self.hidden = place > last[:, None]

    def product(self, p: Tensor) -> Tensor:
        t = (p @ self.k.mT).masked_fill_(self.hidden, 0)
        return t @ self.k + self.ridge * p

    def diagonal(self) -> Tensor:
        return self.k.square().cumsum(1)[:, self.last] + self.ridge

    def take(self, index: Tensor) -> _Prefixes:
        return _Prefixes(self.k, self.ridge[:, index], self.last[index])


class _PrefixSolve(torch.autograd.Function):
    """Solve for all prefixes; the gradient is one more solve with the same matrices."""

    @staticmethod
    def forward(ctx, q, k, ridge, options):
        system = _Prefixes(k, ridge, torch.arange(q.shape[1], device=q.device))
        rho = conjugate_gradients(system, q, options).x
        ctx.save_for_backward(k, ridge, rho)
        ctx.options, ctx.system = options, system
        return rho

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        k, _, rho = ctx.saved_tensors
        u = conjugate_gradients(ctx.system, grad, ctx.options).x
        dk = (rho @ k.mT).tril().mT @ u + (u @ k.mT).tril().mT @ rho
        return u, -dk, -(u * rho).sum(-1, keepdim=True), None
