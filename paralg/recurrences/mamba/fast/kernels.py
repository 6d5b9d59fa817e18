r"""The fused selective scan, forward and backward, in blocks of 32 channels, compiled by numba.

Time runs in a plain loop; the 32 channels of a block are the lanes of SIMD registers, and the N
states of a block stay in the first-level cache. Nothing of size L x D x N is ever written: the
forward pass leaves the states at the start of every chunk of ``CHUNK`` steps, and the backward pass
computes the states of one chunk again from there.

Nothing is allocated here: scratch comes from the caller, and numba counts no references, which took
more than half of the time of the forward pass.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from paralg.recurrences.mamba.fast import ScanOperands
from paralg.simd.cache import compiled
from paralg.simd.elementary import exp2, sigmoid, softplus
from paralg.simd.lanes import WIDTH, load, memory, store, total

__all__ = ["CHUNK", "SCRATCH", "Grads", "Switches", "backward", "forward"]

CHUNK = 32
"""Steps between two stored states."""

_LN2 = math.log(2)
_compile = njit(error_model="numpy", _nrt=False)

# Rows of a step's scratch: step size, step size times input, gradient of the output before the
# gate, output before the gate, gradient of the step size through A, gradient of row DX.
DT, DX, DY, Y, DDT, DDX = range(6)

SCRATCH = ((CHUNK, 6, WIDTH), (CHUNK + 1, 2, WIDTH))
"""Shapes of the backward pass's scratch: rows of a chunk's steps; its states and decays."""


class Switches(NamedTuple):
    """What the kernels do besides: both are known only when they run."""

    positive: bool  # whether delta goes through softplus
    gated: bool  # whether z counts


class Grads(NamedTuple):
    """What a block's backward pass writes; B and C get a part from every block of channels."""

    u: np.ndarray  # (b, L, D)
    delta: np.ndarray  # (b, L, D)
    A: np.ndarray  # (b, N, D)
    B: np.ndarray  # (blocks, b, L, N)
    C: np.ndarray  # (blocks, b, L, N)
    D: np.ndarray  # (b, D)
    z: np.ndarray  # (b, L, D)
    h0: np.ndarray  # (b, N, D)


