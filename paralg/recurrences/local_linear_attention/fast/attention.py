"""Local linear attention: one function, every way to compute it, in the released kernel's shape."""

from dataclasses import replace

import torch
from torch import Tensor

from paralg.core import checks
from paralg.recurrences.local_linear_attention import theory, variants
from paralg.recurrences.local_linear_attention.fast import flash
from paralg.sequence.padding import blank, token_mask

__all__ = ["lla_attention", "lla_forward"]

LOST = 2.0**-12  # of λ: the rounding from which on a precision is given up


def lla_attention(
    q: Tensor, k: Tensor, v: Tensor, ridge_lambda: Tensor | float = 10.0, *,
    qk_scale: float | None = None, causal: bool = True, weight_norm: str = "max",
    method: str = "cg", delta_eps: float = 1e-12, cg_atol: float = 1e-12,
    cg_rtol: float | None = None, cg_max_iters: int = 32, cg_use_preconditioner: bool = False,
    block_size: int = 128, block_keys: int | None = None, detach_max: bool = False,
    kernel: str = "softmax", mask: Tensor | None = None, return_omega: bool = False,
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
        It may require a gradient. 0 is the limit of small λ: least squares with the smallest
        slopes, by pseudo-inverses, whatever the ``method``, and without a gradient of λ.
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
    kernel : {"softmax", "gaussian", "uniform"}
        What weighs a key: exp(s), exp(-scale |q - k|² / 2) or 1; "raw" is for the first.
    mask : Tensor of bool, shape (..., m), optional
        False at keys that are padding: they have no influence, whatever they hold. A query that
        sees nothing else reads 0.
    return_omega : bool
        Whether to return the sums of weights, shape (..., n), too, without gradient.

    Returns
    -------
    Tensor, shape (..., n, d_v)

    Raises
    ------
    ValueError
        Shapes that do not fit, an unknown switch, a negative ridge; numbers too far apart for
        double precision, see below.
    TypeError
        Tensors of different or of whole-number types, or float16, whose range is too small.

    Notes
    -----
    No method keeps digits where (max |q| + max |k|)²/λ, λ on the scale of "max", or the bound
    scale max |q| max |k| of the logits nears 1/ε. From 2⁻¹²/ε on, single precision is left for
    double, and "cg" and "compiled" for "direct"; in double precision that is refused. (bfloat16
    stays what it is.) What is not finite reaches the queries that see it, and no other.

    Cost
    ----
    For T iterations: work O(T n² d), span O(T (log n + log d)), memory Θ(n (d + block_size)), with
    block_keys Θ(n d + block_size block_keys). "direct": work O(n² d² + n d³), memory block_size d²
    more. "naive": memory Θ(n² d + n d²). λ = 0: work O(n² d²), memory Θ(block_size n d).

    References
    ----------
    [zuo-2026-local]; :math:`\omega, \rho, \delta` are in `LLARun`. The conventions of λ and the
    backward pass are ours.

    Examples
    --------
    >>> q, k = torch.tensor([[0.5]]), torch.tensor([[0.0], [1.0]])
    >>> lla_attention(q, k, torch.tensor([[1.0], [3.0]]), 1e-6)
    tensor([[2.0000]])
    """
    how, x, lost = _prepared(
        q, k, v, ridge_lambda, mask, qk_scale=qk_scale, causal=causal, weight_norm=weight_norm,
        method=method, delta_eps=delta_eps, cg_atol=cg_atol, cg_rtol=cg_rtol,
        cg_max_iters=cg_max_iters, cg_use_preconditioner=cg_use_preconditioner,
        block_size=block_size, block_keys=block_keys, detach_max=detach_max, kernel=kernel,
    )  # fmt: skip
    if not q.numel():
        out, omega = v.new_zeros(*q.shape[:-1], v.shape[-1]), q.new_zeros(q.shape[:-1])
    elif not bool((x[3] > 0).all()):
        out, omega = variants.least_squares(*x, how)
    elif how.method == "naive":
        out, omega = variants.attend(*x, how)
    elif how.method == "compiled":
        from paralg.recurrences.local_linear_attention.fast.tiles import attend

        out, omega = attend(*x, how)
    else:
        out, omega = flash.FlashLLA.apply(*x, how)
    out = _restored(out, lost, q, v.shape[-1])
    return (out, _restored(omega, lost, q)) if return_omega else out


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
    how, x, lost = _prepared(q, k, v, ridge_lambda, **{"mask": None, **options})
    checks.one_of("method", how.method, ("cg", "direct"))
    if not (q.numel() and bool((x[3] > 0).all())):
        raise ValueError(f"a run needs a query and a positive ridge, got {tuple(q.shape)}")
    run, widths = flash.forward(*x, how), {"out": v.shape[-1:], "rho": q.shape[-1:]}
    rows = {name: _restored(getattr(run, name), lost, q, *widths.get(name, ()))
            for name in ("out", "rho", "delta", "top", "omega")}  # fmt: skip
    cost = theory.forward_cost(run, k.shape[-2], how.causal, how.method)
    return replace(run, iterations=run.iterations.reshape(q.shape[:-1]), cost=cost, **rows)


def _prepared(q, k, v, ridge, mask, **switches):
    """Check; return the switches, operands with one batch axis, and the rows that are lost."""
    checks.tensors(q=(q, "... n d"), k=(k, "... m d"), v=(v, "... m d_v"))
    if q.dtype == torch.float16:
        raise TypeError("squared residuals underflow; expected bfloat16 or float32, got float16")
    how, n, m = flash.LLAOptions.of(q, **switches), q.shape[-2], k.shape[-2]
    if not (q.shape[-1] and v.shape[-1]) or n > (m if how.causal else m * n):
        raise ValueError(f"expected a key for every query, got {tuple(q.shape)}, {tuple(v.shape)}")
    ridge, (query, *held) = _ridges(ridge, q), (x.isfinite().all(-1) for x in (q, k, v))
    here = held[0] | True if mask is None else token_mask(mask, k.shape[:-1], k.device)
    bad = (here & ~(held[0] & held[1])).cumsum(-1)
    lost = ~query | ((bad[..., m - n :] if how.causal else bad[..., -1:]) > 0)
    q, k, v = map(blank, (q, k, v), (query, *(ok & here for ok in held)))
    q, k, v, ridge = (x.flatten(0, -3) if x.dim() > 2 else x[None] for x in (q, k, v, ridge))
    bias = (-0.5 * how.qk_scale if how.kernel == "gaussian" else 0.0) * k.square().sum(-1)
    bias = bias.masked_fill(~here.reshape(bias.shape), flash.MASKED)
    how, x = _precise(how, (q, k, v, ridge, bias)) if q.numel() else (how, (q, k, v, ridge, bias))
    return how, x, lost


def _precise(how: flash.LLAOptions, x: tuple) -> tuple:
    """Go over to double precision where single precision keeps no digits; refuse beyond it."""
    far, near = (y.detach().double().norm(dim=-1).amax(-1)[:, None, None] for y in x[:2])
    q, ridge, reach = x[0], x[3].detach(), (far + near).square()
    logit = abs(how.qk_scale) * (reach / 2 if how.kernel == "gaussian" else far * near)
    free = not bool(ridge.any())
    scaled = ridge.double() * torch.exp(-logit) if how.weight_norm == "raw" else ridge.double()
    strain = float((reach / (1 if free else scaled)).clamp(min=logit).max())
    if free or (strain > LOST / torch.finfo(q.dtype).eps and q.dtype == torch.float32):
        x = tuple(y.double() for y in x)
        how = how if how.method == "naive" else replace(how, method="direct")
    most = LOST / torch.finfo(torch.float64).eps
    if not strain <= most:
        raise ValueError(f"(|q| + |k|)²/λ and logits must be at most {most:.0e} in double "
                         f"precision, got {strain:.0e}; expected a larger ridge")  # fmt: skip
    return how, x


def _restored(x: Tensor, lost: Tensor, q: Tensor, *width: int) -> Tensor:
    """Return rows in the shape and type of the queries, NaN where something seen is not finite."""
    x = x.reshape(*q.shape[:-1], *width).to(q.dtype)
    return x.masked_fill(lost[..., None] if width else lost, torch.nan) if bool(lost.any()) else x


def _ridges(ridge: Tensor | float, q: Tensor) -> Tensor:
    """Return the ridge of each query, shape (..., n, 1)."""
    if not isinstance(ridge, Tensor):
        ridge = q.new_tensor(checks.number("ridge_lambda", ridge))
    checks.kind("ridge_lambda", ridge, "f")
    low, high = (float(y) for y in ridge.detach().aminmax()) if ridge.numel() else (1.0, 1.0)
    if not (0 < low <= high < torch.inf or low == high == 0):
        raise ValueError(f"ridge_lambda must be positive, or 0 for all, got {low} to {high}")
    try:
        return ridge.to(q).expand(q.shape[:-1])[..., None]
    except RuntimeError:
        expected, got = tuple(q.shape[:-1]), tuple(ridge.shape)
        raise ValueError(f"ridge_lambda must broadcast to {expected}, got {got}") from None
