r"""The recurrence as one scan of maps, and what follows: gates, kernels, gradients, bytes moved."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.primitives import AFFINE, scan, scan_counts
from paralg.recurrences.mamba.fast import ScanOperands

__all__ = [
    "ScanRun", "Traffic", "aligned_kernels", "as_floats", "check_operands", "gated_recurrence",
    "lag_matrix", "library_of", "linear_states", "lti_kernel", "per_channel", "phi",
    "reverse_states", "silu", "softplus", "traffic",
]  # fmt: skip

_TAYLOR = [float(x) for x in 1 / np.cumprod(np.arange(1.0, 16))]  # 1/(k + 1)! for k = 0 … 14


@dataclass(frozen=True)
class ScanRun:
    """What a selective scan of arrays returns: values, and the combines of one lane's scan."""

    y: NDArray  # (b, L, D), output
    last: NDArray  # (b, D, N), state after the last token
    states: NDArray  # (b, L, D, N), state after every token
    cost: Cost  # the b D N lanes run beside each other


def check_operands(x: ScanOperands, discretisation: str = "euler", of: type = object) -> None:
    """Check the operands of a scan, arrays or tensors, against their table in `recurrence`."""
    checks.one_of("discretisation", discretisation, ("euler", "zoh"))
    checks.kind("A", x.A, "fc")
    pairs = ("A", "B", "C", "h0") if "complex" in str(x.A.dtype) else ()
    shapes = ["b L D", "b L D", "D N", *[("b L N", "D N")] * 2, "D", "b L D", "D", "b D N"]
    operands = {}
    for name, part, shape in zip(x._fields, x, shapes, strict=True):
        if part is not None or name in ("u", "delta", "A", "B", "C"):
            checks.instance(name, part, of)
            forms = (shape,) if isinstance(shape, str) else shape
            operands[name] = part, *[f"{'fc' if name in pairs else 'f'}: {form}" for form in forms]
    checks.sizes(**operands)
    for name in operands.keys() & {"A", "D", "delta_bias"}:
        checks.finite(name, operands[name][0])


def as_floats(*operands) -> ScanOperands:
    """Return operands as arrays of floats or complex numbers, without a check of their shapes."""
    names = zip(ScanOperands._fields, operands, strict=True)
    found = [x if x is None else checks.array(name, x, "ifc") for name, x in names]
    return ScanOperands(*(x.astype(float) if x is not None and x.dtype.kind in "iu" else x
                          for x in found))  # fmt: skip


def softplus(x: NDArray) -> NDArray:
    r"""Return :math:`\log(1 + e^x)` without overflow."""
    return np.logaddexp(0, x)


def silu(x: NDArray) -> NDArray:
    r"""Return :math:`x \, \sigma(x)`, the gate of the block."""
    return x * np.exp(-softplus(-x))


def per_channel(vectors):
    """Give B or C an axis for the channels: (b, L, N) to (b, L, 1, N); (D, N) has one."""
    return vectors[:, :, None] if vectors.ndim == 3 else vectors


def library_of(x):
    """Return numpy for an array, torch for a tensor."""
    return np if isinstance(x, np.ndarray | np.generic) else sys.modules["torch"]


def phi(x):
    r"""Return :math:`(e^x - 1)/x`, 1 at 0, real or complex; the gradient stays finite there."""
    library = library_of(x)
    small = abs(x) < 0.5
    inside, outside = library.where(small, x, 0), library.where(small, 1, x)
    near = 0 * inside + _TAYLOR[-1]
    for coefficient in reversed(_TAYLOR[:-1]):
        near = near * inside + coefficient
    return library.where(small, near, (library.exp(outside) - 1) / outside)


def linear_states(a, b, h0=None, *, method: str = "sequential", chunk: int | None = None):
    """Return all states of h = a h + b, time on axis 1, by a scan, and the cost of one lane's.

    A first state is taken in by the element (1, h0) on the left; ``method`` and ``chunk`` are those
    of :func:`paralg.core.primitives.scan`.
    """
    elements = tuple(np.moveaxis(x, 1, 0) for x in np.broadcast_arrays(a, b))
    initial = None if h0 is None else (np.ones_like(elements[0][0]), h0) if len(a[0]) else None
    result = scan(AFFINE, elements, method=method, chunk=chunk, initial=initial)
    return np.moveaxis(result.values[1], 0, 1), result.cost


def reverse_states(a, dh, *, method: str = "sequential", chunk: int | None = None):
    r"""Return the gradients of all states, the scan from the right, and the cost of one lane's.

    .. math:: g_t = \partial L/\partial h_t = dh_t + \bar A_{t+1} g_{t+1}

    where ``a`` is that of the forward pass and ``dh`` the gradient of each state through its own
    output [martin-2018-parallelizing].
    """
    shifted = np.concatenate([a[:, 1:], np.zeros_like(a[:, :1])], axis=1)
    g, cost = linear_states(np.conj(shifted[:, ::-1]), dh[:, ::-1], method=method, chunk=chunk)
    return g[:, ::-1], cost


