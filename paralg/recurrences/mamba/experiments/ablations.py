"""The compiled forward pass with one idea taken away at a time, on one thread, to be measured."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.recurrences.mamba.fast import ScanOperands, kernels
from paralg.recurrences.mamba.theory import check_operands
from paralg.simd.cache import compile_lock, compiled
from paralg.simd.elementary import evaluate, exp2, sigmoid, softplus
from paralg.simd.lanes import WIDTH, load, store

__all__ = ["VARIANTS", "run", "warm"]

_compile = compiled(error_model="numpy")


@_compile
def plain(u, delta, A, B, C, D, z, bias, y):
    """Run each channel on its own, with scalars: what one writes first."""
    for d in range(u.shape[2]):
        for b in range(u.shape[0]):
            h = np.zeros(A.shape[0], u.dtype)
            for t in range(u.shape[1]):
                dt = np.log1p(np.exp(delta[b, t, d] + bias[d]))
                out = D[d] * u[b, t, d]
                for n in range(len(h)):
                    h[n] = np.exp2(dt * A[n, d]) * h[n] + dt * u[b, t, d] * B[b, t, n]
                    out += C[b, t, n] * h[n]
                y[b, t, d] = out * z[b, t, d] / (1 + np.exp(-z[b, t, d]))


@_compile
def lanes_library_exp(u, delta, A, B, C, D, z, bias, y):
    """Run 32 channels at a time, innermost, with the library's exp."""
    blocks = u.shape[2] // WIDTH
    for task in range(u.shape[0] * blocks):
        b, lo = task // blocks, task % blocks * WIDTH
        h, rows = np.zeros((A.shape[0], WIDTH), u.dtype), np.zeros((3, WIDTH), u.dtype)
        for t in range(u.shape[1]):
            for j in range(WIDTH):
                dt = np.log1p(np.exp(delta[b, t, lo + j] + bias[lo + j]))
                rows[0, j], rows[1, j] = dt, dt * u[b, t, lo + j]
                rows[2, j] = D[lo + j] * u[b, t, lo + j]
            for n in range(len(h)):
                for j in range(WIDTH):
                    h[n, j] = np.exp2(rows[0, j] * A[n, lo + j]) * h[n, j] + rows[1, j] * B[b, t, n]
                    rows[2, j] += C[b, t, n] * h[n, j]
            for j in range(WIDTH):
                gate = z[b, t, lo + j]
                y[b, t, lo + j] = rows[2, j] * gate / (1 + np.exp(-gate))


@compiled(error_model="numpy", _nrt=False)
def unfused(u, delta, A, B, C, D, z, bias, y, a, h):
    """Write all coefficients of the whole sequence, then all states, then read them."""
    blocks = u.shape[2] // WIDTH
    for task in range(u.shape[0] * blocks):
        b, lo = task // blocks, task % blocks * WIDTH
        for t in range(u.shape[1]):
            dt = softplus(load(delta, (b, t, lo)) + load(bias, (lo,)))
            dx = dt * load(u, (b, t, lo))
            for n in range(A.shape[0]):
                store(a, (b, t, n, lo), exp2(dt * load(A, (n, lo))))
                store(h, (b, t, n, lo), dx * B[b, t, n])
        for t in range(1, u.shape[1]):
            for n in range(A.shape[0]):
                before = load(h, (b, t - 1, n, lo))
                now = load(a, (b, t, n, lo)) * before + load(h, (b, t, n, lo))
                store(h, (b, t, n, lo), now)
        for t in range(u.shape[1]):
            out = load(D, (lo,)) * load(u, (b, t, lo))
            for n in range(A.shape[0]):
                out = out + load(h, (b, t, n, lo)) * C[b, t, n]
            gate = load(z, (b, t, lo))
            store(y, (b, t, lo), out * (gate * sigmoid(gate)))


def _fused(u, delta, A, B, C, D, z, bias, y) -> None:
    h = np.zeros((u.shape[0], A.shape[0], u.shape[2]), u.dtype)
    starts = np.empty((u.shape[0], 0, A.shape[0], u.shape[2]), u.dtype)
    tasks = u.shape[0] * (u.shape[2] // WIDTH)
    scratch = np.empty((tasks, 2, A.shape[0], WIDTH), u.dtype)
    arrays = (u, delta, A, B, C, D, z, bias, h, y, starts, scratch)
    addresses = tuple(x.ctypes.data for x in arrays)
    kernels.forward(0, tasks, (*u.shape, A.shape[0], 0), addresses, u.dtype.type(0), True, True)


def _unfused_with_memory(u, delta, A, B, C, D, z, bias, y) -> None:
    shape = (*u.shape[:2], A.shape[0], u.shape[2])
    unfused(u, delta, A, B, C, D, z, bias, y, np.empty(shape, u.dtype), np.empty(shape, u.dtype))


VARIANTS: dict[str, Callable] = {
    "fused, lanes, polynomial": _fused, "not fused": _unfused_with_memory,
    "library exp": lanes_library_exp, "one channel at a time": plain,
}  # fmt: skip


def run(variant: str, u, delta, A, B, C, D, z, delta_bias) -> NDArray:
    """Return the output of one variant, softplus and gate included."""
    checks.one_of("variant", variant, VARIANTS)
    operands = (u, delta, A, B, C, D, z, delta_bias)
    check_operands(ScanOperands(*operands))
    checks.one_of("the type of u", str(u.dtype), ("float32", "float64"))
    u, delta, A, B, C, D, z, delta_bias = (np.ascontiguousarray(x, u.dtype) for x in operands)
    checks.sizes(u=(u, "b L D"), A=(A, "D N"), B=(B, "b L N"), C=(C, "b L N"))
    if u.shape[2] % WIDTH:
        raise ValueError(f"channels must be a multiple of {WIDTH}, got {u.shape[2]}")
    y = np.empty_like(u)
    rates = np.ascontiguousarray(A.T / np.asarray(math.log(2), A.dtype))
    VARIANTS[variant](u, delta, rates, B, C, D, z, delta_bias, y)
    return y


def warm() -> None:
    """Compile every variant, and the elementary functions for arrays, before they are timed."""
    lanes, states, row = (np.zeros(s, np.float32) for s in ((1, 1, WIDTH), (1, 1, 1), (1, WIDTH)))
    with compile_lock():
        evaluate(exp2, row)
        for variant in VARIANTS:
            run(variant, lanes, lanes, row.T.copy(), states, states, row[0], lanes, row[0])
