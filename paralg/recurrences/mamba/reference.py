r"""The selective scan said plainly in numpy: the oracle of every fast version.

.. math:: h_t = \bar A_t h_{t-1} + \bar B_t x_t, \qquad y_t = C_t h_t + D x_t

for each of D channels with N states of its own; the lanes (channel, state) never mix.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.primitives import AFFINE, scan

__all__ = [
    "ScanRun", "discretise", "linear_states", "phi", "reverse_states", "selective_scan_loop",
    "selective_scan_reference", "silu", "softplus",
]  # fmt: skip

_SMALL = 0.5
_TAYLOR = 1 / np.cumprod(np.arange(1.0, 16))  # 1/(k + 1)! for k = 0 … 14


@dataclass(frozen=True)
class ScanRun:
    """What a selective scan returns, and what it cost.

    Parameters
    ----------
    y : ndarray, shape (b, L, D)
        Output.
    last : ndarray, shape (b, D, N)
        State after the last token.
    states : ndarray, shape (b, L, D, N)
        State after every token.
    cost : Cost
        Combines of one lane's scan; the b D N lanes run beside each other.
    """

    y: NDArray
    last: NDArray
    states: NDArray
    cost: Cost


def softplus(x: NDArray) -> NDArray:
    r"""Return :math:`\log(1 + e^x)` without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def silu(x: NDArray) -> NDArray:
    r"""Return :math:`x \, \sigma(x)`, the gate of the block."""
    return x * np.exp(-softplus(-x))


def phi(x: NDArray) -> NDArray:
    r"""Return :math:`(e^x - 1)/x`, which is 1 at 0.

    Parameters
    ----------
    x : ndarray of float or complex
        Here :math:`\Delta A`; a Taylor polynomial serves :math:`|x| < 1/2`.

    Returns
    -------
    ndarray
        Same shape.

    Examples
    --------
    >>> phi(np.array([0.0, 1e-12, 1.0])).round(6)
    array([1.      , 1.      , 1.718282])
    """
    small = np.abs(x) < _SMALL
    near = np.polynomial.polynomial.polyval(np.where(small, x, 0), _TAYLOR)
    far = np.where(small, 1, x)
    return np.where(small, near, (np.exp(far) - 1) / far)


def discretise(delta, A, B, *, method: str = "euler") -> tuple[NDArray, NDArray]:
    r"""Return :math:`\bar A` and :math:`\bar B` of a step of length :math:`\Delta`.

    .. math:: \bar A = e^{\Delta A}, \qquad
       \bar B = \Delta B \quad\text{(euler)}, \qquad
       \bar B = (\Delta A)^{-1} (e^{\Delta A} - 1) \, \Delta B \quad\text{(zoh)}

    Parameters
    ----------
    delta : ndarray, shape (b, L, D)
        Step sizes.
    A : ndarray, shape (D, N), real or complex
        Decay rates.
    B : ndarray, shape (b, L, N) or (D, N)
        Input vectors: one for each token, or one for each channel.
    method : {"euler", "zoh"}
        The released code keeps the exact hold for A and takes Euler's step for B; "zoh" is exact
        for both.

    Returns
    -------
    (ndarray, ndarray), shape (b, L, D, N)

    Raises
    ------
    ValueError
        Unknown method.

    Notes
    -----
    ============== ================================
    paper          here
    ============== ================================
    Δ, A, B        ``delta``, ``A``, ``B``
    Ā, B̄           the two results
    ============== ================================

    References
    ----------
    [gu-2023-mamba], equation 4.
    """
    if method not in ("euler", "zoh"):
        raise ValueError(f"method must be 'euler' or 'zoh', got {method!r}")
    step = delta[..., None]
    scaled = step * _per_channel(B)
    if method == "zoh":
        scaled = scaled * phi(step * A)
    return np.exp(step * A), scaled


def _per_channel(vectors: NDArray) -> NDArray:
    """Give B or C an axis for the channels: (b, L, N) to (b, L, 1, N); (D, N) has one."""
    return vectors[:, :, None] if vectors.ndim == 3 else vectors


def selective_scan_loop(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, *, delta_softplus: bool = False, h0=None,
    discretisation: str = "euler",
) -> ScanRun:  # fmt: skip
    """Run the recurrence token by token.

    Parameters
    ----------
    u, delta, z : array_like, shape (b, L, D)
        Input, step size, gate (optional).
    A : array_like, shape (D, N), real or complex
        Decay rates; complex ones stand for conjugate pairs, so twice the real part is read.
    B, C : array_like, shape (b, L, N) or (D, N)
        Input and output vectors.
    D, delta_bias : array_like, shape (D,), optional
        Skip connection; what is added to ``delta``.
    delta_softplus : bool
        Whether the step size is softplus of ``delta``.
    h0 : array_like, shape (b, D, N), optional
        State before the first token.
    discretisation : {"euler", "zoh"}
        See `discretise`.

    Returns
    -------
    ScanRun

    Cost
    ----
    Work L and span L for each of the b D N lanes.

    Examples
    --------
    >>> one = np.ones((1, 3, 1))
    >>> run = selective_scan_loop(one, one, np.array([[-np.log(2)]]), one, one)
    >>> run.y.ravel()
    array([1.  , 1.5 , 1.75])
    """
    u, delta = _prepared(u, delta, delta_bias, delta_softplus)
    a, b = discretise(delta, np.asarray(A), np.asarray(B), method=discretisation)
    drive = b * u[..., None]
    h = _first_state(drive, h0)
    states = np.empty_like(drive, shape=np.broadcast_shapes(a.shape, drive.shape))
    for t in range(u.shape[1]):
        h = a[:, t] * h + drive[:, t]
        states[:, t] = h
    length = u.shape[1]
    return ScanRun(_read(states, C, u, D, z), h, states, Cost(work=length, span=length))


