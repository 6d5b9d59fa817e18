"""The selective scan in torch: with all states in memory, or one chunk's at a time.

Slow beside the compiled kernel, but of any type, complex decay rates, both discretisations and
B, C of either kind.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import silu, softplus

from paralg.recurrences.mamba.fast import ScanOperands
from paralg.recurrences.mamba.recurrence import discretise
from paralg.recurrences.mamba.theory import per_channel
from paralg.sequence.scans import linear_scan

__all__ = ["chunked_scan", "scan_at_once"]


def scan_at_once(
    x: ScanOperands, positive: bool, discretisation: str, method: str
) -> tuple[Tensor, Tensor]:
    """Run a selective scan with all its coefficients and states in memory."""
    delta = x.delta if x.delta_bias is None else x.delta + x.delta_bias
    a, b = discretise(softplus(delta) if positive else delta, x.A, x.B, discretisation)
    drive = b * x.u[..., None]
    kind = torch.promote_types(a.dtype, drive.dtype)
    first = x.h0 if x.h0 is None else x.h0.to(kind)
    h = linear_scan(a.to(kind).expand_as(drive), drive.to(kind), first, method=method)
    y = (h * per_channel(x.C)).sum(-1)
    y = 2 * y.real if y.is_complex() else y
    y = y if x.D is None else y + x.D * x.u
    y = y if x.z is None else y * silu(x.z)
    return y, h[:, -1].clone() if h.shape[1] else _first_state(x)  # a view would keep all states


def chunked_scan(
    x: ScanOperands, positive: bool, discretisation: str, chunk: int
) -> tuple[Tensor, Tensor]:
    """Run a selective scan chunk by chunk, each seeded by the state that the one before left.

    Only those states are kept; the backward pass computes one chunk at a time again.
    """
    constant = {"A", "D", "delta_bias", "h0"} | {n for n in "BC" if getattr(x, n).dim() == 2}
    parts = {name: value.split(chunk, 1) for name, value in x._asdict().items()
             if value is not None and name not in constant}  # fmt: skip
    h, outputs = _first_state(x), []
    for steps in zip(*parts.values(), strict=True):
        part = x._replace(**dict(zip(parts, steps, strict=True)), h0=h)
        y, h = _Chunk.apply((positive, discretisation, "kogge-stone"), *part)
        outputs.append(y)
    return torch.cat(outputs, dim=1), h


class _Chunk(torch.autograd.Function):
    """Keeps its operands and nothing else; the backward pass computes it again."""

    @staticmethod
    def forward(ctx, options, *operands):
        ctx.options = options
        ctx.save_for_backward(*operands)
        return scan_at_once(ScanOperands(*operands), *options)

    @staticmethod
    @once_differentiable
    def backward(ctx, *slopes):
        leaves = [x if x is None else x.detach().requires_grad_() for x in ctx.saved_tensors]
        with torch.enable_grad():
            results = scan_at_once(ScanOperands(*leaves), *ctx.options)
        given = [x for x in leaves if x is not None]
        found = iter(torch.autograd.grad(results, given, slopes, allow_unused=True))
        return None, *(None if x is None else next(found) for x in leaves)


def _first_state(x: ScanOperands) -> Tensor:
    if x.h0 is not None:
        return x.h0
    kind = torch.promote_types(torch.promote_types(x.u.dtype, x.A.dtype), x.B.dtype)
    return torch.zeros(x.u.shape[0], *x.A.shape, dtype=kind)
