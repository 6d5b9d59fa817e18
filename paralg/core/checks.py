"""Checks of arguments: each says in one line what was expected and what came.

``name`` is that of the argument in the message. Numbers come back as Python's own, array_like as an
ndarray; tensors are looked at without an import of torch. A wrong kind of thing is a TypeError, a
wrong number, name or shape a ValueError.
"""

import contextlib
import functools
import math
from collections.abc import Iterable
from difflib import get_close_matches
from numbers import Real

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "array", "dtypes_and_shapes", "finite", "floats", "instance", "integer", "integers", "kind",
    "mask", "number", "one_of", "probabilities", "sizes", "tensors", "within",
]  # fmt: skip

_KINDS = {"b": "booleans", "i": "integers", "f": "floats", "c": "complex numbers",
          "O": "objects", "M": "dates", "m": "times"}  # fmt: skip
_AS_IT_IS = contextlib.nullcontext()


def integer(name: str, value, least=0, most=math.inf) -> int:
    """Return an integer of a range; a Boolean, a fraction or a string is none."""
    if type(value) is int:  # nearly always, and by far the quickest to tell
        return _within(name, value, least, most)
    if isinstance(value, bool | np.bool_) or np.ndim(value) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an integer, got {_shown(value)}")
    return _within(name, value.__index__(), least, most)


def integers(least: float = 0, **values) -> None:
    """Check several integers."""
    for name, value in values.items():
        integer(name, value, least)


def number(name: str, value, least=-math.inf, most=math.inf, *, above=-math.inf) -> float:
    """Return a finite real number of a range."""
    value = value.item() if hasattr(value, "item") and not np.ndim(value) else value
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, got {_shown(value)}")
    if not abs(value) < math.inf:
        raise ValueError(f"{name} must be finite, got {value}")
    if value <= above:
        raise ValueError(f"{name} must be above {above}, got {value}")
    return float(_within(name, value, least, most))


def one_of(name: str, value, allowed: Iterable[str]) -> str:
    """Return a name that is allowed; of another the message has the nearest.

    >>> one_of("method", "scan", ("loop", "scan"))
    'scan'
    """
    allowed = tuple(allowed)
    if isinstance(value, str) and value in allowed:
        return value
    near = get_close_matches(value, filter(None, allowed), 1) if isinstance(value, str) else ()
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name} must be one of {allowed}, got {_shown(value)}{hint}")


def instance(name: str, value, *classes: type) -> None:
    """Check that a value is of one of some classes."""
    if not isinstance(value, classes):
        words = (f"{'an' if one.__name__[0] in 'AEIO' else 'a'} {one.__name__}" for one in classes)
        raise TypeError(f"{name} must be {' or '.join(words)}, got {_shown(value)}")


def kind(name: str, values, allowed: str) -> None:
    """Check what an array or a tensor holds: some of b, i, f, c, O (Boolean, integer, …)."""
    if _kind(values) not in allowed:
        expected = " or ".join(_KINDS[letter] for letter in allowed)
        raise TypeError(f"{name} must be {expected}, got {getattr(values, 'dtype', values)!s}")


def array(name: str, values, allowed: str = "if", least=None) -> NDArray:
    """Return array_like of some kinds of numbers, see `kind`, as an ndarray."""
    try:
        found = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array, got {_shown(values)}") from error
    if found.dtype.kind not in allowed and (found.size or hasattr(values, "dtype")):
        kind(name, found, allowed)  # an empty list has no kind
    if least is not None and found.size and not found.min() >= least:
        _none(name, found, ~(found >= least), f"at least {least}")
    return found


def finite(name: str, values) -> None:
    """Check that an array or a tensor holds neither NaN nor an infinity."""
    with np.errstate(all="ignore") if isinstance(values, np.ndarray) else _AS_IT_IS:
        total = values.sum().item()  # of one pass: finite only if all are
        if total - total != 0:
            _none(name, values, values - values != 0, "finite")


