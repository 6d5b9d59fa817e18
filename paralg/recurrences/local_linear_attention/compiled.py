"""The forward pass in compiled code: every query solves its own system, in one loop over keys."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from torch import Tensor

from paralg.recurrences.local_linear_attention.conjugate import RELATIVE, CGOptions
from paralg.recurrences.local_linear_attention.rows import NORMS, Layout
from paralg.recurrences.mamba.threads import share

__all__ = ["attend", "warm"]

_compile = njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz", "arcp"})


@_compile
def _rows(begin, end, q, k, v, ridge, scale, norm, causal, limits, out, omega):
    """Attend from rows begin … end - 1 of all batches, one after the other."""
    B, n, d = q.shape
    m = k.shape[1]
    w = np.empty(m, q.dtype)
    scratch = np.empty((5, d), q.dtype)
    for row in range(begin, end):
        b, i = row // n, row % n
        seen = i + 1 + m - n if causal else m
        top = _weigh(q[b, i], k[b], seen, scale, w)
        _solve(q[b, i], k[b], w[:seen], top, ridge[b, i, 0], norm, limits, scratch)
        omega[b, i, 0] = _combine(q[b, i], k[b], v[b], w[:seen], scratch, limits[3], out[b, i])


@_compile
def _weigh(q, k, seen, scale, w):
    """Fill in the weights and return the largest logit."""
    top = -np.inf
    for j in range(seen):
        logit = q.dtype.type(0)
        for c in range(len(q)):
            logit += q[c] * k[j, c]
        w[j] = logit * scale
        top = max(top, w[j])
    for j in range(seen):
        w[j] = np.exp(w[j] - top)
    return top


@_compile
def _moments(q, k, w, mu, diagonal):
    """Fill in the first moment and the diagonal of the second; return the sum of the weights."""
    mu[:], diagonal[:] = 0, 0
    omega = q.dtype.type(0)
    for j in range(len(w)):
        omega += w[j]
        for c in range(len(q)):
            z = k[j, c] - q[c]
            mu[c] += w[j] * z
            diagonal[c] += w[j] * z * z
    return omega


@_compile
def _product(q, k, w, ridge, p, image):
    """Multiply p with the second moment: one pass in which each key is read once."""
    shift = q.dtype.type(0)
    total = q.dtype.type(0)
    for c in range(len(q)):
        shift += p[c] * q[c]
        image[c] = ridge * p[c]
    for j in range(len(w)):
        t = -shift
        for c in range(len(q)):
            t += p[c] * k[j, c]
        t *= w[j]
        total += t
        for c in range(len(q)):
            image[c] += t * k[j, c]
    for c in range(len(q)):
        image[c] -= total * q[c]


@_compile
def _dot(a, b):
    total = a.dtype.type(0)
    for c in range(len(a)):
        total += a[c] * b[c]
    return total


@_compile
def _solve(q, k, w, top, ridge, norm, limits, scratch):
    """Leave ρ in scratch[0]; scratch holds x, residual, direction, image, diagonal."""
    x, residual, direction, image, diagonal = scratch
    omega = _moments(q, k, w, residual, diagonal)
    if norm == 1:
        ridge = ridge * omega
    elif norm == 2:
        ridge = ridge * np.exp(-top)
    conditioned = limits[4] > 0
    x[:] = 0
    for c in range(len(q)):
        diagonal[c] = 1 / (diagonal[c] + ridge) if conditioned else 1
        direction[c] = residual[c] * diagonal[c]
    rho, size = _dot(residual, direction), np.sqrt(_dot(residual, residual))
    tolerance = limits[0] + limits[1] * size
    for _ in range(limits[2]):
        if not size > tolerance:
            break
        _product(q, k, w, ridge, direction, image)
        curvature = _dot(direction, image)
        if not curvature > 0:
            break
        alpha = rho / curvature
        for c in range(len(q)):
            x[c] += alpha * direction[c]
            residual[c] -= alpha * image[c]
            image[c] = residual[c] * diagonal[c]
        after, size = _dot(residual, image), np.sqrt(_dot(residual, residual))
        beta = after / rho
        for c in range(len(q)):
            direction[c] = image[c] + beta * direction[c]
        rho = after


@_compile
def _combine(q, k, v, w, scratch, delta_eps, out):
    """Write the output of a row and return the sum of its weights."""
    rho = scratch[0]
    omega = _moments(q, k, w, scratch[1], scratch[4])
    delta = max(omega - _dot(scratch[1], rho), q.dtype.type(delta_eps))
    shift = 1 + _dot(rho, q)
    out[:] = 0
    for j in range(len(w)):
        s = w[j] * (shift - _dot(rho, k[j])) / delta
        for c in range(len(out)):
            out[c] += s * v[j, c]
    return omega


def attend(
    q: Tensor, k: Tensor, v: Tensor, ridge: Tensor, layout: Layout, options: CGOptions,
    delta_eps: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return output and sums of weights; no gradient.

    Parameters
    ----------
    q : Tensor, shape (B, n, d)
    k : Tensor, shape (B, m, d)
    v : Tensor, shape (B, m, d_v)
    ridge : Tensor, shape (B, n, 1)
    layout : Layout
    options : CGOptions
    delta_eps : float

    Returns
    -------
    out : Tensor, shape (B, n, d_v)
    omega : Tensor, shape (B, n, 1)

    Raises
    ------
    ValueError
        A gradient would be needed, or the type is neither single nor double precision.

    Cost
    ----
    Work as FlashLLA; memory n + 5 d a thread. Rows are shared among torch's number of threads.
    """
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v, ridge)):
        raise ValueError("method 'compiled' has no gradient; use 'cg' or 'direct'")
    if q.dtype not in RELATIVE:
        raise ValueError(f"method 'compiled' expects float32 or float64, got {q.dtype}")
    arrays = [np.ascontiguousarray(x.detach().numpy()) for x in (q, k, v, ridge)]
    rtol = RELATIVE[q.dtype] if options.rtol is None else options.rtol
    limits = (options.atol, rtol, options.max_iters, delta_eps, int(options.preconditioner))
    out = np.empty((*q.shape[:2], v.shape[-1]), arrays[0].dtype)
    omega = np.empty((*q.shape[:2], 1), arrays[0].dtype)
    scale = arrays[0].dtype.type(layout.scale)
    rows, norm = q.shape[0] * q.shape[1], NORMS.index(layout.norm)
    share(_rows, rows, rows * k.shape[1] * q.shape[2], *arrays, scale, norm, layout.causal, limits,
          out, omega)  # fmt: skip
    return torch.from_numpy(out), torch.from_numpy(omega)


def warm() -> None:
    """Compile for single and double precision, and leave the result in numba's cache."""
    for dtype in (torch.float32, torch.float64):
        x = torch.ones(1, 2, 2, dtype=dtype)
        layout = Layout(1.0)
        attend(x, x, x, x[..., :1], layout, CGOptions(), 1e-12)
