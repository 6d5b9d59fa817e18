r"""Small objects behind the chapter's theorems: gates, convolution kernels, lag matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "aligned_kernels", "convolve", "convolve_fft", "gated_recurrence", "lag_matrix", "lti_kernel",
]  # fmt: skip


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
