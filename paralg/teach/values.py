"""Values as a check sees them: one form for all spellings, short texts, size, equality."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import numpy as np

__all__ = ["as_tuple", "difference", "equal", "is_blank", "plain", "show", "show_call", "size_of"]

_WHOLE = 32  # entries of an array that is shown whole


def plain(value):
    """Return an answer in its plain form: text of a number, fraction, scalar → Python number."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    if isinstance(value, Iterator):
        return list(map(plain, value))
    if isinstance(value, str):
        text = re.sub(r"\s*/\s*", "/", value.strip().replace("−", "-").replace("∞", "inf"))
        if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
            text = text.replace(",", "")
        for read in (int, float, Fraction):
            with suppress(ValueError, ZeroDivisionError):
                return plain(read(text))
    if isinstance(value, (Fraction, Decimal)):
        return int(value) if float(value).is_integer() else float(value)
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return plain(value.item())
    return value


def is_blank(answer) -> bool:
    """Tell whether an answer, or a part of it, was left as it was given: None or ``...``."""
    if isinstance(answer, Mapping):
        return any(map(is_blank, answer.values()))
    if isinstance(answer, (list, tuple)):
        return any(map(is_blank, answer))
    return answer is None or answer is ...


def as_tuple(case) -> tuple:
    """Return the arguments of a case: a tuple is several arguments, anything else is one."""
    return case if isinstance(case, tuple) else (case,)


def size_of(value) -> float:
    """Return how large an input is: entries count whole, magnitudes after the decimal point."""
    if isinstance(value, Mapping):
        return size_of(tuple(value.items()))
    if isinstance(value, (list, tuple)):
        return 1 + sum(map(size_of, value))
    if isinstance(value, str):
        return 1 + len(value)
    entries, total = (value.size if isinstance(value, np.ndarray) else 0), 0.0
    try:
        total = float(np.abs(np.asarray(value, dtype=float)).sum())
    except (TypeError, ValueError):
        pass
    except OverflowError:
        total = math.inf
    return 1 + entries + (total / (1 + total) if math.isfinite(total) else 1.0)


def show(value, limit: int = 240) -> str:
    """Return a short text of a value: few digits; what is cut says how much there is."""
    text = _text(value, limit)
    if isinstance(value, np.ndarray) and value.size > _WHOLE:
        text = f"shape {value.shape}: {text}"
    elif len(text) > limit and isinstance(value, (str, list, tuple, dict)):
        what = "characters" if isinstance(value, str) else "entries"
        text = f"{len(value):,} {what}: {text}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(value, limit: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=6, threshold=_WHOLE, separator=", ")
    if isinstance(value, (float, np.floating)):
        return f"{float(value):.10g}"
    if isinstance(value, (np.generic, Fraction)):
        return str(value)
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
    if (x is None) != (y is None):  # text of a number beside a number
        x, y = _array(plain(_listed(a))), _array(plain(_listed(b)))
    if x is not None and y is not None:
        return x.shape == y.shape and _close(x, y, tol)
    a, b = _listed(a), _listed(b)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(equal(p, q, tol) for p, q in zip(a, b, strict=True))
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False


def _listed(value):
    return value.tolist() if isinstance(value, np.ndarray) else value


def _close(x: np.ndarray, y: np.ndarray, tol: float) -> bool:
    if tol:
        return bool(np.allclose(x, y, rtol=tol, atol=tol, equal_nan=True))
    return bool(np.all((x == y) | ((x != x) & (y != y))))  # allclose would round large integers


def difference(a, b) -> str:
    """Return how two values that look alike differ: in type, in size, where, or by how much."""
    x, y = _array(a), _array(b)
    if x is not None and y is not None:
        if x.shape != y.shape:
            return f"shapes {x.shape} and {y.shape}"
        return f"{np.max(np.abs(np.subtract(x, y, dtype=np.result_type(x, y, float)))):.3g}"
    if type(a) is not type(b) or not isinstance(a, (str, list, tuple)):
        return f"{type(a).__name__} and {type(b).__name__}"
    if len(a) != len(b):
        return f"lengths {len(a):,} and {len(b):,}"
    at = next(i for i in itertools.count() if not equal(a[i], b[i], 0))
    return f"at place {at:,}: {show(a[at])} and {show(b[at])}"


def _array(value):
    """Return the value as a numeric array (tensors too), or None if it is not one."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    return array if array.dtype.kind in "biufc" else None
