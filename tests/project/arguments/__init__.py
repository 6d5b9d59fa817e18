"""Bad arguments for public functions: one valid call of each, and all that may go wrong with it.

A module of this package has ``COVERS``, the modules whose public names it has a call for,
``CALLS``, and ``NOT``, the names without a call, each with the reason. Every argument of a call is
replaced by every bad value of its kind; the outcome must be a clear error or the right value.
"""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import re
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import paralg

PARTS = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
LIBRARY = str(Path(__file__).resolve().parents[3] / "paralg")
SAME = {"list", "as float", "as integer", "other precision", "as array"}
"""Kinds that say the same thing in another type: a value must be that of the valid call."""
NOT_FINITE = {"nan", "inf", "-inf"}
MEANT = ("clear error", "right value")
SECONDS = 5


@dataclasses.dataclass(frozen=True)
class Call:
    """A valid call of a public name.

    Parameters
    ----------
    of : str
        The public name.
    run : callable
        The function, or a lambda of the same keywords around a class and its methods.
    arguments : dict
        One valid value for each argument that is tried; no value is ever changed in place.
    right : callable, optional
        Gives the right value for the same arguments, by another way.
    fine : mapping, optional
        Kinds that an argument may have, as words: ``{"n": "zero"}``; the result has no NaN.
    rows : str
        Arguments whose axis 0 is a batch: what is not finite in row 0 stays in row 0.
    """

    of: str
    run: Callable
    arguments: Mapping[str, Any]
    right: Callable | None = None
    fine: Mapping[str, str] = dataclasses.field(default_factory=dict)
    rows: str = ""


def bad_values(value) -> Iterator[tuple[str, Any]]:
    """Yield kinds of bad values in place of a good one, and the values."""
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield from {
            "zero": 0, "negative": -3, "fraction": value + 0.5, "as float": float(value),
            "nan": float("nan"), "inf": float("inf"), "boolean": True, "string": "x", "none": None,
            "complex": 1j, "several": np.array([value, value]),
        }.items()  # fmt: skip
    elif isinstance(value, float):
        yield from {
            "zero": 0.0, "negative": -abs(value) - 1, "nan": float("nan"), "inf": float("inf"),
            "-inf": -float("inf"), "boolean": True, "string": "x", "none": None, "complex": 1j,
            "several": np.array([value, value]),
        }.items()  # fmt: skip
    elif isinstance(value, str):
        yield from {"unknown": value + "x", "empty": "", "number": 3, "none": None}.items()
    elif hasattr(value, "dtype"):
        yield from _bad_arrays(value)
    elif isinstance(value, list | tuple) and any(hasattr(part, "dtype") for part in value):
        make = type(value) if type(value) in (list, tuple) else lambda parts: type(value)(*parts)
        yield "none", None
        if not hasattr(value, "_fields"):
            yield "shorter", value[:-1]
        for k, part in enumerate(value):
            for kind, bad in bad_values(part):
                yield kind, make([*value[:k], bad, *value[k + 1 :]])
    else:
        yield from {"none": None, "number": 3, "string": "x"}.items()


