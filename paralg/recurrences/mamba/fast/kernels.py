r"""The fused selective scan of one block of 32 channels, forward and backward, compiled by numba.

Time runs in a plain loop; the 32 channels of a block are the lanes of SIMD registers, and the N
states of a block stay in the first-level cache. Nothing of size L x D x N is ever written: the
forward pass leaves the states at the start of every chunk of ``CHUNK`` steps, and the backward pass
computes the states of one chunk again from there.

Nothing is allocated here: scratch comes from the caller, and the functions are compiled without
numba's reference counting. With it every call of an inner function counts its arrays up and down
by atomic instructions, which took more than half of the time of the forward pass.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from paralg.simd.elementary import exp2, sigmoid, softplus
from paralg.simd.lanes import WIDTH, load, store, total

__all__ = ["CHUNK", "Grads", "Switches", "backward_block", "forward_block"]

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
    """Scan channels lo … lo + 31 of row b; ``h`` (N, 32) holds the states, ``y`` gets the output.
    """
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
