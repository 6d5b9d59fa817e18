"""Local linear attention as it is written down: all differences, all matrices, dense solves."""

from __future__ import annotations

import torch
from torch import Tensor

from paralg.recurrences.local_linear_attention.rows import Layout, effective_ridge

__all__ = ["attend"]


def attend(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, layout: Layout, delta_eps: float = 1e-12
) -> tuple[Tensor, Tensor]:
    r"""Return output and sums of weights, with :math:`z_{ij}` and :math:`\Sigma_i` in memory.

    Differentiable by autograd in every convention, which makes it the oracle of the backward pass.

    Parameters
    ----------
    q : Tensor, shape (B, n, d)
    k : Tensor, shape (B, m, d)
    v : Tensor, shape (B, m, d_v)
    ridge : Tensor, shape (B, n, 1)
    layout : Layout
        Its blocks do not matter here.
    delta_eps : float

    Returns
    -------
    out : Tensor, shape (B, n, d_v)
    omega : Tensor, shape (B, n, 1)

    Cost
    ----
    Work O(n² d² + n d³), span O(log n + d), memory Θ(n² d + n d²).
    """
    logits = layout.scale * q @ k.mT
    if layout.causal:
        n, m = logits.shape[1:]
        seen = torch.ones(n, m, dtype=torch.bool, device=q.device).tril(m - n)
        logits = logits.masked_fill(~seen, -torch.inf)
    top = logits.amax(-1, keepdim=True)
    w = torch.exp(logits - top)
    omega = w.sum(-1, keepdim=True)
    z = k[:, None] - q[:, :, None]
    mu = (w[:, :, None] @ z).squeeze(2)
    sigma = (w[..., None] * z).mT @ z
    eye = torch.eye(q.shape[-1], dtype=q.dtype, device=q.device)
    scaled = ridge * effective_ridge(layout.norm, top, omega)
    rho = torch.linalg.solve(sigma + scaled[..., None] * eye, mu)
    delta = (omega - (mu * rho).sum(-1, keepdim=True)).clamp(min=delta_eps)
    s = w * (1 - (z @ rho[..., None]).squeeze(-1)) / delta
    return s @ v, omega.detach()
