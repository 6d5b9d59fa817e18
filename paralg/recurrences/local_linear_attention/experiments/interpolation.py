r"""Linear prediction plus kernel regression of its residuals, with the slopes as a plug-in.

:math:`o_i = \sum_j p_{ij} (v_j - \hat W_i k_j) + \hat W_i q_i` with softmax weights p: no slopes
give softmax attention, optimal ones local linear attention, recurrent ones a hybrid.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = [
    "SLOPES", "interpolate", "slopes_delta", "slopes_linear", "slopes_lla", "slopes_mesa",
    "slopes_zero",
]  # fmt: skip

def interpolate(
    q: Tensor, k: Tensor, v: Tensor, w_hat: Tensor | Callable[..., Tensor] | str, *,
    scale: float | None = None, **options,
) -> Tensor:  # fmt: skip
    r"""Return causal attention to the residuals of a linear prediction, plus that prediction.

    Parameters
    ----------
    q, k : Tensor, shape (B, n, d)
    v : Tensor, shape (B, n, d_v)
    w_hat : Tensor of shape (B, n, d_v, d), callable, or a name of `SLOPES`
        Slopes of each query; a callable gets ``(q, k, v, scale=…, **options)``.
    scale : float, optional
        1/√d by default.

    Returns
    -------
    Tensor, shape (B, n, d_v)

    Raises
    ------
    ValueError
        An unknown name, or slopes of another shape.

    Cost
    ----
    Work O(n² d) and n matrices of d d_v numbers; only the product of slopes with the mean key is
    needed, so nothing of size n² d is formed.

    References
    ----------
    [zuo-2026-local], the interpolation form.

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
    p = _softmax(q, k, scale)
    return p @ v + (slopes @ (q - p @ k)[..., None]).squeeze(-1)


def slopes_zero(q: Tensor, k: Tensor, v: Tensor, *, scale: float) -> Tensor:
    """Return no slopes: softmax attention."""
    return v.new_zeros(*v.shape, k.shape[-1])


def slopes_linear(q: Tensor, k: Tensor, v: Tensor, *, scale: float, rate: float = 1.0) -> Tensor:
    r"""Return the state of linear attention, ``rate`` times :math:`\sum_{j \le i} v_j k_j^\top`."""
    return rate * (v[..., None] * k[..., None, :]).cumsum(1)


def slopes_delta(q: Tensor, k: Tensor, v: Tensor, *, scale: float, rate: float = 1.0) -> Tensor:
    r"""Return the state of DeltaNet: :math:`W \leftarrow W + \beta (v - W k) k^\top`."""
    state, states = v.new_zeros(v.shape[0], v.shape[-1], k.shape[-1]), []
    for i in range(k.shape[1]):
        error = v[:, i] - (state @ k[:, i, :, None]).squeeze(-1)
        state = state + rate * error[..., None] * k[:, i, None, :]
        states.append(state)
    return torch.stack(states, 1)


def slopes_mesa(q: Tensor, k: Tensor, v: Tensor, *, scale: float, ridge: float = 1.0) -> Tensor:
    r"""Return Mesa's slopes, the ridge regression of each prefix without intercept."""
    gram = (k[..., None] * k[..., None, :]).cumsum(1)
    mixed = (k[..., None] * v[..., None, :]).cumsum(1)
    eye = torch.eye(k.shape[-1], dtype=k.dtype, device=k.device)
    return torch.linalg.solve(gram + ridge * eye, mixed).mT


def slopes_lla(
    q: Tensor, k: Tensor, v: Tensor, *, scale: float, ridge: float = 1.0, norm: str = "max"
) -> Tensor:
    """Return the optimal slopes of each query's own weighted regression with intercept."""
    p = _softmax(q, k, scale)
    mean_k, mean_v = p @ k, p @ v
    centred_k = k[:, None] - mean_k[:, :, None]
    centred_v = v[:, None] - mean_v[:, :, None]
    weighted = p[..., None] * centred_k
    logits = (scale * q @ k.mT).masked_fill(_unseen(q, k), -torch.inf)
    top = logits.amax(-1)
    shares = {"max": torch.exp(top - logits.logsumexp(-1)), "softmax": torch.ones_like(top),
              "raw": torch.exp(-logits.logsumexp(-1))}[norm]  # fmt: skip
    eye = torch.eye(k.shape[-1], dtype=k.dtype, device=k.device)
    gram = weighted.mT @ centred_k + (ridge * shares)[..., None, None] * eye
    return torch.linalg.solve(gram, weighted.mT @ centred_v).mT


SLOPES = {"softmax": slopes_zero, "lla": slopes_lla, "linear": slopes_linear,
          "delta": slopes_delta, "mesa": slopes_mesa}  # fmt: skip


def _unseen(q: Tensor, k: Tensor) -> Tensor:
    square = torch.ones(q.shape[1], k.shape[1], dtype=torch.bool, device=q.device)
    return square.triu(1)


def _softmax(q: Tensor, k: Tensor, scale: float) -> Tensor:
    return (scale * q @ k.mT).masked_fill(_unseen(q, k), -torch.inf).softmax(-1)