def mask(name: str, values, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return Booleans, or numbers 0 and 1, of a shape, as an ndarray."""
    found = array(name, values, "bi")
    if found.shape != tuple(shape):
        raise ValueError(f"{name} must have the shape {tuple(shape)}, got {found.shape}")
    if found.dtype != bool:
        _none(name, found, (found != 0) & (found != 1), "True or False")
    return found.astype(bool)


def probabilities(name: str, values, total: float | None = 1.0) -> NDArray[np.float64]:
    """Return finite weights, none negative, that sum to ``total`` along the last axis, if any."""
    found = array(name, values).astype(np.float64)
    _none(name, found, ~(np.isfinite(found) & (found >= 0)), "finite and not negative")
    sums = found.sum(axis=-1)
    if total is not None:
        _none(f"the sum of {name}", sums, ~np.isclose(sums, total), str(total))
    return found


def within(name: str, values, least: float, most: float = math.inf) -> NDArray[np.float64]:
    """Return finite array_like of any shape, its numbers in a range, as doubles."""
    found = array(name, values).astype(np.float64)
    bad = ~(np.isfinite(found) & (found >= least) & (found <= most))
    _none(name, found, bad, f"finite and in {least}..{most}")
    return found


def _once(check):
    """Remember what a check said of shapes and types that it has seen."""
    seen: dict = {}

    @functools.wraps(check)
    def known(*how, **operands):
        key = [how]
        for name, one in operands.items():
            value = one[0]
            try:
                key += name, one[1:], value.dtype, value.shape
            except AttributeError:  # neither an array nor a tensor
                key += name, one[1:], type(value), np.shape(value)
        key = tuple(key)
        if key not in seen:
            if len(seen) > 4096:
                seen.clear()
            seen[key] = check(*how, **operands)
        return seen[key]

    return known


@_once
def sizes(**operands) -> dict[str, int | tuple[int, ...]]:
    """Return the sizes of the letters in shapes; a letter has one size in all of them.

    An operand is a value, or None where there is none, and the shapes that it may have, after the
    kinds of its numbers, as in "f: n d", where these are to be checked; ``...`` stands for any
    number of axes. Nothing broadcasts.

    >>> sizes(u=(np.zeros((2, 3)), "n d"), A=(np.zeros(3), "d", "n d"), D=(None, "d"))
    {'n': 2, 'd': 3}
    """
    known: dict = {}
    for name, (value, *forms) in operands.items():
        if ": " in forms[0]:
            kind(name, value, forms[0].partition(": ")[0])
            forms = [form.partition(": ")[2] for form in forms]
        elif value is None:
            continue
        got = tuple(value.shape if hasattr(value, "shape") else np.shape(value))
        if not any(_bound(form.split(), got, known) for form in forms):
            expected = " or ".join(_written(form.split(), known) for form in forms)
            raise ValueError(f"{name} must have the shape {expected}, got {got}")
    return known


def floats(**operands) -> list[NDArray[np.float64]]:
    """Return finite array_like of shapes, see `sizes`, as ndarrays of doubles."""
    found = {name: array(name, value).astype(float) for name, (value, *_) in operands.items()}
    sizes(**{name: (found[name], *forms) for name, (_, *forms) in operands.items()})
    for name, values in found.items():
        finite(name, values)
    return list(found.values())


@_once
def tensors(allowed: str = "f", /, **operands) -> None:
    """Check that operands are torch's tensors, of one floating-point type and of shapes."""
    kinds = [getattr(value, "dtype", type(value).__name__) for value, *_ in operands.values()]
    first = next(iter(operands.values()))[0]
    if len(set(kinds)) > 1 or isinstance(first, np.ndarray) or _kind(first) not in allowed:
        expected = "tensors of one floating-point type" if len(kinds) > 1 else "a tensor of floats"
        got = ", ".join(map(str, kinds))
        raise TypeError(f"{', '.join(operands)} must be {expected}, got {got}")
    sizes(**operands)


def dtypes_and_shapes(state, *values) -> list | None:
    """Return types and shapes of arrays or tensors and of a state's parts; None where one has none.

    Who steps often compares them with those of the last call that was checked.
    """
    try:
        return [type(state), *[(one.dtype, one.shape) for one in (*values, *state)]]
    except (AttributeError, TypeError):
        return None


def _bound(letters: list[str], got: tuple, known: dict) -> bool:
    """Tell whether a shape fits, and if so remember the sizes of its letters."""
    if "..." in letters and len(got) >= len(letters) - 1:
        at, end = letters.index("..."), letters.index("...") + len(got) - len(letters) + 1
        got = (*got[:at], got[at:end], *got[end:])
    if len(letters) != len(got):
        return False
    new: dict = {}
    for letter, size in zip(letters, got, strict=True):
        expected = known.get(letter, new.setdefault(letter, size))
        if (int(letter) if letter.isdigit() else expected) != size:
            return False
    known |= {letter: size for letter, size in new.items() if not letter.isdigit()}
    return True


def _written(letters: list[str], known: dict) -> str:
    parts = [known.get(letter, letter) for letter in letters]
    flat = [str(p) for part in parts for p in (part if isinstance(part, tuple) else (part,))]
    return f"({flat[0]},)" if len(flat) == 1 else f"({', '.join(flat)})"


def _none(name: str, values, bad, expected: str) -> None:
    """Refuse values of which one is bad."""
    if bad.any():
        raise ValueError(f"{name} must be {expected}, got {values[bad].ravel()[0].item()}")


def _within(name: str, value, least, most):
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")
    return value


def _kind(values) -> str:
    dtype = getattr(values, "dtype", None)
    if hasattr(dtype, "is_floating_point"):  # of torch
        name = str(dtype).removeprefix("torch.").lstrip("u")
        return "f" if dtype.is_floating_point else "c" if dtype.is_complex else name[0]
    return {"u": "i"}.get(found := getattr(dtype, "kind", "?"), found)


def _shown(value) -> str:
    """Return a value in few words."""
    if getattr(value, "shape", ()) and hasattr(value, "dtype"):
        return f"{type(value).__name__} of {value.dtype} and the shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
