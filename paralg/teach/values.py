"""Values as a check sees them: short texts, a measure of size, equality within a tolerance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["as_tuple", "equal", "show", "show_call", "size_of"]


def as_tuple(case) -> tuple:
    """Return the arguments of a case: a tuple is several arguments, anything else is one."""
    return case if isinstance(case, tuple) else (case,)


def size_of(value) -> float:
    """Return how large an input is: entries count whole, magnitudes after the decimal point."""
    if isinstance(value, Mapping):
        return size_of(tuple(value.items()))
    if isinstance(value, (list, tuple)):
        return 1 + sum(map(size_of, value))
    if isinstance(value, np.ndarray):
        return 1 + value.size + _fraction(np.abs(value).sum() if value.dtype.kind in "biuf" else 0)
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, (bool, int, float, np.number)):
        return 1 + _fraction(abs(value))
    return 1.0


def _fraction(x) -> float:
    return float(x) / (1 + float(x)) if np.isfinite(x) else 1.0


def show(value, limit: int = 240) -> str:
    """Return a short text of a value: arrays with few digits, long ones cut with '…'."""
    text = _text(value, limit)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(value, limit: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=6, threshold=32, separator=", ")
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.10g}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if type(value) in (list, tuple):
        inner = ", ".join(show(item, limit) for item in value[: limit // 2])
        return f"[{inner}]" if type(value) is list else f"({inner}{',' * (len(value) == 1)})"
    return repr(value)


def show_call(arguments) -> str:
    """Return the arguments of a call as text, strings in quotes."""
    return ", ".join(repr(a) if isinstance(a, str) else show(a) for a in as_tuple(arguments))


def equal(a, b, tol: float) -> bool:
    """Tell whether two values agree, entry by entry through mappings, sequences and arrays.

    Parameters
    ----------
    a, b : object
    tol : float
        Largest accepted difference, absolute and relative; shapes must agree in any case.

    Returns
    -------
    bool
    """
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key], tol) for key in a)
    x, y = _array(a), _array(b)
    if x is not None and y is not None:
        return x.shape == y.shape and bool(np.allclose(x, y, rtol=tol, atol=tol, equal_nan=True))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(p, q, tol) for p, q in zip(a, b, strict=True))
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False


def _array(value):
    """Return the value as a numeric array (tensors too), or None if it is not one."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return array if array.dtype.kind in "biufc" else None
