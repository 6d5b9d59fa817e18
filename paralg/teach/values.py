"""Values as a check sees them: short texts, a measure of size, equality within a tolerance."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

__all__ = ["as_tuple", "difference", "equal", "show", "show_call", "size_of"]


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
        number = value.dtype.kind in "biuf"
        return 1 + value.size + _fraction(np.abs(value.astype(float)).sum() if number else 0)
    if isinstance(value, str):
        return 1 + len(value)
    if isinstance(value, (bool, int, float, np.number)):
        return 1 + _fraction(abs(value))
    return 1.0


def _fraction(x) -> float:
    """Map magnitudes to [0, 1], in order."""
    try:
        x = float(x)
    except OverflowError:
        return 1.0
    return x / (1 + x) if math.isfinite(x) else 1.0


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
    """Tell whether two values agree, entry by entry through mappings, sequences and arrays."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(equal(a[key], b[key], tol) for key in a)
    x, y = _array(a), _array(b)
    if x is not None and y is not None:
        return x.shape == y.shape and _close(x, y, tol)
    a, b = (one.tolist() if isinstance(one, np.ndarray) else one for one in (a, b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(p, q, tol) for p, q in zip(a, b, strict=True))
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False


def _close(x: np.ndarray, y: np.ndarray, tol: float) -> bool:
    if tol:
        return bool(np.allclose(x, y, rtol=tol, atol=tol, equal_nan=True))
    return bool(np.all((x == y) | ((x != x) & (y != y))))  # allclose would round large integers


def difference(a, b) -> str:
    """Return how two values that look alike differ: in type, in shape, or by how much."""
    x, y = _array(a), _array(b)
    if x is None or y is None:
        return f"{type(a).__name__} and {type(b).__name__}"
    if x.shape != y.shape:
        return f"shapes {x.shape} and {y.shape}"
    return f"{np.max(np.abs(np.subtract(x, y, dtype=np.result_type(x, y, float)))):.3g}"


def _array(value):
    """Return the value as a numeric array (tensors too), or None if it is not one."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return array if array.dtype.kind in "biufc" else None
