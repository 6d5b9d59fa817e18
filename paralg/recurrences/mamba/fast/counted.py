"""All states of arrays by one scan of maps, its combines counted."""

from __future__ import annotations

import numpy as np

from paralg.recurrences.mamba.recurrence import discretise, first_state, prepared, read
from paralg.recurrences.mamba.theory import ScanRun, linear_states

__all__ = ["selective_scan_reference"]


def selective_scan_reference(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, *, delta_softplus: bool = False, h0=None,
    discretisation: str = "euler", method: str = "sequential", chunk: int | None = None,
) -> ScanRun:  # fmt: skip
    """Compute all states by one scan of :data:`~paralg.core.primitives.AFFINE`.

    Parameters
    ----------
    u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0, discretisation
        As in the table of :mod:`~paralg.recurrences.mamba.recurrence`.
    method, chunk
        As for :func:`paralg.core.primitives.scan`.

    Returns
    -------
    ScanRun
        The values of `selective_scan_loop` up to rounding, and the combines of one lane as counted
        in the run.

    Raises
    ------
    ValueError
        Shapes that do not fit, or an unknown method.

    References
    ----------
    [gu-2023-mamba], section 3.3.2.
    """
    u, delta = prepared(u, delta, delta_bias, delta_softplus)
    a, b = discretise(delta, np.asarray(A), np.asarray(B), discretisation)
    drive = b * u[..., None]
    h0 = first_state(drive, h0)
    states, cost = linear_states(a, drive, h0, method=method, chunk=chunk)
    last = states[:, -1] if u.shape[1] else h0
    return ScanRun(read(states, C, u, D, z), last, states, cost)
