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

from paralg.recurrences.mamba import drivers
from paralg.recurrences.mamba.kernels import CHUNK, SCRATCH
from paralg.recurrences.mamba.lanes import WIDTH
from paralg.recurrences.mamba.threads import share

__all__ = ["DTYPES", "fused_scan", "warm"]

DTYPES = (torch.float32, torch.float64)
_BACKWARD = 3  # a lane step backwards in lane steps forwards, about


def fused_scan(u, delta, A, B, C, D, z, delta_bias, h0, delta_softplus) -> tuple[Tensor, Tensor]:
    """Return output and last state of the selective scan, real A and Euler's B.

    Parameters
    ----------
    u, delta, z : Tensor, shape (b, L, D)
        Input, step size before bias and softplus, gate; ``z`` may be None.
    A : Tensor, shape (D, N)
        Decay rates.
    B, C : Tensor, shape (b, L, N)
        Input and output vectors.
    D, delta_bias : Tensor, shape (D,), or None
        Skip connection and bias of the step size.
    h0 : Tensor, shape (b, D, N), or None
        State before the first token.
    delta_softplus : bool
        Whether ``delta`` goes through softplus.

    Returns
    -------
    y : Tensor, shape (b, L, D)
    last : Tensor, shape (b, D, N)

    Cost
    ----
    Work b L D N, span L: the b D lanes run in parallel, on as many threads as torch is allowed.
    Saved for the backward pass, beyond the operands: b ⌈L / 32⌉ D N numbers.
    """
    channels = u.shape[2]
    D, delta_bias = (_or_zeros(x, u, channels) for x in (D, delta_bias))
    h0 = _or_zeros(h0, u, u.shape[0], channels, A.shape[1])
    missing = -channels % WIDTH
    if missing:
        u, delta, D, delta_bias = (pad(x, (0, missing)) for x in (u, delta, D, delta_bias))
        z = None if z is None else pad(z, (0, missing))
        A, h0 = (pad(x, (0, 0, 0, missing)) for x in (A, h0))
    operands = (u, delta, A, B, C, D, z, delta_bias, h0)
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

    Without ``keep`` the last has no chunks.
    """
    batch, length, channels = u.shape
    gated = z is not None
    u, delta, B, C, D, delta_bias = (x.contiguous() for x in (u, delta, B, C, D, delta_bias))
    z = z.contiguous() if gated else u
    rates = (A.t() / math.log(2)).contiguous()
    h = h0.transpose(1, 2).clone(memory_format=torch.contiguous_format)
    y = torch.empty_like(u)
    starts = u.new_empty(batch, -(-length // CHUNK) if keep else 0, A.shape[1], channels)
    operands = (u, delta, rates, B, C, D, z, delta_bias)
    scratch = u.new_empty(_tasks(u), 2, A.shape[1], WIDTH)
    _run(drivers.forward, 1, operands, positive, gated, (h, y, starts, scratch))
    return y, h.transpose(1, 2), operands, starts


class _FusedScan(torch.autograd.Function):
    """Keeps the operands and the states at the chunks' starts; computes the others again."""

    @staticmethod
    def forward(ctx, positive, *operands):
        ctx.flags = positive, operands[6] is not None
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
        outputs = (dy.contiguous(), starts, *grads, rows, states)
        _run(drivers.backward, _BACKWARD, operands, *ctx.flags, outputs)
        du, ddelta, dA, dB, dC, dD, dz, dh0 = grads
        dbias = ddelta.sum((0, 1)) if ctx.needs_input_grad[8] else None
        dz = dz if ctx.flags[1] else None
        return (
            None, du, ddelta, dA.sum(0).t(), dB.sum(0), dC.sum(0), dD.sum(0), dz, dbias,
            dh0.transpose(1, 2),
        )  # fmt: skip


def _gradients(operands: list[Tensor], dlast: Tensor) -> tuple[Tensor, ...]:
    """Allocate what the backward kernel writes: gradients of u, delta, A, B, C, D, z, h0."""
    u, B = operands[0], operands[3]
    batch, _, channels = u.shape
    parts = (channels // WIDTH, *B.shape)
    return (
        torch.empty_like(u), torch.empty_like(u), u.new_zeros(batch, B.shape[2], channels),
        u.new_empty(parts), u.new_empty(parts), u.new_zeros(batch, channels), torch.empty_like(u),
        dlast.transpose(1, 2).clone(memory_format=torch.contiguous_format),
    )  # fmt: skip


def _run(driver, cost: int, operands, positive: bool, gated: bool, outputs) -> None:
    """Call a driver on the tensors' memory, its blocks shared among torch's number of threads."""
    u, rates = operands[0], operands[2]
    compile_once(u.dtype)
    operands, outputs = ([_array(x) for x in group] for group in (operands, outputs))
    steps = cost * u.numel() * rates.shape[0]
    share(driver, _tasks(u), steps, *operands, positive, gated, *outputs)


def _tasks(u: Tensor) -> int:
    """Return the number of blocks of channels; each is scanned apart."""
    return u.shape[0] * (u.shape[2] // WIDTH)


def _array(x: Tensor) -> np.ndarray:
    """Return the memory of a tensor; a call of ``detach`` costs a microsecond, and there are 11."""
    return (x.detach() if x.requires_grad else x).numpy()


def warm(dtypes=DTYPES, *, ablations: bool = False) -> None:
    """Compile the kernels, or load them from numba's cache, before somebody looks at the clock.

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


@functools.cache
def _compile_ablations() -> None:
    from paralg.recurrences.mamba.ablations import VARIANTS, run
    from paralg.recurrences.mamba.elementary import evaluate, exp2

    lanes, states, row = (torch.zeros(shape).numpy() for shape in _SMALL)
    with _one_process():
        evaluate(exp2, row)
        for variant in VARIANTS:
            run(variant, lanes, lanes, row.T.copy(), states, states, row[0], lanes, row[0])


@functools.cache
def compile_once(dtype: torch.dtype) -> None:
    """Compile both kernels for one type; one process at a time, so that the cache stays whole."""
    lanes, states, row = (torch.zeros(shape, dtype=dtype).numpy() for shape in _SMALL)
    x = (lanes, lanes, row, states, states, row[0], lanes, row[0], True, True)
    with _one_process():
        scratch = np.zeros((1, 2, 1, WIDTH), row.dtype)
        drivers.forward(0, 1, *x, row[None], lanes.copy(), row[None, None], scratch)
        drivers.backward(
            0, 1, *x, lanes, row[None, None], lanes.copy(), lanes.copy(), row[None].copy(),
            states[None].copy(), states[None].copy(), row.copy(), lanes.copy(), row[None].copy(),
            *(np.zeros((1, *shape), row.dtype) for shape in SCRATCH),
        )  # fmt: skip


_SMALL = ((1, 1, WIDTH), (1, 1, 1), (1, WIDTH))  # u, B, A with one token, channel block and state


@contextlib.contextmanager
def _one_process() -> Iterator[None]:
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
