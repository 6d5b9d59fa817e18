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

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.recurrences.mamba.fast import ScanOperands
from paralg.recurrences.mamba.theory import (
    ScanRun,
    as_floats,
    check_operands,
    library_of,
    per_channel,
    phi,
    silu,
    softplus,
)

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

    Returns two ndarrays or Tensors of shape (b, L, D, N).
    ValueError for an unknown method or shapes that do not fit. See [gu-2023-mamba], equation 4.
    """
    checks.one_of("method", method, ("euler", "zoh"))
    check_operands(ScanOperands(delta, delta, A, B, B))
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

    Operands ``u, delta, A, B, C, D, z, delta_bias, delta_softplus, h0, discretisation`` are those
    of the table of :mod:`~paralg.recurrences.mamba.recurrence`. Returns a `ScanRun`.
    ValueError for shapes that do not fit or an unknown discretisation. See [gu-2023-mamba],
    algorithm 2.

    Cost
    ----
    Work and span of each of the b D N lanes are L, or L - 1 without a first state.

    Examples
    --------
    >>> one = np.ones((1, 3, 1))
    >>> run = selective_scan_loop(one, one, np.array([[-np.log(2)]]), one, one)
    >>> run.y.ravel()
    array([1.  , 1.5 , 1.75])
    """
    x = as_floats(u, delta, A, B, C, D, z, delta_bias, h0)
    a, b, h = coefficients(x, delta_softplus, discretisation)
    states = np.empty(b.shape, np.result_type(a, b, h))
    length = b.shape[1]
    for t in range(length):
        h = a[:, t] * h + b[:, t]
        states[:, t] = h
    combines = max(length - (h0 is None), 0)
    return ScanRun(read(states, x), h, states, Cost(work=combines, span=combines))


def coefficients(x: ScanOperands, delta_softplus: bool, discretisation: str):
    """Check the operands; return a and b of every h = a h + b, and the first state."""
    check_operands(x, discretisation)
    delta = x.delta if x.delta_bias is None else x.delta + x.delta_bias
    a, b = discretise(softplus(delta) if delta_softplus else delta, x.A, x.B, discretisation)
    b = b * x.u[..., None]
    return a, b, np.zeros_like(b, shape=b.shape[:1] + b.shape[2:]) if x.h0 is None else x.h0


def read(states: NDArray, x: ScanOperands) -> NDArray:
    """Return the output: states read by C, the input skipping ahead by D, the gate z."""
    y = (states * per_channel(x.C)).sum(axis=-1)
    y = 2 * y.real if np.iscomplexobj(y) else y
    y = y if x.D is None else y + x.D * x.u
    return y if x.z is None else y * silu(x.z)
