"""Helpers for `checks.py`: each states one property, and shows the smallest input that breaks it.

A chapter's ``checks.py`` reads::

    from paralg.teach.checking import equal_to_oracle, exercise, require

    @exercise("ex-scans-inclusive")
    def inclusive(answer):
        return equal_to_oracle(answer, np.cumsum, cases=[np.arange(n) for n in range(1, 9)])

Operands of the helpers: ``name`` is the property, in words that complete "Expected: …" and never
with a "not"; ``hint`` a thought that helps and never the solution; ``cases`` are inputs, a tuple
several arguments; ``tol`` is the largest accepted difference, absolute and relative, and 0 asks for
equality. What fails raises `PropertyFailed`, an answer whose own code fails `AnswerRaised`.
A check gets its answer in its plain form (`paralg.teach.values.plain`), and returns nothing or a
sentence that says what was shown.
"""

import copy
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real

import numpy as np

from paralg.core import checks
from paralg.teach.outcomes import AnswerRaised, PropertyFailed, call, require
from paralg.teach.values import as_tuple, difference, equal, plain, show, show_call, size_of

__all__ = [
    "AnswerRaised", "PropertyFailed", "call", "close_to", "counts_at_most", "entries",
    "equal_to_oracle", "exercise", "numbers", "raises", "require", "smallest_failing", "whole",
]  # fmt: skip


def exercise(label: str) -> Callable:
    """Register the decorated function as the check of ``ex-<chapter>-<word>``, in ``CHECKS``."""
    checks.instance("label", label, str)
    if not label.startswith("ex-"):
        raise ValueError(f"label of an exercise must begin with 'ex-', got {label!r}")

    def register(function):
        checks = function.__globals__.setdefault("CHECKS", {})
        if label in checks and checks[label].__qualname__ != function.__qualname__:
            raise ValueError(f"exercise {label!r} has two checks in {function.__module__}")
        checks[label] = function
        return function

    return register


def equal_to_oracle(
    function: Callable, oracle: Callable, cases: Iterable, tol: float = 0.0, *,
    name: str = "equals the reference", hint: str = "",
) -> str:  # fmt: skip
    """Require that the answer equals `oracle` on every case; return a sentence that says so."""
    cases = [as_tuple(case) for case in cases]

    def differs(*arguments):
        return not equal(call(function, *arguments), oracle(*copy.deepcopy(arguments)), tol)

    bad = smallest_failing(differs, cases)
    if bad is not None:
        expected, got = oracle(*copy.deepcopy(bad)), call(function, *bad)
        details = [("input", show_call(bad)), ("expected", show(expected)), ("got", show(got))]
        if show(expected) == show(got):  # the texts are rounded
            details.append(("apart by", difference(got, expected)))
        raise PropertyFailed(name, hint, details)
    return f"Right: {name} on {len(cases)} inputs."


def smallest_failing(fails: Callable[..., bool], cases: Iterable, *, shrink: bool = True):
    """Return the smallest arguments on which `fails` is true, or None."""
    for bad in sorted(map(as_tuple, cases), key=size_of):
        how = _failure(fails, bad)
        if how is not None:
            break
    else:
        return None
    smaller = bad
    while shrink and smaller is not None:
        bad = smaller
        smaller = next((c for c in _shorter(bad) if _failure(fails, c, quiet=True) == how), None)
    fails(*bad)  # an exception of the answer surfaces here, on its smallest input
    return bad


def _failure(fails: Callable, case: tuple, *, quiet: bool = False) -> str | None:
    """Return how a case fails: ``"differs"``, the name of an exception, or None if it does not."""
    try:
        return "differs" if fails(*case) else None
    except AnswerRaised as raised:
        return type(raised.error).__name__
    except Exception:
        if quiet:  # a cut input that the reference does not take
            return None
        raise


def _shorter(case: tuple):
    """Yield the case with one entry left out of all its longest sequences at once."""
    longest = max(map(_length, case), default=0)
    for gone in range(longest - 1, -1, -1) if longest > 1 else ():
        yield tuple(_without(part, gone) if _length(part) == longest else part for part in case)


def _length(part) -> int:
    flat = part.ndim == 1 if isinstance(part, np.ndarray) else isinstance(part, (list, str))
    return len(part) if flat else 0


