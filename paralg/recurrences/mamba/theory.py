r"""The recurrence as one scan of maps, and what follows: gates, kernels, gradients, bytes moved."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.primitives import AFFINE, scan

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "SCHEMES", "Saved", "ScanRun", "Traffic", "aligned_kernels", "convolve", "convolve_fft",
    "gated_recurrence", "lag_matrix", "library_of", "linear_states", "lti_kernel", "per_channel",
    "phi", "reverse_states", "saved_tensors", "silu", "softplus", "traffic",
]  # fmt: skip

_SMALL = 0.5
_TAYLOR = [float(x) for x in 1 / np.cumprod(np.arange(1.0, 16))]  # 1/(k + 1)! for k = 0 … 14


@dataclass(frozen=True)
class ScanRun:
    """What a selective scan of arrays returns, and what it cost.

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


def per_channel(vectors):
    """Give B or C an axis for the channels: (b, L, N) to (b, L, 1, N); (D, N) has one."""
    return vectors[:, :, None] if vectors.ndim == 3 else vectors


def library_of(x):
    """Return numpy for an array, torch for a tensor."""
    return np if isinstance(x, np.ndarray | np.generic) else sys.modules["torch"]


def phi(x):
    r"""Return :math:`(e^x - 1)/x`, which is 1 at 0, with a gradient that stays finite there.

    Parameters
    ----------
    x : ndarray or Tensor of float or complex
        Here :math:`\Delta A`; a Taylor polynomial serves :math:`|x| < 1/2`.

    Returns
    -------
    ndarray or Tensor
        Same shape.

    Examples
    --------
    >>> phi(np.array([0.0, 1e-12, 1.0])).round(6)
    array([1.      , 1.      , 1.718282])
    """
    library = library_of(x)
    small = abs(x) < _SMALL
    inside, outside = library.where(small, x, 0), library.where(small, 1, x)
    near = 0 * inside + _TAYLOR[-1]
    for coefficient in reversed(_TAYLOR[:-1]):
        near = near * inside + coefficient
    return library.where(small, near, (library.exp(outside) - 1) / outside)


def linear_states(a, b, h0=None, *, method: str = "sequential", chunk: int | None = None):
    """Return all states of ``h = a h + b``, shape (batch, L, ...), and the cost of a lane's scan.

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
    """
    elements = tuple(np.moveaxis(x, 1, 0) for x in np.broadcast_arrays(a, b))
    initial = None if h0 is None else (np.ones_like(elements[0][0]), h0) if len(a[0]) else None
    result = scan(AFFINE, elements, method=method, chunk=chunk, initial=initial)
    return np.moveaxis(result.values[1], 0, 1), result.cost


def reverse_states(a, dh, *, method: str = "sequential", chunk: int | None = None):
    r"""Return the gradients of all states, the scan from the right, and its cost.

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

    References
    ----------
    [martin-2018-parallelizing].
    """
    shifted = np.concatenate([a[:, 1:], np.zeros_like(a[:, :1])], axis=1)
    g, cost = linear_states(np.conj(shifted[:, ::-1]), dh[:, ::-1], method=method, chunk=chunk)
    return g[:, ::-1], cost


def gated_recurrence(x: NDArray, g: NDArray) -> NDArray:
    r"""Return :math:`h_t = (1 - g_t) h_{t-1} + g_t x_t`, a gated RNN written by hand.

    Parameters
    ----------
    x, g : ndarray, shape (L,)
        Input, and gate in [0, 1].

    Returns
    -------
    ndarray, shape (L,)

    Examples
    --------
    >>> gated_recurrence(np.array([4.0, 8.0]), np.array([1.0, 0.25]))
    array([4., 5.])
    """
    h, states = 0.0, []
    for value, gate in zip(x, g, strict=True):
        h = (1 - gate) * h + gate * value
        states.append(h)
    return np.array(states)


def lti_kernel(a: NDArray, b: NDArray, c: NDArray, length: int) -> NDArray:
    r"""Return :math:`K_k = \sum_n C_n \bar A_n^k \bar B_n`, k < length.

    Parameters
    ----------
    a, b, c : ndarray, shape (N,)
        Discrete coefficients of one channel, the same for all tokens.
    length : int
        Number of lags.

    Returns
    -------
    ndarray, shape (length,)
    """
    return (c * b * a ** np.arange(length)[:, None]).sum(axis=1)


def convolve(x: NDArray, kernel: NDArray) -> NDArray:
    r"""Return :math:`y_t = \sum_{k \le t} K_k x_{t-k}`, O(L²) work.

    Parameters
    ----------
    x, kernel : ndarray, shape (L,)

    Returns
    -------
    ndarray, shape (L,)
    """
    return np.convolve(x, kernel)[: len(x)]


def convolve_fft(x: NDArray, kernel: NDArray) -> NDArray:
    """Return the same as `convolve` with O(L log L) work; padding keeps the ends apart.

    Parameters
    ----------
    x, kernel : ndarray, shape (L,)

    Returns
    -------
    ndarray, shape (L,)
    """
    size = 2 * len(x)
    product = np.fft.rfft(x, size) * np.fft.rfft(kernel, size)
    return np.fft.irfft(product, size)[: len(x)]


