"""Public implementations of local regression, called on our inputs."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

__all__ = ["has_statsmodels", "local_line"]

def has_statsmodels() -> bool:
    """Tell whether the package is installed."""
    return importlib.util.find_spec("statsmodels") is not None


def local_line(x: NDArray, y: NDArray, at: NDArray, h: float) -> NDArray:
    """Return statsmodels' local linear regression with Gaussian weights of bandwidth h.

    Parameters
    ----------
    x : ndarray, shape (n,) or (n, d)
    y : ndarray, shape (n,)
    at : ndarray, shape (m,) or (m, d)
    h : float

    Returns
    -------
    ndarray, shape (m,)

    Notes
    -----
    ``KernelReg(reg_type="ll")`` solves for one place after the other and does not penalise slopes.
    The package localreg 0.5.0 does the same, but does not run with NumPy 2.
    """
    from statsmodels.nonparametric.kernel_regression import KernelReg

    width = np.full(1 if x.ndim == 1 else x.shape[1], h)
    return KernelReg(y, x, "c" * len(width), "ll", bw=width).fit(at)[0]
