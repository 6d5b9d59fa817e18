r"""The selective scan, plain: the oracle of every fast version, and what its letters mean.

.. math:: h_t = \bar A_t h_{t-1} + \bar B_t u_t, \qquad
          y_t = (C_t h_t + D u_t) \cdot \operatorname{SiLU}(z_t)

for each of D channels with N states of its own; the lanes (channel, state) never mix.

All scans of the chapter, of arrays and of tensors, take these operands (b batch, L length):

================== ======================== ====================================================
``u``              (b, L, D)                input
``delta``          (b, L, D)                step size, before bias and softplus
``A``              (D, N)                   decay rates; complex ones stand for conjugate pairs,
                                            so twice the real part is read
``B``, ``C``       (b, L, N) or (D, N)      input and output vectors: of each token, shared by the
                                            channels; or of each channel
``D``              (D,), optional           skip connection
``z``              (b, L, D), optional      gate
``delta_bias``     (D,), optional           added to ``delta``
``h0``             (b, D, N), optional      state before the first token; 0 by default
``delta_softplus`` bool                     whether softplus makes the step size positive, after
                                            the bias
``discretisation`` "euler" or "zoh"         how B becomes discrete; see `discretise`
================== ======================== ====================================================
"""

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.recurrences.mamba.theory import ScanRun, library_of, per_channel, phi, silu, softplus

__all__ = ["discretise", "selective_scan_loop"]


def discretise(delta, A, B, method: str = "euler"):
    r"""Return :math:`\bar A` and :math:`\bar B` of a step of length :math:`\Delta`.

    .. math:: \bar A = e^{\Delta A}, \qquad
       \bar B = \Delta B \quad\text{(euler)}, \qquad
       \bar B = (\Delta A)^{-1} (e^{\Delta A} - 1) \, \Delta B \quad\text{(zoh)}

    Parameters
    ----------
    delta : ndarray or Tensor, shape (b, L, D)
        Step sizes, as they are used.
    A, B : ndarray or Tensor
        As in the table of :mod:`~paralg.recurrences.mamba.recurrence`.
    method : {"euler", "zoh"}
        The released code keeps the exact hold for A and takes Euler's step for B; "zoh" is exact
        for both.

    Returns
    -------
    (ndarray, ndarray) or (Tensor, Tensor), shape (b, L, D, N)

    Raises
    ------
    ValueError
        Unknown method.

    References
    ----------
    [gu-2023-mamba], equation 4.
    """
    if method not in ("euler", "zoh"):
        raise ValueError(f"method must be 'euler' or 'zoh', got {method!r}")
    step = delta[..., None]
    scaled = step * per_channel(B)
    if method == "zoh":
        scaled = scaled * phi(step * A)
    return library_of(delta).exp(step * A), scaled


def selective_scan_loop(
    u, delta, A, B, C, D=None, z=None, delta_bias=None, *, delta_softplus: bool = False, h0=None,
    discretisation: str = "euler",
) -> ScanRun:  # fmt: skip
    """Run the recurrence token by token, in L dependent steps.

    Parameters
    ----------
    u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0, discretisation
        As in the table of :mod:`~paralg.recurrences.mamba.recurrence`.

    Returns
    -------
    ScanRun

    Raises
    ------
    ValueError
        Shapes that do not fit, or an unknown discretisation.

    Cost
    ----
    Work L and span L for each of the b D N lanes.

    References
    ----------
    [gu-2023-mamba], algorithm 2.

    Examples
    --------
    >>> one = np.ones((1, 3, 1))
    >>> run = selective_scan_loop(one, one, np.array([[-np.log(2)]]), one, one)
    >>> run.y.ravel()
    array([1.  , 1.5 , 1.75])
    """
    u, a, b, h = coefficients(u, delta, A, B, delta_bias, delta_softplus, h0, discretisation)
    states = np.empty(b.shape, np.result_type(a, b, h))
    length = u.shape[1]
    for t in range(length):
        h = a[:, t] * h + b[:, t]
        states[:, t] = h
    return ScanRun(read(states, C, u, D, z), h, states, Cost(work=length, span=length))


def coefficients(u, delta, A, B, delta_bias, delta_softplus: bool, h0, discretisation: str):
    """Return the input, a and b of every h = a h + b, and the first state, as arrays."""
    u, delta = np.asarray(u), np.asarray(delta)
    if u.ndim != 3 or delta.shape != u.shape:
        raise ValueError(f"u and delta must share a shape (b, L, D), got {u.shape}, {delta.shape}")
    delta = delta if delta_bias is None else delta + np.asarray(delta_bias)
    delta = softplus(delta) if delta_softplus else delta
    a, b = discretise(delta, np.asarray(A), np.asarray(B), discretisation)
    b = b * u[..., None]
    shape = b.shape[:1] + b.shape[2:]
    h = np.zeros(shape, b.dtype) if h0 is None else np.asarray(h0)
    if h.shape != shape:
        raise ValueError(f"h0 must have the shape {shape}, got {h.shape}")
    return u, a, b, h


def read(states: NDArray, C, u: NDArray, D, z) -> NDArray:
    """Return the output: states read by C, the input skipping ahead by D, the gate z."""
    y = (states * per_channel(np.asarray(C))).sum(axis=-1)
    y = 2 * y.real if np.iscomplexobj(y) else y
    y = y if D is None else y + np.asarray(D) * u
    return y if z is None else y * silu(np.asarray(z))
