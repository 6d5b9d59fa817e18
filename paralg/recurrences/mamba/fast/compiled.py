"""The fused selective scan as a torch operator: numba kernels forward and backward."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from paralg.recurrences.mamba.fast import drivers
from paralg.recurrences.mamba.fast.kernels import CHUNK, SCRATCH
from paralg.simd.lanes import WIDTH
from paralg.simd.threads import parallel_for

__all__ = ["DTYPES", "fused_scan", "warm"]

DTYPES = (torch.float32, torch.float64)
_BACKWARD = 3  # a lane step backwards in lane steps forwards, about


def fused_scan(u, delta, A, B, C, D, z, delta_bias, h0, delta_softplus) -> tuple[Tensor, Tensor]:
    """Return output and last state of the selective scan, real A and Euler's B of each token."""
    channels = u.shape[2]
    D, delta_bias = (_or_zeros(x, u, channels) for x in (D, delta_bias))
    missing = -channels % WIDTH
    if missing:
        u, delta, D, delta_bias = (pad(x, (0, missing)) for x in (u, delta, D, delta_bias))
        z = None if z is None else pad(z, (0, missing))
        A, h0 = (None if x is None else pad(x, (0, 0, 0, missing)) for x in (A, h0))
    operands = (u, delta, A, B, C, D, z, delta_bias, h0)
    if not all([x is None or x.dtype is u.dtype for x in operands]):
        raise TypeError(f"all operands must have the type of u, {u.dtype}")
    needed = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in operands)
    if needed:
        y, last = _FusedScan.apply(delta_softplus, *operands)
    else:
        y, last, *_ = _forward(delta_softplus, False, *operands)
    return (y[..., :channels], last[:, :channels]) if missing else (y, last)


def _or_zeros(x: Tensor | None, like: Tensor, *shape: int) -> Tensor:
    return torch.zeros(shape, dtype=like.dtype) if x is None else x


def _forward(positive, keep, u, delta, A, B, C, D, z, delta_bias, h0) -> tuple:
    """Return output, last state, the operands as the kernels take them, states at chunks' starts.
    """
    batch, length, channels = u.shape
    gated = z is not None
    u, delta, B, C, D, delta_bias = (x.contiguous() for x in (u, delta, B, C, D, delta_bias))
    z = z.contiguous() if gated else u
    rates = torch.div(A.t(), math.log(2), out=u.new_empty(A.shape[1], channels))
    h = _turned(h0, u, rates.shape[0])
    y = torch.empty_like(u)
    starts = u.new_empty(batch, -(-length // CHUNK) if keep else 0, A.shape[1], channels)
    operands = (u, delta, rates, B, C, D, z, delta_bias)
    scratch = u.new_empty(_tasks(u), 2, A.shape[1], WIDTH)
    _run(drivers.forward, 1, operands, positive, gated, (h, y, starts, scratch))
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
        grads = _gradients(operands, dlast)
        u = operands[0]
        rows, states = (u.new_empty(_tasks(u), *shape) for shape in SCRATCH)
        dy = torch.zeros_like(u) if dy is None else dy.contiguous()
        outputs = (dy, starts, *grads, rows, states)
        _run(drivers.backward, _BACKWARD, operands, *ctx.flags, outputs)
        du, ddelta, dA, dBC, dD, dz, dh0 = grads
        dbias = ddelta.sum((0, 1)) if ctx.needs_input_grad[8] else None
        dz = dz if ctx.flags[1] else None
        dA, dD, (dB, dC) = _added(dA), _added(dD), dBC.sum(1).unbind()
        dh0 = dh0.transpose(1, 2) if ctx.needs_input_grad[9] else None
        return None, du, ddelta, dA.t(), dB, dC, dD, dz, dbias, dh0


def _added(parts: Tensor) -> Tensor:
    """Add along the first axis; a sum of one term costs five microseconds too many."""
    return parts[0] if len(parts) == 1 else parts.sum(0)


def _gradients(operands: list[Tensor], dlast: Tensor | None) -> tuple[Tensor, ...]:
    """Allocate what the backward kernel writes: gradients of u, delta, A, B and C, D, z, h0."""
    u, B = operands[0], operands[3]
    batch, _, channels = u.shape
    return (
        torch.empty_like(u), torch.empty_like(u), u.new_zeros(batch, B.shape[2], channels),
        u.new_empty(2, channels // WIDTH, *B.shape), u.new_zeros(batch, channels),
        torch.empty_like(u),
        _turned(dlast, u, B.shape[2]),
    )  # fmt: skip


def _run(driver, cost: int, operands, positive: bool, gated: bool, outputs) -> None:
    """Call a driver on the tensors' memory, its blocks shared among torch's number of threads."""
    u, rates, starts = operands[0], operands[2], outputs[_STARTS[driver]]
    compile_once(u.dtype)
    sizes = (*u.shape, rates.shape[0], starts.shape[1])
    addresses = tuple([_address(x) for x in (*operands, *outputs)])
    steps = cost * u.numel() * rates.shape[0]
    parallel_for(driver, _tasks(u), steps, sizes, addresses, _ZEROS[u.dtype], positive, gated)


_ZEROS = {torch.float32: np.float32(0), torch.float64: np.float64(0)}
_STARTS = {drivers.forward: 2, drivers.backward: 1}  # where the chunks' starts are in the outputs


def _address(x: Tensor) -> int:
    """Return where the numbers of a tensor lie; the kernels rely on their order."""
    assert x.is_contiguous(), "expected contiguous memory"
    return x.data_ptr()


def _tasks(u: Tensor) -> int:
    """Return the number of blocks of channels; each is scanned apart."""
    return u.shape[0] * (u.shape[2] // WIDTH)


def warm(dtypes=DTYPES, *, ablations: bool = False) -> None:
    """Compile the kernels, or load them from numba's cache, before anything is timed.

    Parameters
    ----------
    dtypes : sequence of torch.dtype
        Some of ``DTYPES``.
    ablations : bool
        Whether to compile the variants of the chapter's measurements, too.

    Cost
    ----
    About 10 s for a type that is not in the cache, half a second for one that is.
    """
    for dtype in dtypes:
        compile_once(dtype)
    if ablations:
        _compile_ablations()


_SMALL = ((1, 1, WIDTH), (1, 1, 1), (1, WIDTH))  # u, B, A with one token, channel block and state


@functools.cache
def _compile_ablations() -> None:
    from paralg.recurrences.mamba.experiments.ablations import VARIANTS, run
    from paralg.simd.elementary import evaluate, exp2

    lanes, states, row = (np.zeros(shape, np.float32) for shape in _SMALL)
    with _compile_lock():
        evaluate(exp2, row)
        for variant in VARIANTS:
            run(variant, lanes, lanes, row.T.copy(), states, states, row[0], lanes, row[0])


@functools.cache
def compile_once(dtype: torch.dtype) -> None:
    """Compile both kernels for one type; one process at a time, so that the cache stays whole."""
    sizes = (1, 1, WIDTH, 1, 1)
    with _compile_lock():
        drivers.forward(0, 0, sizes, (0,) * 12, _ZEROS[dtype], True, True)
        drivers.backward(0, 0, sizes, (0,) * 19, _ZEROS[dtype], True, True)


@contextlib.contextmanager
def _compile_lock() -> Iterator[None]:
    """Hold a lock among the processes of this user; where there is none, hold nothing."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        yield
        return
    name = f"paralg-compile-{os.getuid()}.lock"
    with open(Path(tempfile.gettempdir()) / name, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file gives it up
        yield