def _bad_arrays(x) -> Iterator[tuple[str, Any]]:
    tensor, shape = not isinstance(x, np.ndarray), tuple(x.shape)
    np.seterr(all="ignore")
    array = x.detach().numpy() if tensor else x

    def like(changed):
        return sys.modules["torch"].from_numpy(np.ascontiguousarray(changed)) if tensor else changed

    kind = array.dtype.kind
    yield "none", None
    yield "string", "x"
    yield "more axes", x[None]
    if shape:
        yield "fewer axes", x[0]
    for axis, size in enumerate(shape):
        yield "longer", like(np.concatenate([array, array.take([0], axis)], axis))
        if size > 1:
            yield "broadcast", like(array.take([0], axis))
        yield "empty", like(array.take([], axis))
    yield "complex", like(array + 0j)
    yield ("as array", array) if tensor else ("list", array.tolist())
    if not tensor:
        yield "objects", array.astype(object)
        yield "strings", array.astype(str)
    if kind in "fc" and array.size:
        for name in NOT_FINITE:
            changed = array.copy()
            changed.flat[0] = float(name)
            yield name, like(changed)
        yield "other precision", like(array.astype({4: "f8", 8: "f4"}[array.itemsize]))
        yield "booleans", like(array > 0)
        if kind == "f":
            yield "integers", like(np.nan_to_num(array, posinf=0, neginf=0).astype(np.int64))
    elif kind in "iu":
        yield "negative", like(-array - 1)
        if array.itemsize > 1:
            yield "too large", like(array + 10**6)
        yield "as float", like(array.astype(float))
        yield "nan", like(np.full(shape, np.nan))
        yield "booleans", like(array > 0)
    else:
        yield "as integer", like(array.astype(np.int64))
        yield "nan", like(np.full(shape, np.nan))
        yield "numbers", like(array + 2)


def outcomes(call: Call) -> Iterator[tuple[str, str]]:
    """Yield, for every bad value, what came of it and a line that says which it was."""
    clean = tried(call.run, call.arguments, 120)  # a kernel may be compiled
    if isinstance(clean, Exception):
        raise clean
    yield _of_unknown_keyword(call), f"{call.of}(nonsense=1)"
    parameters = inspect.signature(call.run).parameters
    for name, value in call.arguments.items():
        default = getattr(parameters.get(name), "default", inspect.Parameter.empty)
        for kind, bad in bad_values(value):
            if kind == "none" and default is None:
                continue
            got = tried(call.run, {**call.arguments, name: bad})
            outcome = judged(call, name, kind, bad, got, clean)
            shown = "" if outcome in MEANT else _short(got)
            yield outcome, f"{call.of}({name}: {kind}) {outcome}: {shown}"


def judged(call: Call, name: str, kind: str, bad, got, clean) -> str:
    """Return ``clear error``, ``right value``, or what else it was."""
    if isinstance(got, Exception):
        return "clear error" if is_clear(got) else "unclear error"
    if kind in SAME and same(got, clean):
        return "right value"
    if kind in NOT_FINITE and name in call.rows.split():
        return "right value" if same(_later_rows(got), _later_rows(clean)) else "rows mixed"
    if kind == "integers":
        floats = as_type_of(bad, call.arguments[name])
        if same(got, tried(call.run, {**call.arguments, name: floats})):
            return "right value"
    if kind in call.fine.get(name, "").split(",") and (kind in NOT_FINITE or not _has_nan(got)):
        return "right value"
    if call.right is not None:
        right = tried(call.right, {**call.arguments, name: bad})
        return "right value" if same(got, right) else f"wrong value, right {_short(right)}"
    return "accepted"


def as_type_of(value, like):
    """Return an array, or arrays in a tuple, in the type of another."""
    if isinstance(value, list | tuple):
        return tuple(map(as_type_of, value, like))
    if not hasattr(value, "dtype"):
        return value
    return value.to(like.dtype) if hasattr(value, "detach") else value.astype(like.dtype)


def is_clear(error: Exception) -> bool:
    """Tell whether an error is the library's own and says what came."""
    if type(error) not in (ValueError, TypeError, KeyError, OSError):
        return False
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    words = r"\bgot\b|there are|has:" if type(error) is KeyError else r"\bgot\b"
    return frame.f_code.co_filename.startswith(LIBRARY) and bool(re.search(words, str(error)))


def _of_unknown_keyword(call: Call) -> str:
    got = tried(call.run, {**call.arguments, "nonsense": 1})
    known = isinstance(got, TypeError) and "unexpected keyword argument" in str(got)
    return "clear error" if known or isinstance(got, Exception) and is_clear(got) else "accepted"


