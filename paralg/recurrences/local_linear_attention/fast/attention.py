"""Local linear attention: one function, every way to compute it, in the released kernel's shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from paralg.core.cost import Cost
from paralg.recurrences.local_linear_attention import theory, variants
from paralg.recurrences.local_linear_attention.conjugate import CGOptions
from paralg.recurrences.local_linear_attention.fast.blocks import NORMS, BlockLayout
from paralg.recurrences.local_linear_attention.fast.flash import FlashLLA, Solver, forward

__all__ = ["METHODS", "RELEASED", "LLARun", "lla_attention", "lla_forward"]

METHODS = ("cg", "direct", "naive", "compiled")

RELEASED = {
    "ridge_lambda": 10.0, "qk_scale": None, "delta_eps": 1e-12, "cg_atol": 1e-12, "cg_rtol": 1e-12,
    "cg_max_iters": 32, "cg_use_preconditioner": False,
}  # fmt: skip
"""Defaults of the released kernel, from its documentation."""


@dataclass(frozen=True, eq=False)
class LLARun:
    """Output of a forward pass, what it left for later, and what it cost.

    Attributes
    ----------
    out : Tensor, shape (..., n, d_v)
    rho : Tensor, shape (..., n, d)
        Solutions of the systems.
    delta, omega, top : Tensor, shape (..., n)
        Denominators; sums of weights; largest logits, on whose scale the former two are.
    iterations : Tensor of int64, shape (..., n)
        Of conjugate gradients, each row; 0 for a direct solve.
    cost : Cost
        Work in multiply-adds, span in levels of trees, rounds of conjugate gradients.
    """

    out: Tensor
    rho: Tensor
    delta: Tensor
    omega: Tensor
    top: Tensor
    iterations: Tensor
    cost: Cost


def lla_attention(
    q: Tensor, k: Tensor, v: Tensor, ridge_lambda: Tensor | float = 10.0, *,
    qk_scale: float | None = None, causal: bool = True, weight_norm: str = "max",
    method: str = "cg", delta_eps: float = 1e-12, cg_atol: float = 1e-12,
    cg_rtol: float | None = None, cg_max_iters: int = 32, cg_use_preconditioner: bool = False,
    block_size: int = 128, block_keys: int | None = None, detach_max: bool = False,
    return_omega: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
    r"""Let every query fit a ridge-regularised line to the values of its keys, and read it there.

    .. math:: o_i = \sum_j s_{ij} v_j, \qquad
              s_{ij} = \frac{w_{ij} (1 - z_{ij}^\top \rho_i)}{\omega_i - \mu_i^\top \rho_i}, \qquad
              \rho_i = \Sigma_i^{-1} \mu_i

    Parameters
    ----------
    q : Tensor, shape (..., n, d)
    k : Tensor, shape (..., m, d)
    v : Tensor, shape (..., m, d_v)
    ridge_lambda : Tensor or float
        Penalty λ/2 on the squared slopes; positive. A tensor is broadcast to (..., n): one number,
        one of each head, or one of each query. It may require a gradient.
    qk_scale : float, optional
        Logits are ``qk_scale * q @ k.T``; 1/√d by default.
    causal : bool
        Query i sees keys 0 … i + m - n.
    weight_norm : {"max", "softmax", "raw"}
        What λ is compared with: exp(s - m) with m the row's largest logit; weights that add up
        to 1; exp(s).
    method : {"cg", "direct", "naive", "compiled"}
        "cg" is FlashLLA. "direct" has the same blocks, but factorises the d × d matrices of a
        block. "naive" forms all differences and all matrices. "compiled" solves 32
        queries side by side in compiled code, forward pass only.
    delta_eps : float
        Smallest denominator. The blocked and compiled methods do not go below the rounding of ω
        either, in which a denominator of single precision is lost first.
    cg_atol, cg_rtol, cg_max_iters, cg_use_preconditioner
        See `CGOptions`.
    block_size : int
        Queries of a block.
    block_keys : int, optional
        Keys of a block; weights are then computed again in every pass. By default the weights of a
        block of queries are kept while it is worked on, block_size · m numbers.
    detach_max : bool
        Whether the gradient treats the largest logit as a constant; only "raw" allows it exactly.
    return_omega : bool
        Whether to return the sums of weights, shape (..., n), too, without gradient.

    Returns
    -------
    Tensor, shape (..., n, d_v)

    Raises
    ------
    ValueError
        Shapes that do not fit, an unknown switch, a ridge that is not positive; for "direct", a
        matrix that is not positive definite in the precision of the numbers.
    TypeError
        Tensors of different or of whole-number types, or float16, whose range is too small.

    Cost
    ----
    For T iterations: work O(T n² d), span O(T (log n + log d)), memory Θ(n d). "direct": work
    O(n² d² + n d³), memory Θ(n d + block_size d²). "naive": memory Θ(n² d + n d²).

    Notes
    -----
    ======================= =====================================================
    paper                   here
    ======================= =====================================================
    :math:`z_{ij}`          k - q, formed by "naive" only
    :math:`\omega, \mu`     `LLARun.omega`, `QueryBlock.mu`
    :math:`\Sigma`          `QueryBlock.product`, `QueryBlock.gram`
    :math:`\rho, \delta`    `LLARun.rho`, `.delta`
    ridge_lambda            λ of the closed form, Σ + λ I
    ======================= =====================================================

    References
    ----------
    [zuo-2026-local]. The conventions of λ and the backward pass are our derivation.

    Examples
    --------
    Two keys, a query half-way, nearly no penalty: the line through both values, read in between.

    >>> q, k = torch.tensor([[0.5]]), torch.tensor([[0.0], [1.0]])
    >>> lla_attention(q, k, torch.tensor([[1.0], [3.0]]), 1e-6)
    tensor([[2.0000]])
    """
    run = _prepare(q, k, v, ridge_lambda, qk_scale, causal, weight_norm, method, block_size,
                   block_keys)  # fmt: skip
    options = CGOptions(cg_atol, cg_rtol, cg_max_iters, cg_use_preconditioner)
    if method == "naive":
        out, omega = variants.attend(*run.flat, run.layout, delta_eps)
    elif method == "compiled":
        from paralg.recurrences.local_linear_attention.fast.compiled import attend

        out, omega = attend(*run.flat, run.layout, options, delta_eps)
    else:
        out, omega = FlashLLA.apply(
            *run.flat, run.layout, Solver(method, options, delta_eps), detach_max
        )
    out = out.reshape(*q.shape[:-1], v.shape[-1])
    return (out, omega.reshape(q.shape[:-1])) if return_omega else out


def lla_forward(
    q: Tensor, k: Tensor, v: Tensor, ridge_lambda: Tensor | float = 10.0, *,
    qk_scale: float | None = None, causal: bool = True, weight_norm: str = "max",
    method: str = "cg", delta_eps: float = 1e-12, cg_atol: float = 1e-12,
    cg_rtol: float | None = None, cg_max_iters: int = 32, cg_use_preconditioner: bool = False,
    block_size: int = 128, block_keys: int | None = None,
) -> LLARun:  # fmt: skip
    """Run the forward pass of `lla_attention` and return what it found on the way, and its cost.

    Parameters
    ----------
    q, k, v, ridge_lambda, qk_scale, causal, weight_norm, delta_eps
        As for `lla_attention`.
    method : {"cg", "direct"}
    cg_atol, cg_rtol, cg_max_iters, cg_use_preconditioner, block_size, block_keys
        As for `lla_attention`.

    Returns
    -------
    LLARun

    Raises
    ------
    ValueError, TypeError
        As for `lla_attention`; or another method.

    Examples
    --------
    >>> one = torch.ones(1, 1)
    >>> lla_forward(one, one, 3 * one).out, lla_forward(one, one, one).iterations
    (tensor([[3.]]), tensor([0]))
    """
    if method not in ("cg", "direct"):
        raise ValueError(f"method must be 'cg' or 'direct', got {method!r}")
    run = _prepare(q, k, v, ridge_lambda, qk_scale, causal, weight_norm, method, block_size,
                   block_keys)  # fmt: skip
    options = CGOptions(cg_atol, cg_rtol, cg_max_iters, cg_use_preconditioner)
    found = forward(*run.flat, run.layout, Solver(method, options, delta_eps))
    shape = q.shape[:-1]
    rows = (x.reshape(shape) for x in (found.delta, found.omega, found.top, found.iterations))
    out, rho = found.out.reshape(*shape, v.shape[-1]), found.rho.reshape(q.shape)
    return LLARun(out, rho, *rows, theory.forward_cost(found, k.shape[-2], causal, method))


@dataclass(frozen=True, eq=False)
class _Prepared:
    flat: tuple[Tensor, Tensor, Tensor, Tensor]  # q, k, v, ridge with one batch axis
    layout: BlockLayout


def _prepare(q, k, v, ridge, scale, causal, norm, method, block_q, block_k) -> _Prepared:
    """Check everything, flatten the leading axes, broadcast the ridge to the queries."""
    _check_shapes(q, k, v, causal)
    _check_switches(norm, method, block_q, block_k)
    ridge = torch.as_tensor(ridge, dtype=q.dtype, device=q.device)
    if not bool((ridge > 0).all()):
        raise ValueError(f"ridge_lambda must be positive, got {float(ridge.min())}")
    try:
        ridge = ridge.expand(q.shape[:-1])
    except RuntimeError:
        got = tuple(ridge.shape)
        message = f"ridge_lambda must broadcast to {tuple(q.shape[:-1])}, got {got}"
        raise ValueError(message) from None
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    layout = BlockLayout(scale, norm, causal, block_q, block_k)
    flat = tuple(x.reshape(-1, *x.shape[-2:]) for x in (q, k, v, ridge[..., None]))
    return _Prepared(flat, layout)


def _check_shapes(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> None:
    kinds = {x.dtype for x in (q, k, v)}
    if len(kinds) > 1 or not q.is_floating_point():
        got = ", ".join(str(x.dtype) for x in (q, k, v))
        raise TypeError(f"q, k, v must have one floating-point type, got {got}")
    if q.dtype == torch.float16:
        raise TypeError("squared residuals underflow in float16; expected bfloat16 or float32")
    shapes = f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
    if min(q.dim(), k.dim(), v.dim()) < 2 or not (
        q.shape[:-2] == k.shape[:-2] == v.shape[:-2]
    ):
        raise ValueError(f"expected (..., n, d), (..., m, d), (..., m, d_v); got {shapes}")
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise ValueError(f"expected (..., n, d), (..., m, d), (..., m, d_v); got {shapes}")
    if k.shape[-2] < 1 or (causal and k.shape[-2] < q.shape[-2]):
        raise ValueError(f"expected a key for every query, got {k.shape[-2]} for {q.shape[-2]}")


def _check_switches(norm: str, method: str, block_q: int, block_k: int | None) -> None:
    if norm not in NORMS:
        raise ValueError(f"weight_norm must be one of {NORMS}, got {norm!r}")
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}")
    for name, size in (("block_size", block_q), ("block_keys", block_k)):
        if size is not None and size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
