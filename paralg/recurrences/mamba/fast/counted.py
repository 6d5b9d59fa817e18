"""All states of arrays by one scan of maps, its combines counted."""

from paralg.recurrences.mamba.recurrence import coefficients, read
from paralg.recurrences.mamba.theory import ScanRun, linear_states

__all__ = ["selective_scan_reference"]


def selective_scan_reference(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, *, delta_softplus: bool = False, h0=None,
    discretisation: str = "euler", method: str = "sequential", chunk: int | None = None,
) -> ScanRun:  # fmt: skip
    """Return the same as `selective_scan_loop`, by one scan of affine maps, and its cost."""
    u, a, b, h0 = coefficients(u, delta, A, B, delta_bias, delta_softplus, h0, discretisation)
    states, cost = linear_states(a, b, h0, method=method, chunk=chunk)
    last = states[:, -1] if u.shape[1] else h0
    return ScanRun(read(states, C, u, D, z), last, states, cost)