def gated_recurrence(x: NDArray, g: NDArray) -> NDArray:
    r"""Return :math:`h_t = (1 - g_t) h_{t-1} + g_t x_t`, a gated RNN by hand, shape (L,)."""
    h, states = 0.0, []
    for value, gate in zip(x, g, strict=True):
        h = (1 - gate) * h + gate * value
        states.append(h)
    return np.array(states)


def lti_kernel(a: NDArray, b: NDArray, c: NDArray, length: int) -> NDArray:
    r"""Return :math:`K_k = \sum_n C_n \bar A_n^k \bar B_n` for k < length; a, b, c (N,)."""
    return (c * b * a ** np.arange(length)[:, None]).sum(axis=1)


def lag_matrix(a: NDArray, b: NDArray, c: NDArray) -> NDArray:
    r"""Return the lower triangular M with y = M x of one channel; a, b, c of shape (L, N).

    .. math:: M_{ts} = \sum_n C_{tn} \, \bar A_{tn} \cdots \bar A_{s+1,n} \, \bar B_{sn}
       \quad (s \le t)
    """
    matrix = np.zeros((len(a), len(a)))
    for s in range(len(a)):
        path = np.cumprod(np.concatenate([np.ones_like(a[:1]), a[s + 1 :]]), axis=0)
        matrix[s:, s] = (c[s:] * path * b[s]).sum(axis=1)
    return matrix


def aligned_kernels(matrix: NDArray, lags: int) -> NDArray:
    """Return what each token t >= lags - 1 sees at lag 0, 1, …: equal rows for a convolution."""
    tokens = np.arange(lags - 1, len(matrix))[:, None]
    return matrix[tokens, tokens - np.arange(lags)]


@dataclass(frozen=True)
class Traffic:
    """Numbers read and written, by array."""

    scheme: str
    items: Mapping[str, int]  # array to numbers moved, reads and writes together
    operations: int  # floating-point operations of the recurrence, the exponential as one
    itemsize: int  # bytes of a number

    @property
    def bytes(self) -> int:
        """Bytes moved."""
        return self.itemsize * sum(self.items.values())

    @property
    def intensity(self) -> float:
        """Operations for each byte moved, the abscissa of the roofline."""
        return self.operations / self.bytes


def _moved(b: int, L: int, D: int, N: int, chunk: int) -> dict[str, dict[str, int]]:
    """Return for every scheme how many numbers of each array are read and written."""
    numbers, states, vectors = b * L * D, b * L * D * N, {"B, C": 2 * b * L * N}
    unfused = {"u, delta, y": 4 * numbers, **vectors, "coefficients written": 2 * states}
    pairs = {tree: 6 * b * D * N * scan_counts(tree, L).work
             for tree in ("brent-kung", "kogge-stone")}  # fmt: skip
    return {
        "fused": {
            "u, delta, y": 3 * numbers, **vectors, "A, D, bias": D * N + 2 * D,
            "states at chunk starts": b * ceil(L / chunk) * D * N,
        },
        "unfused": unfused | {"coefficients read by the scan": 2 * states,
                              "states written and read": 2 * states},
    } | {tree: unfused | {"pairs read and written": moved, "states read": states}
         for tree, moved in pairs.items()}  # fmt: skip


def traffic(
    scheme: str, *, batch: int, length: int, channels: int, states: int, chunk: int = 32,
    itemsize: int = 4,
) -> Traffic:  # fmt: skip
    """Count the bytes that a forward pass moves between slow and fast memory.

    Parameters
    ----------
    scheme : {"fused", "unfused", "brent-kung", "kogge-stone"}
        States never leave fast memory; coefficients and states of the whole sequence are arrays
        in slow memory; the same with a log-depth scan over them, round by round.
    batch, length, channels, states : int
        b, L, D, N.
    chunk : int
        Steps between two stored states ("fused").
    itemsize : int
        Bytes of a number.

    Returns
    -------
    Traffic
        Unfused over fused tends to 2 N as N grows for long chunks: 6 b L D N against 3 b L D.

    ValueError for an unknown scheme or a size below 1. Source: [gu-2023-mamba], section 3.3.2 and
    appendix D; the itemisation is ours.

    Examples
    --------
    >>> sizes = dict(batch=1, length=1024, channels=64, states=16)
    >>> fused, unfused = traffic("fused", **sizes), traffic("unfused", **sizes)
    >>> round(unfused.bytes / fused.bytes, 1)
    25.0
    """
    sizes = {"batch": batch, "length": length, "channels": channels, "states": states,
             "chunk": chunk, "itemsize": itemsize}  # fmt: skip
    for name, size in sizes.items():
        checks.integer(name, size, 1)
    items = _moved(batch, length, channels, states, chunk)
    checks.one_of("scheme", scheme, items)
    operations = 7 * batch * length * channels * states  # exp, 2 products, 2 multiply-adds
    return Traffic(scheme, items[scheme], operations, itemsize)
