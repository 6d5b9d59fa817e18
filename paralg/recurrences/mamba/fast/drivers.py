"""Run the kernels over rows and blocks of channels: what the tensors' operator calls."""

from __future__ import annotations

from numba import njit

from paralg.recurrences.mamba.fast import kernels
from paralg.recurrences.mamba.fast.kernels import (
    SCRATCH,
    Grads,
    Switches,
    backward_block,
    forward_block,
)
from paralg.recurrences.mamba.recurrence import Operands
from paralg.simd.cache import cached
from paralg.simd.lanes import WIDTH, load, memory, store

__all__ = ["backward", "forward"]


@njit(error_model="numpy", _nrt=False)
def operands(addresses, sizes, zero):
    """Return the arrays at eight addresses as the operands of the kernels."""
    rows, length, channels, states = sizes
    sequence, vectors = (rows, length, channels), (rows, length, states)
    return Operands(
        memory(addresses[0], sequence, zero), memory(addresses[1], sequence, zero),
        memory(addresses[2], (states, channels), zero),
        memory(addresses[3], vectors, zero), memory(addresses[4], vectors, zero),
        memory(addresses[5], (channels,), zero), memory(addresses[6], sequence, zero),
        memory(addresses[7], (channels,), zero), None,
    )  # fmt: skip


@cached(kernels.__file__)
def _drivers(digest, compiled):
    @compiled
    def forward(begin, end, sizes, addresses, zero, positive, gated):
        """Scan blocks begin … end - 1.

        ``sizes`` are b, L, D, N and the number of kept chunks; ``zero`` has the type of all
        numbers. ``addresses`` are of the eight arrays of `Operands`; of ``h`` (b, N, D), which
        holds the first and then the last states; of the output (b, L, D), of the states at the
        chunks' starts (b, chunks, N, D) and of scratch (blocks of all rows, 2, N, 32), of which
        entry ``begin`` is used.
        """
        _ = digest
        rows, length, channels, states, chunks = sizes
        x = operands(addresses[:8], sizes[:4], zero)
        how = Switches(positive, gated)
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
            for n in range(states):
                store(h, (b, n, lo), load(state, (n, 0)))

    @compiled
    def backward(begin, end, sizes, addresses, zero, positive, gated):
        """Run blocks backwards; the gradients of A and D start at 0, that of h0 at the last's.

        After the operands come the addresses of the output's gradient (b, L, D), of the states at
        the chunks' starts, of the arrays of `Grads`, those of B and C together, and of two arrays
        of scratch, for every block the shapes ``SCRATCH``, of which the entries number ``begin``
        are used.
        """
        _ = digest
        rows, length, channels, states, chunks = sizes
        blocks, a = channels // WIDTH, addresses
        sequence = (rows, length, channels)
        x, how = operands(a[:8], sizes[:4], zero), Switches(positive, gated)
        dy = memory(a[8], sequence, zero)
        starts = memory(a[9], (rows, chunks, states, channels), zero)
        parts = memory(a[13], (2, blocks, rows, length, states), zero)
        g = Grads(
            memory(a[10], sequence, zero), memory(a[11], sequence, zero),
            memory(a[12], (rows, states, channels), zero), parts[0], parts[1],
            memory(a[14], (rows, channels), zero), memory(a[15], sequence, zero),
            memory(a[16], (rows, states, channels), zero),
        )  # fmt: skip
        table = memory(a[17], (rows * blocks, *SCRATCH[0]), zero)
        kept = memory(a[18], (rows * blocks, *SCRATCH[1]), zero)
        for task in range(begin, end):
            b, block = task // blocks, task % blocks
            backward_block(x, how, g, dy, starts, b, block, table[begin], kept[begin])

    return forward, backward


forward, backward = _drivers
