"""The forward pass in compiled code: 32 queries side by side, shared among threads."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from paralg.recurrences.local_linear_attention.conjugate import RELATIVE, CGOptions
from paralg.recurrences.local_linear_attention.fast.blocks import NORMS, BlockLayout
from paralg.recurrences.local_linear_attention.fast.tiles import HIDDEN, KEYS, WIDTH, run
from paralg.simd.threads import parallel_for

__all__ = ["attend", "warm"]

def attend(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, layout: BlockLayout, options: CGOptions,
    delta_eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return output and sums of weights; no gradient."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v, ridge)):
        raise ValueError("method 'compiled' has no gradient; use 'cg' or 'direct'")
    if q.dtype not in RELATIVE:
        raise ValueError(f"method 'compiled' expects float32 or float64, got {q.dtype}")
    q, k, v, ridge = (x.detach() for x in (q, k, v, ridge))
    (batch, n, d), m = q.shape, k.shape[1]
    k, v = (pad(x, (0, 0, 0, -m % KEYS)).contiguous() for x in (k, v))
    lanes, ridges = _in_lanes(q), _in_lanes(ridge, 1.0)
    out = q.new_empty(*lanes.shape[:2], v.shape[2], WIDTH)
    omega, tasks = torch.empty_like(ridges), batch * lanes.shape[1]
    offset = m - n if layout.causal else -1
    parallel_for(
        run, tasks, tasks * m * d, *(x.numpy() for x in (lanes, k, v, ridges)),
        layout.scale, NORMS.index(layout.norm), offset, m, _limits(q, options, delta_eps),
        _hidden(q, layout.causal).numpy(), out.numpy(), omega.numpy(),
    )  # fmt: skip
    return _from_lanes(out, n), _from_lanes(omega, n)


def _limits(q: Tensor, options: CGOptions, delta_eps: float) -> tuple:
    rtol = RELATIVE[q.dtype] if options.rtol is None else options.rtol
    eps = torch.finfo(q.dtype).eps
    return options.atol, rtol, options.max_iters, delta_eps, options.preconditioner, eps


def _hidden(q: Tensor, causal: bool) -> Tensor:
    """Return what is added to logits: row t for the key t places after the first query's last."""
    rows = torch.full((WIDTH + 1, WIDTH), HIDDEN, dtype=q.dtype)
    rows[0] = 0
    return rows.tril(-1) if causal else rows


def _in_lanes(x: Tensor, filling: float = 0.0) -> Tensor:
    """Put rows side by side: shape (B, n, d) to (B, ⌈n / 32⌉, d, 32)."""
    padded = pad(x, (0, 0, 0, -x.shape[1] % WIDTH), value=filling)
    return padded.unflatten(1, (-1, WIDTH)).transpose(2, 3).contiguous()


def _from_lanes(x: Tensor, rows: int) -> Tensor:
    return x.transpose(2, 3).flatten(1, 2)[:, :rows].contiguous()


def warm() -> None:
    """Compile for single and double precision, and leave the result in numba's cache."""
    for dtype in (torch.float32, torch.float64):
        x = torch.ones(1, 2, 2, dtype=dtype)
        attend(x, x, x, x[..., :1], BlockLayout(1.0), CGOptions(), 1e-12)