def _without(sequence, i: int):
    array = isinstance(sequence, np.ndarray)
    return np.delete(sequence, i) if array else sequence[:i] + sequence[i + 1 :]


def counts_at_most(counted, bound: Mapping[str, float], *, case=None, hint: str = "") -> None:
    """Require that each named count is no larger than its bound."""
    for what, most in bound.items():
        got = counted.get(what) if isinstance(counted, Mapping) else getattr(counted, what, None)
        require(isinstance(got, Real), f"a number of {what}", hint, got=_named(got))
        texts = {"expected": f"{what} ≤ {show(most)}", "got": f"{what} = {show(got)}"}
        require(got <= most, f"{what} at most {show(most)}", hint, failing=case, **texts)


def close_to(
    answer, expected, *, tol: float = 1e-9, name: str = "the value", wrong: Mapping | None = None
) -> None:
    """Require a number (or array) close to `expected`, which is not told.

    ``wrong`` maps known mistakes to their explanation: ``{8: "that counts the rounds"}``.
    """
    value, shape = _array(answer, name), np.shape(expected)
    if value.size == 1 and shape == ():
        value = value.reshape(())
    details = [("got", show(answer))]
    if value.shape != shape:
        asked = f"shape {shape}" if shape else "one number"
        raise PropertyFailed(name, "", [("expected", asked), *details])
    if not equal(value, expected, tol):
        told = (why for slip, why in (wrong or {}).items() if equal(value, slip, tol))
        raise PropertyFailed(f"another value for {name}", next(told, ""), details)


def _array(answer, name: str) -> np.ndarray:
    try:
        found = np.asarray(plain(answer))
        if np.iscomplexobj(found):  # numpy would drop the imaginary part
            raise TypeError
        return found.astype(float)
    except (TypeError, ValueError):
        message = f"expected a number or an array of numbers, got {type(answer).__name__}"
        raise PropertyFailed(name, message, [("got", _named(answer))]) from None


def _named(value) -> str:
    return f"{type(value).__name__} {show(value)}"


def numbers(answer, size: int, name: str) -> tuple[float, ...]:
    """Return `size` numbers from a tuple, list or array of them; ``name`` says what they are."""
    found = _array(answer, name)
    require(found.shape == (size,), name, expected=f"{size} numbers", got=_named(answer))
    return tuple(found.tolist())


def whole(answer, name: str) -> int:
    """Return a whole number, however it is written, 4.0 too; a fraction is never cut off."""
    value = plain(answer)
    right = isinstance(value, (int, float)) and np.isfinite(value) and value == int(value)
    require(right, name, expected="a whole number", got=_named(answer))
    return int(value)


def entries(answer, names: Sequence[str]) -> tuple:
    """Return the named entries of a mapping that the reader filled in, or a sequence, in order.

    Case, hyphens, underscores and spaces make no difference in a name.
    """
    if isinstance(answer, (list, tuple, np.ndarray)) and len(answer) == len(names):
        return tuple(answer)
    given, got = {}, ", ".join(map(show, answer)) if isinstance(answer, Mapping) else _named(answer)
    for name, value in answer.items() if isinstance(answer, Mapping) else ():
        require(_key(name) not in given, f"the entry {_key(name)!r} once", got=got)
        given[_key(name)] = value
    right = set(map(_key, names)) <= set(given)
    require(right, f"the entries {', '.join(names)}", got=got or "none")
    return tuple(given[_key(name)] for name in names)


def _key(name) -> str:
    return re.sub(r"[-_\s]+", " ", str(name)).strip().casefold()


def raises(function: Callable, arguments, kind: type, *, words: str = "", name: str = "") -> None:
    """Require that the answer raises `kind`, with `words` in its message, on `arguments`."""
    error, message = None, ""
    try:
        got = f"the value {show(call(function, *as_tuple(arguments)))}"
    except AnswerRaised as raised:
        error, got = raised.error, str(raised)
    if isinstance(error, kind):
        message = f"the message should say {words!r}"
    if not message or words not in str(error):
        details = [("input", show_call(arguments)), ("expected", kind.__name__), ("got", got)]
        raise PropertyFailed(name or f"raises {kind.__name__}", message, details)
