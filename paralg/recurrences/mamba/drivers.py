"""Run the kernels over rows and blocks of channels; compiled once, cached, without the global lock.

numba's cache looks at the file of the function that is called and at the values it closes over, not
at the files it calls into. The drivers close over a digest of those, so that an edited kernel is
compiled again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from numba import njit

from paralg.recurrences.mamba.elementary import by_number
from paralg.recurrences.mamba.kernels import Grads, Operands, backward_block, forward_block
from paralg.recurrences.mamba.lanes import WIDTH, load, store

__all__ = ["backward", "cached", "forward", "over_rows"]

_SOURCES = ("lanes.py", "polynomials.py", "elementary.py", "kernels.py")


def _digest() -> str:
    folder = Path(__file__).parent
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in _SOURCES)).hexdigest()


def cached(build):
    """Compile the functions that ``build(digest)`` returns; the digest is part of the cache key."""
    return build(_digest(), njit(cache=True, nogil=True, error_model="numpy", _nrt=False))


@cached
def _drivers(digest, compiled):
    @compiled
    def forward(begin, end, u, delta, A, B, C, D, z, bias, positive, gated, h, y, starts, scratch):
        """Scan blocks begin … end - 1; ``h`` (b, N, D) holds the first and then the last states.

        ``scratch`` is of shape (blocks of all rows, 2, N, 32); ``scratch[begin]`` is used.
        """
        _ = digest
        x = Operands(u, delta, A, B, C, D, z, bias, positive, gated)
        blocks = u.shape[2] // WIDTH
        rates, state = scratch[begin, 0], scratch[begin, 1]
        for task in range(begin, end):
            b, lo = task // blocks, task % blocks * WIDTH
            for n in range(A.shape[0]):
                store(state, (n, 0), load(h, (b, n, lo)))
            forward_block(x, b, lo, rates, state, y, starts)
            for n in range(A.shape[0]):
                store(h, (b, n, lo), load(state, (n, 0)))

    @compiled
    def backward(begin, end, u, delta, A, B, C, D, z, bias, positive, gated, dy, starts,
                 du, ddelta, dA, dB, dC, dD, dz, dh0, rows, states):  # fmt: skip
        """Run blocks backwards; the gradients ``dA, dD`` start at 0, ``dh0`` at the last's.

        Of the scratch ``rows`` and ``states`` the entries number ``begin`` are used.
        """
        _ = digest
        x = Operands(u, delta, A, B, C, D, z, bias, positive, gated)
        g = Grads(du, ddelta, dA, dB, dC, dD, dz, dh0)
        blocks = u.shape[2] // WIDTH
        for task in range(begin, end):
            b, block = task // blocks, task % blocks
            backward_block(x, g, dy, starts, b, block, rows[begin], states[begin])

    @compiled
    def over_rows(which, rows):
        """Apply an elementary function to every row of 32 numbers, in place."""
        _ = digest
        for i in range(rows.shape[0]):
            store(rows, (i, 0), by_number(which, load(rows, (i, 0))))

    return forward, backward, over_rows


forward, backward, over_rows = _drivers