def tried(function: Callable, arguments: Mapping[str, Any], seconds: float = SECONDS):
    """Return what a call returns, or the error that it raises; one that hangs is a TimeoutError."""
    if "torch" in sys.modules:
        sys.modules["torch"].default_generator.manual_seed(0)  # of this processor only: quick
    signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with np.errstate(all="ignore"):
            return function(**arguments)
    except Exception as error:
        return error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _late(*_):
    raise TimeoutError("no answer in time")


def leaves(value) -> list:
    """Return the arrays, numbers and other things in a result."""
    if hasattr(value, "state_dict"):
        return [tuple(part.shape) for part in value.state_dict().values()]
    if hasattr(value, "detach"):
        return [value.detach().numpy()]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return leaves([getattr(value, field.name) for field in dataclasses.fields(value)])
    if isinstance(value, Mapping):
        return [*map(str, value), *leaves(list(value.values()))]
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def same(one, other) -> bool:
    """Tell whether two results are equal up to the rounding of single precision."""
    ours, theirs = leaves(one), leaves(other)
    return len(ours) == len(theirs) and all(map(_equal, ours, theirs))


def _equal(one, other) -> bool:
    a, b = np.asarray(one), np.asarray(other)
    if a.dtype.kind in "biufc" and b.dtype.kind in "biufc":
        return a.shape == b.shape and np.allclose(a, b, 1e-4, 1e-5, equal_nan=True)
    if a.dtype.kind in "OU":
        return type(one) is type(other) and (callable(one) or bool(np.all(a == b)))
    return False


def _later_rows(value) -> list:
    return [leaf[1:] if np.ndim(leaf) else leaf for leaf in leaves(value)]


def _has_nan(value) -> bool:
    kinds = (np.asarray(leaf) for leaf in leaves(value))
    return any(a.dtype.kind in "fc" and bool(np.isnan(a).any()) for a in kinds)


def _short(value) -> str:
    text = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else repr(value)
    return re.sub(r"\s+", " ", text)[:150]


def part(name: str):
    """Return the module of one part."""
    return importlib.import_module(f"{__name__}.{name}")


def counted(name: str) -> tuple[Counter, list[str]]:
    """Return how often each outcome came in a part, and the lines of those that must not be."""
    found = [one for call in part(name).CALLS for one in outcomes(call)]
    wrong = [line for outcome, line in found if outcome not in MEANT]
    return Counter(outcome for outcome, _ in found), wrong


def uncovered(name: str) -> list[str]:
    """Return the public names of a part's modules without a call and without a reason."""
    module, missing = part(name), []
    known = {call.of for call in module.CALLS} | set(module.NOT)
    for covered in map(importlib.import_module, module.COVERS):
        values = {one: getattr(covered, one) for one in covered.__all__}
        missing += [one for one, value in values.items()
                    if (inspect.isclass(value) or inspect.isroutine(value)) and one not in known]
    return missing


def unlisted() -> list[str]:
    """Return the packages and modules with public functions that no part covers.

    A package with public names stands for its modules; a part's own packages are chapters.
    """
    covered = {name for one in PARTS for name in covers(one)}
    shelves = (one.name for one in pkgutil.iter_modules(paralg.__path__) if one.ispkg)
    return sorted({name for one in shelves for name in _public(f"paralg.{one}")} - covered)


def covers(name: str) -> tuple[str, ...]:
    """Return what a part covers, without an import of it."""
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))
    (value,) = (node.value for node in tree.body if isinstance(node, ast.Assign)
                and [getattr(one, "id", "") for one in node.targets] == ["COVERS"])  # fmt: skip
    return eval(compile(ast.Expression(value), name, "eval"))


def _public(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    names = [getattr(module, one) for one in getattr(module, "__all__", ())]
    if any(inspect.isclass(one) or inspect.isroutine(one) for one in names):
        yield name
    part = name.removeprefix("paralg.") in paralg.PARTS
    for one in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."):
        if one.ispkg if part else not names:
            yield from _public(one.name)
