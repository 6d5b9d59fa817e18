"""All states of arrays by one scan of maps, its combines counted."""

from paralg.recurrences.mamba.recurrence import coefficients, read
from paralg.recurrences.mamba.theory import ScanRun, as_floats, linear_states

__all__ = ["selective_scan_reference"]


def selective_scan_reference(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, *, delta_softplus: bool = False, h0=None,
    discretisation: str = "euler", method: str = "sequential", chunk: int | None = None,
) -> ScanRun:  # fmt: skip
    """Return the same as `selective_scan_loop`, by one scan of affine maps, and its cost."""
    x = as_floats(u, delta, A, B, C, D, z, delta_bias, h0)
    a, b, first = coefficients(x, delta_softplus, discretisation)
    states, cost = linear_states(a, b, x.h0, method=method, chunk=chunk)
    last = states[:, -1] if b.shape[1] else first
    return ScanRun(read(states, x), last, states, cost)
