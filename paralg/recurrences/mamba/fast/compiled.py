"""The fused selective scan as a torch operator: numba kernels forward and backward."""

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from paralg.core import checks
from paralg.recurrences.mamba.fast import kernels
from paralg.recurrences.mamba.fast.kernels import CHUNK, SCRATCH
from paralg.simd.addresses import addresses, in_order
from paralg.simd.cache import compile_lock
from paralg.simd.lanes import WIDTH
from paralg.simd.threads import parallel_for

__all__ = ["DTYPES", "fused_scan", "warm"]

DTYPES = (torch.float32, torch.float64)
_ZEROS = {torch.float32: np.float32(0), torch.float64: np.float64(0)}
_BACKWARD = 3  # a lane step backwards in lane steps forwards, about


def fused_scan(u, delta, A, B, C, D, z, delta_bias, h0, delta_softplus) -> tuple[Tensor, Tensor]:
    """Return output and last state of the selective scan, real A and Euler's B of each token."""
    channels = u.shape[2]
    D, delta_bias = (u.new_zeros(channels) if x is None else x for x in (D, delta_bias))
    missing = -channels % WIDTH
    if missing:
        u, delta, D, delta_bias = (pad(x, (0, missing)) for x in (u, delta, D, delta_bias))
        z = None if z is None else pad(z, (0, missing))
        A, h0 = (None if x is None else pad(x, (0, 0, 0, missing)) for x in (A, h0))
    operands = (u, delta, A, B, C, D, z, delta_bias, h0)
    if torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in operands):
        y, last = _FusedScan.apply(delta_softplus, *operands)
    else:
        y, last, *_ = _forward(delta_softplus, False, *operands)
    return (y[..., :channels], last[:, :channels]) if missing else (y, last)


def _forward(positive, keep, u, delta, A, B, C, D, z, delta_bias, h0) -> tuple:
    """Return output, last state, the operands of the kernels, the states at the chunks' starts."""
    batch, length, channels = u.shape
    gated = z is not None
    u, delta, B, C, D, delta_bias = map(in_order, (u, delta, B, C, D, delta_bias))
    z = in_order(z) if gated else u
    rates = torch.div(A.t(), math.log(2), out=u.new_empty(A.shape[1], channels))
    h = _turned(h0, u, rates.shape[0])
    y = u.new_empty(u.shape)
    starts = u.new_empty(batch, -(-length // CHUNK) if keep else 0, A.shape[1], channels)
    operands = (u, delta, rates, B, C, D, z, delta_bias)
    scratch = u.new_empty(_tasks(u), 2, A.shape[1], WIDTH)
    _run(kernels.forward, 1, starts, operands, positive, gated, (h, y, starts, scratch))
    return y, h.transpose(1, 2), operands, starts


def _turned(states: Tensor | None, u: Tensor, count: int) -> Tensor:
    """Return a copy of states (b, D, N) with the channels last; zeros for none."""
    if states is None:
        return u.new_zeros(u.shape[0], count, u.shape[2])
    return states.transpose(1, 2).clone(memory_format=torch.contiguous_format)


class _FusedScan(torch.autograd.Function):
    """Keeps the operands and the states at the chunks' starts; computes the others again."""

    @staticmethod
    def forward(ctx, positive, *operands):
        ctx.flags = positive, operands[6] is not None
        ctx.set_materialize_grads(False)
        y, last, kept, starts = _forward(positive, True, *operands)
        ctx.save_for_backward(*kept, starts)
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx, dy, dlast):
        *operands, starts = ctx.saved_tensors
        u, B = operands[0], operands[3]
        batch, channels, states = len(u), u.shape[2], B.shape[2]
        du, ddelta, dz = (u.new_empty(u.shape) for _ in range(3))
        dA, dD = u.new_zeros(batch, states, channels), u.new_zeros(batch, channels)
        dBC, dh0 = u.new_empty(2, channels // WIDTH, *B.shape), _turned(dlast, u, states)
        rows, kept = (u.new_empty(_tasks(u), *shape) for shape in SCRATCH)
        dy = torch.zeros_like(u) if dy is None else in_order(dy)
        outputs = (dy, starts, du, ddelta, dA, dBC, dD, dz, dh0, rows, kept)
        _run(kernels.backward, _BACKWARD, starts, operands, *ctx.flags, outputs)
        dbias = ddelta.sum((0, 1)) if ctx.needs_input_grad[8] else None
        (dB, dC), dA, dD = dBC.sum(1).unbind(), dA.sum(0), dD.sum(0)
        dz = dz if ctx.flags[1] else None
        dh0 = dh0.transpose(1, 2) if ctx.needs_input_grad[9] else None
        return None, du, ddelta, dA.t(), dB, dC, dD, dz, dbias, dh0


def _run(driver, cost: int, starts, operands, positive: bool, gated: bool, outputs) -> None:
    """Call a driver on the tensors' memory, its blocks shared among torch's number of threads."""
    u, states = operands[0], operands[2].shape[0]
    compile_once(u.dtype)
    sizes = (*u.shape, states, starts.shape[1])
    size = dict(zip("bLDNc", sizes, strict=True), k=u.shape[2] // WIDTH, p=2)
    letters = "bLD bLD ND bLN bLN D bLD D" + (" bND bLD bcND" if driver is kernels.forward
        else " bLD bcND bLD bLD bND pkbLN bD bLD bND")  # fmt: skip
    shapes = [tuple([size[letter] for letter in word]) for word in letters.split()]
    blocks = ((2, states, WIDTH),) if driver is kernels.forward else SCRATCH
    shapes += [(_tasks(u), *shape) for shape in blocks]
    where = addresses(u.dtype, *zip((*operands, *outputs), shapes, strict=True))
    steps = cost * u.numel() * states
    parallel_for(driver, _tasks(u), steps, sizes, where, _ZEROS[u.dtype], positive, gated)


def _tasks(u: Tensor) -> int:
    """Return the number of blocks of channels; each is scanned apart."""
    return u.shape[0] * (u.shape[2] // WIDTH)


def warm(dtypes=DTYPES) -> None:
    """Compile the kernels, or load them from numba's cache, before anything is timed.

    Parameters
    ----------
    dtypes : sequence of torch.dtype
        Some of ``DTYPES``.

    Cost
    ----
    About 10 s for a type that is not in the cache, half a second for one that is.
    """
    checks.instance("dtypes", dtypes, tuple, list)
    for dtype in dtypes:
        compile_once(dtype)


@functools.cache
def compile_once(dtype: torch.dtype) -> None:
    """Compile both kernels for one type."""
    if dtype not in DTYPES:
        raise ValueError(f"dtypes must be some of {DTYPES}, got {dtype!r}")
    sizes = (1, 1, WIDTH, 1, 1)
    with compile_lock():
        kernels.forward(0, 0, sizes, (0,) * 12, _ZEROS[dtype], True, True)
        kernels.backward(0, 0, sizes, (0,) * 19, _ZEROS[dtype], True, True)
