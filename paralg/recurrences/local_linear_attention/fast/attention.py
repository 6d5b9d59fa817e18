"""Local linear attention: one function, every way to compute it, in the released kernel's shape."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention import theory, variants
from paralg.recurrences.local_linear_attention.fast import flash

__all__ = ["lla_attention", "lla_forward"]


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
    q, k, v : Tensor, shape (..., n, d), (..., m, d), (..., m, d_v)
    ridge_lambda : Tensor or float
        λ; a tensor is broadcast to (..., n): one number, one of each head, or one of each query.
        It may require a gradient.
    qk_scale, weight_norm
        ``scale`` and ``norm`` of :mod:`~paralg.recurrences.local_linear_attention.reference`.
    causal : bool
        Query i sees keys 0 … i + m - n.
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

    References
    ----------
    [zuo-2026-local]; :math:`\omega, \rho, \delta` are in `LLARun`. The conventions of λ and the
    backward pass are ours.

    Examples
    --------
    Two keys, a query half-way, nearly no penalty: the line through both values, read in between.

    >>> q, k = torch.tensor([[0.5]]), torch.tensor([[0.0], [1.0]])
    >>> lla_attention(q, k, torch.tensor([[1.0], [3.0]]), 1e-6)
    tensor([[2.0000]])
    """
    _check_shapes(q, k, v, causal)
    how = flash.LLAOptions.of(
        q, qk_scale=qk_scale, causal=causal, weight_norm=weight_norm, method=method,
        delta_eps=delta_eps, cg_atol=cg_atol, cg_rtol=cg_rtol, cg_max_iters=cg_max_iters,
        cg_use_preconditioner=cg_use_preconditioner, block_size=block_size, block_keys=block_keys,
        detach_max=detach_max,
    )  # fmt: skip
    x = _flat(q, k, v, ridge_lambda)
    if method == "naive":
        out, omega = variants.attend(*x, how)
    elif method == "compiled":
        from paralg.recurrences.local_linear_attention.fast.tiles import attend

        out, omega = attend(*x, how)
    else:
        out, omega = flash.FlashLLA.apply(*x, how)
    out = out.reshape(*q.shape[:-1], v.shape[-1])
    return (out, omega.reshape(q.shape[:-1])) if return_omega else out


def lla_forward(
    q: Tensor, k: Tensor, v: Tensor, ridge_lambda: Tensor | float = 10.0, **options
) -> flash.LLARun:
    """Run the forward pass of `lla_attention` and return what it found on the way, and its cost.

    Operands ``q, k, v, ridge_lambda`` and ``options`` as there, without ``return_omega``; its
    errors, and ValueError for a ``method`` other than "cg" and "direct".

    >>> one = torch.ones(1, 1)
    >>> lla_forward(one, one, 3 * one).out, lla_forward(one, one, one).iterations
    (tensor([[3.]]), tensor([0]))
    """
    _check_shapes(q, k, v, options.get("causal", True))
    how = flash.LLAOptions.of(q, **options)
    if how.method not in ("cg", "direct"):
        raise ValueError(f"method must be 'cg' or 'direct', got {how.method!r}")
    run = flash.forward(*_flat(q, k, v, ridge_lambda), how)
    rows = {name: getattr(run, name).reshape(q.shape[:-1])
            for name in ("delta", "top", "omega", "iterations")}  # fmt: skip
    cost = theory.forward_cost(run, k.shape[-2], how.causal, how.method)
    out, rho = run.out.reshape(*q.shape[:-1], v.shape[-1]), run.rho.reshape(q.shape)
    return replace(run, out=out, rho=rho, cost=cost, **rows)


def _flat(q: Tensor, k: Tensor, v: Tensor, ridge: Tensor | float) -> tuple[Tensor, ...]:
    """Return q, k, v and the ridge of each query, with one batch axis."""
    ridge = torch.as_tensor(ridge, dtype=q.dtype, device=q.device)
    if not bool((ridge > 0).all()):
        raise ValueError(f"ridge_lambda must be positive, got {float(ridge.min())}")
    try:
        ridge = ridge.expand(q.shape[:-1])
    except RuntimeError:
        expected, got = tuple(q.shape[:-1]), tuple(ridge.shape)
        raise ValueError(f"ridge_lambda must broadcast to {expected}, got {got}") from None
    return tuple(x.reshape(-1, *x.shape[-2:]) for x in (q, k, v, ridge[..., None]))


def _check_shapes(q: Tensor, k: Tensor, v: Tensor, causal: bool) -> None:
    kinds = [x.dtype for x in (q, k, v)]
    if len(set(kinds)) > 1 or not q.is_floating_point():
        got = ", ".join(map(str, kinds))
        raise TypeError(f"q, k, v must have one floating-point type, got {got}")
    if q.dtype == torch.float16:
        raise TypeError("squared residuals underflow in float16; expected bfloat16 or float32")
    if (
        min(q.dim(), k.dim(), v.dim()) < 2
        or not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]
        or (q.shape[-1], k.shape[-2]) != (k.shape[-1], v.shape[-2])
    ):
        shapes = f"{tuple(q.shape)}, {tuple(k.shape)}, {tuple(v.shape)}"
        raise ValueError(f"expected (..., n, d), (..., m, d), (..., m, d_v); got {shapes}")
    if k.shape[-2] < 1 or (causal and k.shape[-2] < q.shape[-2]):
        raise ValueError(f"expected a key for every query, got {k.shape[-2]} for {q.shape[-2]}")