def selective_scan_reference(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, *, delta_softplus: bool = False, h0=None,
    discretisation: str = "euler", method: str = "sequential", chunk: int | None = None,
) -> ScanRun:  # fmt: skip
    """Compute all states by one scan of :data:`~paralg.core.primitives.AFFINE`.

    Parameters
    ----------
    method, chunk
        As for :func:`paralg.core.primitives.scan`.
    u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0, discretisation
        As for `selective_scan_loop`.

    Returns
    -------
    ScanRun
        The same values up to rounding, and the combines of one lane as counted in the run.
    """
    u, delta = _prepared(u, delta, delta_bias, delta_softplus)
    a, b = discretise(delta, np.asarray(A), np.asarray(B), method=discretisation)
    drive = b * u[..., None]
    h0 = _first_state(drive, h0)
    states, cost = linear_states(a, drive, h0, method=method, chunk=chunk)
    last = states[:, -1] if u.shape[1] else h0
    return ScanRun(_read(states, C, u, D, z), last, states, cost)


def linear_states(a, b, h0=None, *, method: str = "sequential", chunk: int | None = None):
    """Return all states of ``h = a h + b`` and the cost of their scan.

    Parameters
    ----------
    a, b : ndarray, shape (batch, L, ...)
        Coefficients; time is axis 1.
    h0 : ndarray, shape (batch, ...), optional
        First state, taken in by the element (1, h0) on the left.
    method, chunk
        As for :func:`paralg.core.primitives.scan`.

    Returns
    -------
    (ndarray, Cost)
        States of shape (batch, L, ...), combines of one lane.
    """
    elements = tuple(np.moveaxis(x, 1, 0) for x in np.broadcast_arrays(a, b))
    initial = None if h0 is None else (np.ones_like(elements[0][0]), h0) if len(a[0]) else None
    result = scan(AFFINE, elements, method=method, chunk=chunk, initial=initial)
    return np.moveaxis(result.values[1], 0, 1), result.cost


def reverse_states(a, dh, *, method: str = "sequential", chunk: int | None = None):
    r"""Return the gradients of all states: the scan of the same monoid from the right.

    .. math:: g_t = \partial L/\partial h_t = dh_t + \bar A_{t+1} g_{t+1}

    Parameters
    ----------
    a : ndarray, shape (batch, L, ...)
        Coefficients of the forward recurrence; they are used shifted by one, with 0 at the end.
    dh : ndarray, shape (batch, L, ...)
        Direct gradient of each state, :math:`C_t \, dy_t`.
    method, chunk
        As for :func:`paralg.core.primitives.scan`.

    Returns
    -------
    (ndarray, Cost)
        g of shape (batch, L, ...), combines of one lane.
    """
    shifted = np.concatenate([a[:, 1:], np.zeros_like(a[:, :1])], axis=1)
    g, cost = linear_states(np.conj(shifted[:, ::-1]), dh[:, ::-1], method=method, chunk=chunk)
    return g[:, ::-1], cost


def _prepared(u, delta, delta_bias, delta_softplus: bool):
    """Return the input and the positive step sizes as arrays."""
    u, delta = np.asarray(u), np.asarray(delta)
    if u.ndim != 3 or delta.shape != u.shape:
        raise ValueError(f"u and delta must share a shape (b, L, D), got {u.shape}, {delta.shape}")
    delta = delta if delta_bias is None else delta + np.asarray(delta_bias)
    return u, softplus(delta) if delta_softplus else delta


def _first_state(drive: NDArray, h0) -> NDArray:
    shape = drive.shape[:1] + drive.shape[2:]
    if h0 is None:
        return np.zeros(shape, drive.dtype)
    if np.shape(h0) != shape:
        raise ValueError(f"h0 must have the shape {shape}, got {np.shape(h0)}")
    return np.asarray(h0)


def _read(states: NDArray, C, u: NDArray, D, z) -> NDArray:
    """Return the output: states read by C, the input skipping ahead by D, the gate z."""
    y = (states * _per_channel(np.asarray(C))).sum(axis=-1)
    if np.iscomplexobj(y):
        y = 2 * y.real
    y = y if D is None else y + np.asarray(D) * u
    return y if z is None else y * silu(np.asarray(z))