@_compile
def forward_block(x, how, b, lo, A, h, y, starts):
    """Scan channels lo … lo + 31 of row b; ``h`` (N, 32) holds the states, ``y`` the output."""
    for n in range(h.shape[0]):
        store(A, (n, 0), load(x.A, (n, lo)))
    for t in range(x.u.shape[1]):
        if t % CHUNK == 0 and starts.shape[1] > 0:
            keep(h, starts[b, t // CHUNK], lo)
        forward_step(x, how, b, t, lo, A, h, y)


@_compile
def keep(h, target, lo):
    """Copy the states of a block to channels lo … lo + 31 of ``target``."""
    for n in range(h.shape[0]):
        store(target, (n, lo), load(h, (n, 0)))


@_compile
def forward_step(x, how, b, t, lo, A, h, y):
    """Advance the states by one token and write its output."""
    dt = step_size(x, how, b, t, lo)
    u = load(x.u, (b, t, lo))
    dx, out = dt * u, u * load(x.D, (lo,))
    for n in range(h.shape[0]):
        state = exp2(dt * load(A, (n, 0))) * load(h, (n, 0)) + dx * x.B[b, t, n]
        store(h, (n, 0), state)
        out = out + state * x.C[b, t, n]
    if how.gated:
        z = load(x.z, (b, t, lo))
        out = out * (z * sigmoid(z))
    store(y, (b, t, lo), out)


@_compile
def step_size(x, how, b, t, lo):
    """Return the step sizes of 32 channels: bias added, softplus where asked for."""
    raw = load(x.delta, (b, t, lo)) + load(x.delta_bias, (lo,))
    if how.positive:
        raw = softplus(raw)
    return raw


@_compile
def backward_block(x, how, g, dy, starts, b, block, rows, states):
    """Run the chunks of one block of channels backwards; ``g.h0`` holds the carry of each state."""
    lo = block * WIDTH
    for chunk in range(starts.shape[1] - 1, -1, -1):
        first = chunk * CHUNK
        steps = min(CHUNK, x.u.shape[1] - first)
        for t in range(steps):
            prepare(x, how, g, dy, b, first + t, lo, rows[t])
        for n in range(x.A.shape[0]):
            A = load(x.A, (n, lo))
            store(states, (0, 0, 0), load(starts, (b, chunk, n, lo)))
            recompute(x, b, first, steps, n, A, rows, states)
            reverse_scan(x, g, b, block, first, steps, n, A, rows, states)
        for t in range(steps):
            finish(x, how, g, dy, b, first + t, lo, rows[t])


@_compile
def prepare(x, how, g, dy, b, t, lo, row):
    """Fill the scratch rows of one step, and add its part to the gradient of D."""
    dt, u, out = step_size(x, how, b, t, lo), load(x.u, (b, t, lo)), load(dy, (b, t, lo))
    if how.gated:
        z = load(x.z, (b, t, lo))
        out = out * (z * sigmoid(z))
    store(row, (DT, 0), dt)
    store(row, (DX, 0), dt * u)
    store(row, (DY, 0), out)
    store(row, (Y, 0), u * load(x.D, (lo,)))
    store(row, (DDT, 0), u * 0.0)
    store(row, (DDX, 0), u * 0.0)
    store(g.D, (b, lo), load(g.D, (b, lo)) + out * u)


@_compile
def recompute(x, b, first, steps, n, A, rows, states):
    """Compute state n of a chunk again: row 0 of ``states`` is h before a step, row 1 the decay."""
    h = load(states, (0, 0, 0))
    for t in range(steps):
        decay = exp2(load(rows, (t, DT, 0)) * A)
        h = decay * h + load(rows, (t, DX, 0)) * x.B[b, first + t, n]
        store(states, (t, 1, 0), decay)
        store(states, (t + 1, 0, 0), h)
        store(rows, (t, Y, 0), load(rows, (t, Y, 0)) + h * x.C[b, first + t, n])


@_compile
def reverse_scan(x, g, b, block, first, steps, n, A, rows, states):
    """Scan the gradient of state n from the right; add its parts to the operands' gradients."""
    lo = block * WIDTH
    carry, dA = load(g.h0, (b, n, lo)), load(g.A, (b, n, lo))
    for t in range(steps - 1, -1, -1):
        B, C = x.B[b, first + t, n], x.C[b, first + t, n]
        dy = load(rows, (t, DY, 0))
        dh = carry + dy * C
        g.B[block, b, first + t, n] = total(dh * load(rows, (t, DX, 0)))
        g.C[block, b, first + t, n] = total(dy * load(states, (t + 1, 0, 0)))
        store(rows, (t, DDX, 0), load(rows, (t, DDX, 0)) + dh * B)
        carry = load(states, (t, 1, 0)) * dh
        dlog = carry * load(states, (t, 0, 0))  # gradient of the exponent, step size times A
        store(rows, (t, DDT, 0), load(rows, (t, DDT, 0)) + dlog * A)
        dA = dA + dlog * load(rows, (t, DT, 0))
    store(g.h0, (b, n, lo), carry)
    store(g.A, (b, n, lo), dA)


@_compile
def finish(x, how, g, dy, b, t, lo, row):
    """Turn the sums over states into the gradients of u, delta and z of one step."""
    u, ddx = load(x.u, (b, t, lo)), load(row, (DDX, 0))
    du = load(row, (DY, 0)) * load(x.D, (lo,)) + ddx * load(row, (DT, 0))
    store(g.u, (b, t, lo), du)
    ddelta = load(row, (DDT, 0)) * _LN2 + ddx * u
    if how.positive:
        ddelta = ddelta * sigmoid(load(x.delta, (b, t, lo)) + load(x.delta_bias, (lo,)))
    store(g.delta, (b, t, lo), ddelta)
    if how.gated:
        z = load(x.z, (b, t, lo))
        s = sigmoid(z)
        slope = s * (z * (1.0 - s) + 1.0)
        store(g.z, (b, t, lo), load(dy, (b, t, lo)) * load(row, (Y, 0)) * slope)


@_compile
def operands(addresses, sizes, zero):
    """Return the arrays at eight addresses as the operands of the kernels."""
    rows, length, channels, states, _ = sizes
    sequence, vectors = (rows, length, channels), (rows, length, states)
    return ScanOperands(
        memory(addresses[0], sequence, zero), memory(addresses[1], sequence, zero),
        memory(addresses[2], (states, channels), zero),
        memory(addresses[3], vectors, zero), memory(addresses[4], vectors, zero),
        memory(addresses[5], (channels,), zero), memory(addresses[6], sequence, zero),
        memory(addresses[7], (channels,), zero), None,
    )  # fmt: skip


@compiled(error_model="numpy", _nrt=False)
def forward(begin, end, sizes, addresses, zero, positive, gated):
    """Scan blocks begin … end - 1; ``sizes`` are b, L, D, N and the number of kept chunks.

    ``zero`` has the type of all numbers. ``addresses`` are of eight arrays of `ScanOperands`,
    of ``h``, which holds the first and then the last states, of the output, of the states at
    the chunks' starts, and of scratch, of which entry ``begin`` is used.
    """
    rows, length, channels, states, chunks = sizes
    x, how = operands(addresses[:8], sizes, zero), Switches(positive, gated)
    h = memory(addresses[8], (rows, states, channels), zero)
    y = memory(addresses[9], (rows, length, channels), zero)
    starts = memory(addresses[10], (rows, chunks, states, channels), zero)
    blocks = channels // WIDTH
    scratch = memory(addresses[11], (rows * blocks, 2, states, WIDTH), zero)
    rates, state = scratch[begin, 0], scratch[begin, 1]
    for task in range(begin, end):
        b, lo = task // blocks, task % blocks * WIDTH
        for n in range(states):
            store(state, (n, 0), load(h, (b, n, lo)))
        forward_block(x, how, b, lo, rates, state, y, starts)
        keep(state, h[b], lo)


@compiled(error_model="numpy", _nrt=False)
def backward(begin, end, sizes, addresses, zero, positive, gated):
    """Run blocks backwards; the gradients of A and D start at 0, that of h0 at the last's.

    After the operands come the addresses of the output's gradient, of the states at the chunks'
    starts, of the arrays of `Grads`, those of B and C together, and of two arrays of scratch,
    for every block the shapes ``SCRATCH``, of which the entries number ``begin`` are used.
    """
    rows, length, channels, states, chunks = sizes
    blocks, a = channels // WIDTH, addresses
    sequence, carried = (rows, length, channels), (rows, states, channels)
    x, how = operands(a[:8], sizes, zero), Switches(positive, gated)
    dy = memory(a[8], sequence, zero)
    starts = memory(a[9], (rows, chunks, states, channels), zero)
    parts = memory(a[13], (2, blocks, rows, length, states), zero)
    g = Grads(
        memory(a[10], sequence, zero), memory(a[11], sequence, zero),
        memory(a[12], carried, zero), parts[0], parts[1],
        memory(a[14], (rows, channels), zero), memory(a[15], sequence, zero),
        memory(a[16], carried, zero),
    )  # fmt: skip
    table = memory(a[17], (rows * blocks, *SCRATCH[0]), zero)
    kept = memory(a[18], (rows * blocks, *SCRATCH[1]), zero)
    for task in range(begin, end):
        b, block = task // blocks, task % blocks
        backward_block(x, how, g, dy, starts, b, block, table[begin], kept[begin])
