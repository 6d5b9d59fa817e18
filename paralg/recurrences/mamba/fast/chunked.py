"""The fused scan in torch: chunk by chunk from a running prefix, states recomputed backwards.

Slow beside the compiled kernel, but of any type, complex decay rates, both discretisations and
B, C of either kind.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu, softplus

from paralg.recurrences.mamba.recurrence import Operands, discretise
from paralg.recurrences.mamba.theory import per_channel
from paralg.sequence.scans import linear_scan

__all__ = ["Options", "chunked_scan", "scan_at_once"]


class Options(NamedTuple):
    """How a selective scan is computed."""

    delta_softplus: bool
    discretisation: str
    method: str


def scan_at_once(x: Operands, options: Options) -> tuple[Tensor, Tensor]:
    """Run a selective scan with all its coefficients and states in memory."""
    delta = x.delta if x.delta_bias is None else x.delta + x.delta_bias
    delta = softplus(delta) if options.delta_softplus else delta
    a, b = discretise(delta, x.A, x.B, options.discretisation)
    drive = b * x.u[..., None]
    a = a.to(drive.dtype).expand_as(drive)
    h = linear_scan(a, drive, x.h0, method=options.method)
    y = (h * per_channel(x.C)).sum(-1)
    y = 2 * y.real if y.is_complex() else y
    y = y if x.D is None else y + x.D * x.u
    y = y if x.z is None else y * silu(x.z)
    return y, _last(h, x)


def chunked_scan(x: Operands, options: Options, chunk: int) -> tuple[Tensor, Tensor]:
    """Run a selective scan chunk by chunk, each seeded by the state that the one before left."""
    return _ChunkedScan.apply(options, chunk, *x)


class _ChunkedScan(torch.autograd.Function):
    """Stores the running prefixes; the backward pass computes one chunk at a time again."""

    @staticmethod
    def forward(ctx, options, chunk, *operands):
        x = Operands(*operands)
        h, prefixes, outputs = x.h0, [], [x.u[:, :0]]
        for steps in _chunks(x.u.shape[1], chunk):
            prefixes.append(_first_state(x) if h is None else h)
            y, h = scan_at_once(_part(x, steps, h), options)
            outputs.append(y)
        ctx.options, ctx.chunk = options, chunk
        ctx.save_for_backward(*operands, *prefixes)
        last = _first_state(x) if h is None else h
        return torch.cat(outputs, dim=1), last.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dlast):
        saved = ctx.saved_tensors
        x, prefixes = Operands(*saved[:9]), saved[9:]
        grads = [None if v is None else torch.zeros_like(v) for v in x]
        dh = dlast
        steps = _chunks(x.u.shape[1], ctx.chunk)
        for part, prefix in zip(reversed(steps), reversed(prefixes), strict=True):
            pieces = _backward_chunk(_part(x, part, prefix), ctx.options, dy[:, part], dh)
            _add_up(grads, pieces, part)
            dh = pieces[8]
        grads[8] = None if x.h0 is None else dh
        return None, None, *grads


def _backward_chunk(x: Operands, options: Options, dy: Tensor, dh: Tensor) -> list[Tensor | None]:
    """Compute a chunk again and pull the gradients of its output and last state through it."""
    leaves = [None if v is None else v.detach().requires_grad_() for v in x]
    with torch.enable_grad():
        results = scan_at_once(Operands(*leaves), options)
        wanted = [v for v in leaves if v is not None]
        found = iter(torch.autograd.grad(results, wanted, (dy, dh), allow_unused=True))
    return [None if v is None else next(found) for v in leaves]


def _add_up(grads: list, pieces: list, steps: slice) -> None:
    """Write a chunk's gradients: of sequences to their steps, of constants onto the sum."""
    for index, piece in enumerate(pieces[:8]):
        if piece is None:
            continue
        if piece.dim() == 3:
            grads[index][:, steps] = piece
        else:
            grads[index] += piece


def _chunks(length: int, chunk: int) -> list[slice]:
    return [slice(first, min(first + chunk, length)) for first in range(0, length, chunk)]


def _first_state(x: Operands) -> Tensor:
    kind = torch.promote_types(torch.promote_types(x.u.dtype, x.A.dtype), x.B.dtype)
    return torch.zeros(x.u.shape[0], *x.A.shape, dtype=kind)


def _last(h: Tensor, x: Operands) -> Tensor:
    if h.shape[1]:
        return h[:, -1].clone()  # a view would keep all states alive
    return _first_state(x) if x.h0 is None else x.h0


def _part(x: Operands, steps: slice, h: Tensor | None) -> Operands:
    """Return the operands of some steps, which begin from state ``h``."""
    B, C = (v[:, steps] if v.dim() == 3 else v for v in (x.B, x.C))
    z = None if x.z is None else x.z[:, steps]
    return x._replace(u=x.u[:, steps], delta=x.delta[:, steps], B=B, C=C, z=z, h0=h)
