r"""Linear prediction plus kernel regression of its residuals, with the slopes as a plug-in.

:math:`o_i = \sum_j p_{ij} (v_j - \hat W_i k_j) + \hat W_i q_i` with softmax weights p: no slopes
give softmax attention, optimal ones local linear attention, recurrent ones a hybrid.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention.variants import states

__all__ = ["SLOPES", "interpolate"]


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


def _eye(k: Tensor) -> Tensor:
    return torch.eye(k.shape[-1], dtype=k.dtype, device=k.device)


def _logits(q: Tensor, k: Tensor, scale: float) -> Tensor:
    unseen = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device).triu(1)
    return (scale * q @ k.mT).masked_fill(unseen, -torch.inf)
