"""Run the kernels over all rows and blocks of channels in parallel, compiled once and cached.

numba's cache looks at the file of the function that is called and at the values it closes over, not
at the files it calls into. The drivers close over a digest of those, so that an edited kernel is
compiled again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numba import njit, prange

from paralg.recurrences.mamba.kernels import Grads, Operands, backward_block, forward_block
from paralg.recurrences.mamba.lanes import WIDTH

__all__ = ["backward", "forward"]

_SOURCES = ("lanes.py", "polynomials.py", "elementary.py", "kernels.py")


def _digest() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _SOURCES)).hexdigest()


def _drivers(digest: str):
    """Build both drivers; ``digest`` becomes part of numba's cache key."""

    @njit(cache=True, parallel=True, error_model="numpy")
    def forward(u, delta, A, B, C, D, z, bias, positive, gated, h, y, starts):
        """Scan every block; ``h`` of shape (b, N, D) holds the first and then the last states."""
        _ = digest
        blocks = u.shape[2] // WIDTH
        for task in prange(u.shape[0] * blocks):
            x = Operands(u, delta, A, B, C, D, z, bias, positive, gated)
            b, lo = task // blocks, task % blocks * WIDTH
            state = np.empty((A.shape[0], WIDTH), u.dtype)
            state[:] = h[b, :, lo : lo + WIDTH]
            forward_block(x, b, lo, state, y, starts)
            h[b, :, lo : lo + WIDTH] = state

    @njit(cache=True, parallel=True, error_model="numpy")
    def backward(u, delta, A, B, C, D, z, bias, positive, gated, dy, starts,
                 du, ddelta, dA, dB, dC, dD, dz, dh0):  # fmt: skip
        """Run every block backwards; the gradients ``dA, dD`` start at 0, ``dh0`` at the last's."""
        _ = digest
        blocks = u.shape[2] // WIDTH
        for task in prange(u.shape[0] * blocks):
            x = Operands(u, delta, A, B, C, D, z, bias, positive, gated)
            g = Grads(du, ddelta, dA, dB, dC, dD, dz, dh0)
            backward_block(x, g, dy, starts, task // blocks, task % blocks)

    return forward, backward


forward, backward = _drivers(_digest())