def lag_matrix(a: NDArray, b: NDArray, c: NDArray) -> NDArray:
    r"""Return the matrix M with y = M x of one channel.

    .. math:: M_{ts} = \sum_n C_{tn} \, \bar A_{tn} \cdots \bar A_{s+1,n} \, \bar B_{sn}
       \quad (s \le t)

    Parameters
    ----------
    a, b, c : ndarray, shape (L, N)
        Discrete coefficients.

    Returns
    -------
    ndarray, shape (L, L)
        Lower triangular; Toeplitz exactly when one kernel fits all tokens.
    """
    length = len(a)
    matrix = np.zeros((length, length))
    for s in range(length):
        path = np.cumprod(np.concatenate([np.ones_like(a[:1]), a[s + 1 :]]), axis=0)
        matrix[s:, s] = (c[s:] * path * b[s]).sum(axis=1)
    return matrix


def aligned_kernels(matrix: NDArray, lags: int) -> NDArray:
    r"""Return one row for each token t >= lags - 1: what it sees at lag 0, 1, …

    Parameters
    ----------
    matrix : ndarray, shape (L, L)
        From `lag_matrix`.
    lags : int
        Lags to compare.

    Returns
    -------
    ndarray, shape (L - lags + 1, lags)
        Rank 1 with equal rows for a convolution.
    """
    tokens = np.arange(lags - 1, len(matrix))[:, None]
    return matrix[tokens, tokens - np.arange(lags)]


@dataclass(frozen=True)
class Traffic:
    """Numbers read and written, by array.

    Parameters
    ----------
    scheme : str
        One of ``SCHEMES``.
    items : dict of str to int
        Array to numbers moved, reads and writes together.
    operations : int
        Floating-point operations of the recurrence, the exponential as one.
    itemsize : int
        Bytes of a number.
    """

    scheme: str
    items: Mapping[str, int]
    operations: int
    itemsize: int

    @property
    def bytes(self) -> int:
        """Bytes moved."""
        return self.itemsize * sum(self.items.values())

    @property
    def intensity(self) -> float:
        """Operations for each byte moved, the abscissa of the roofline."""
        return self.operations / self.bytes if self.bytes else 0.0


def _fused(b, L, D, N, chunk) -> dict[str, int]:
    return {
        "u, delta, y": 3 * b * L * D,
        "B, C": 2 * b * L * N,
        "A, D, bias": D * N + 2 * D,
        "states at chunk starts": b * ceil(L / chunk) * D * N,
    }


def _unfused(b, L, D, N, chunk) -> dict[str, int]:
    states = b * L * D * N
    return {
        "u, delta, y": 4 * b * L * D,
        "B, C": 2 * b * L * N,
        "coefficients written": 2 * states,
        "coefficients read by the scan": 2 * states,
        "states written and read": 2 * states,
    }


def _kogge_stone(b, L, D, N, chunk) -> dict[str, int]:
    rounds = ceil(log2(L)) if L > 1 else 0
    pairs = b * D * N * (L * rounds - (2**rounds - 1))
    return {
        "u, delta, y": 4 * b * L * D,
        "B, C": 2 * b * L * N,
        "coefficients written": 2 * b * L * D * N,
        "pairs read and written": 6 * pairs,
        "states read": b * L * D * N,
    }


_ITEMS: dict[str, Callable[..., dict[str, int]]] = {
    "fused": _fused,
    "unfused": _unfused,
    "kogge-stone": _kogge_stone,
}
SCHEMES = tuple(_ITEMS)


def traffic(
    scheme: str, *, batch: int, length: int, channels: int, states: int, chunk: int = 32,
    itemsize: int = 4,
) -> Traffic:  # fmt: skip
    """Count the bytes that a forward pass moves between slow and fast memory.

    Parameters
    ----------
    scheme : {"fused", "unfused", "kogge-stone"}
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

    Raises
    ------
    ValueError
        Unknown scheme, or a size that is not positive.

    References
    ----------
    [gu-2023-mamba], section 3.3.2 and appendix D; the itemisation is ours.

    Examples
    --------
    >>> sizes = dict(batch=1, length=1024, channels=64, states=16)
    >>> fused, unfused = traffic("fused", **sizes), traffic("unfused", **sizes)
    >>> round(unfused.bytes / fused.bytes, 1)
    25.0
    """
    if scheme not in _ITEMS:
        raise ValueError(f"scheme must be one of {SCHEMES}, got {scheme!r}")
    sizes = {"batch": batch, "length": length, "channels": channels, "states": states,
             "chunk": chunk, "itemsize": itemsize}  # fmt: skip
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    items = _ITEMS[scheme](batch, length, channels, states, chunk)
    operations = 7 * batch * length * channels * states  # exp, 2 products, 2 multiply-adds
    return Traffic(scheme, items, operations, itemsize)


@dataclass(frozen=True)
class Saved:
    """Memory held for the backward pass."""

    bytes: int
    extra: int
    tensors: int


def saved_tensors(
    function: Callable[..., object], operands: Iterable[Tensor | None] = ()
) -> Saved:
    """Run a function and count what it saves for its backward pass.

    Parameters
    ----------
    function : callable
        Without arguments; some of what it reads must require gradients.
    operands : iterable of Tensor
        Memory that exists anyway.

    Returns
    -------
    Saved

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(100, requires_grad=True)
    >>> saved_tensors(lambda: torch.exp(x) * 2, [x])
    Saved(bytes=400, extra=400, tensors=1)
    """
    import torch

    sizes: dict[int, int] = {}
    kept = []  # keeps the memory alive, so that no address is used twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = function()
    known = {x.untyped_storage().data_ptr() for x in operands if x is not None}
    extra = sum(size for address, size in sizes.items() if address not in known)
    del result
    return Saved(sum(sizes.values()), extra, len(kept))
