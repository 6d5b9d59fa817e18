"""Helpers for `checks.py`: each states one property, and shows the smallest input that breaks it.

A chapter's ``checks.py`` reads::

    from paralg.teach.checking import equal_to_oracle, exercise, require

    @exercise("ex-scans-inclusive")
    def inclusive(answer):
        return equal_to_oracle(answer, np.cumsum, cases=[np.arange(n) for n in range(1, 9)])

Operands of the helpers: ``name`` is the property in words that complete "the answer …", ``hint`` a
thought that helps and never the solution; ``cases`` are inputs, a tuple several arguments; ``tol``
is the largest accepted difference, absolute and relative, and 0 asks for equality. What does not
hold raises `PropertyFailed`, an answer whose own code fails `AnswerRaised`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from paralg.teach.distributions import same_distribution, samples_follow
from paralg.teach.outcomes import AnswerRaised, PropertyFailed, call, require
from paralg.teach.values import as_tuple, difference, equal, show, show_call, size_of

__all__ = [
    "AnswerRaised", "PropertyFailed", "call", "close_to", "counts_at_most", "entries",
    "equal_to_oracle", "exercise", "raises", "require", "same_distribution", "samples_follow",
    "smallest_failing",
]  # fmt: skip


def exercise(label: str) -> Callable:
    """Register the decorated function as the check of exercise `label`, in its module's ``CHECKS``.

    Parameters
    ----------
    label : str
        Label of the exercise on the page, ``ex-<chapter>-<word>``.

    Returns
    -------
    callable
        A decorator. The function takes the answer, and raises through the helpers of this module,
        or returns nothing, or returns a sentence that says what was shown.

    Raises
    ------
    ValueError
        If the label does not begin with ``ex-``, or has two checks in a module.
    """
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
    function: Callable,
    oracle: Callable,
    cases: Iterable,
    tol: float = 0.0,
    *,
    name: str = "equals the reference",
    hint: str = "",
) -> str:
    """Require that the answer equals `oracle` on every case, else show the smallest that differs.

    Returns a sentence with the number of inputs tried, for the check to return.
    """
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
    while shrink:
        smaller = next((c for c in _shorter(bad) if _failure(fails, c, quiet=True) == how), None)
        if smaller is None:
            break
        bad = smaller
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
    lengths = [_length(part) for part in case]
    longest = max(lengths, default=0)
    for gone in range(longest - 1, -1, -1) if longest > 1 else ():
        pairs = zip(case, lengths, strict=True)
        yield tuple(_without(part, gone) if length == longest else part for part, length in pairs)


def _length(part) -> int:
    if isinstance(part, np.ndarray):
        return len(part) if part.ndim == 1 else 0
    return len(part) if isinstance(part, (list, str)) else 0


def _without(sequence, index: int):
    if isinstance(sequence, np.ndarray):
        return np.delete(sequence, index)
    return sequence[:index] + sequence[index + 1 :]


def counts_at_most(counted, bound: Mapping[str, float], *, case=None, hint: str = "") -> None:
    """Require that each named count is no larger than its bound."""
    for what, most in bound.items():
        got = counted[what] if isinstance(counted, Mapping) else getattr(counted, what)
        texts = {"expected": f"{what} ≤ {show(most)}", "got": f"{what} = {show(got)}"}
        require(got <= most, f"{what} at most {show(most)}", hint, failing=case, **texts)


def close_to(
    answer, expected, *, tol: float = 1e-9, name: str = "the value", wrong: Mapping | None = None
) -> None:
    """Require a number (or array) close to `expected`, which is not told.

    ``wrong`` maps known mistakes to their explanation: ``{8: "that counts the rounds"}``.
    """
    value = _number(answer, name)
    if equal(value, expected, tol):
        return
    for mistaken, why in (wrong or {}).items():
        require(not equal(value, mistaken, tol), name, why, got=answer)
    require(False, name, "not this value", got=answer)


def _number(answer, name: str):
    try:
        return np.asarray(answer, dtype=float)
    except (TypeError, ValueError):
        message = f"expected a number or an array of numbers, got {type(answer).__name__}"
        raise PropertyFailed(name, message, [("got", show(answer))]) from None


def entries(answer, names: Sequence[str]) -> tuple:
    """Return the named entries of a mapping that the reader filled in, in order.

    NotImplementedError while one of them is still ``...``: there is no answer yet.
    """
    require(
        isinstance(answer, Mapping) and set(names) <= set(answer),
        f"has the entries {', '.join(names)}",
        got=answer if not isinstance(answer, Mapping) else ", ".join(map(show, answer)) or "none",
    )
    values = tuple(answer[name] for name in names)
    if any(_open(value) for value in values):
        raise NotImplementedError
    return values


def _open(value) -> bool:
    """Tell whether an entry, or a part of it, was left as it was given."""
    return value is ... or (isinstance(value, tuple) and any(map(_open, value)))


def raises(function: Callable, arguments, kind: type, *, words: str = "", name: str = "") -> None:
    """Require that the answer raises `kind`, with `words` in its message, on `arguments`."""
    name = name or f"raises {kind.__name__}"
    shown = ("input", show_call(arguments))
    try:
        got = call(function, *as_tuple(arguments))
    except AnswerRaised as raised:
        came = f"{type(raised.error).__name__}: {raised.error}"
        right = isinstance(raised.error, kind)
        require(right, name, failing=shown[1], expected=kind.__name__, got=came)
        require(words in str(raised.error), name, f"the message should say {words!r}", got=came)
        return
    raise PropertyFailed(name, "nothing was raised", [shown, ("got", show(got))])
