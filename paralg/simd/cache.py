"""Compile a kernel once, and again when anything that it freezes has changed.

numba's cache looks at the file of the function that is called and at the values it closes over,
neither at the files it calls into nor at the constants it takes from them. `compiled` adds both to
what an entry of the cache is good for; it is the one way in which this library keeps kernels.
"""

import contextlib
import hashlib
import os
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from numbers import Number
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
from numba import njit

__all__ = ["compile_lock", "compiled", "digest"]


def compiled(function: Callable | None = None, **options) -> Callable:
    """Decorate a function that numba compiles, without the global lock and with a cache on disk.

    ``options`` are those of ``numba.njit``; with ``_nrt=False`` numba counts no references, and
    the function may make no arrays. Where no folder can be written there is no cache.
    """
    if function is None:
        return lambda later: compiled(later, **options)
    try:
        kernel = njit(cache=True, nogil=True, **options)(function)
    except RuntimeError:  # no folder for the cache; NUMBA_CACHE_DIR names one
        return njit(nogil=True, **options)(function)
    if hasattr(kernel, "_cache"):  # not where numba is switched off
        file = kernel._cache._cache_file  # there is no public way
        file._source_stamp = (file._source_stamp, digest(function))
    return kernel


def digest(function: Callable) -> str:
    """Return a digest of what a function may freeze that is not written in its own file.

    Constants of its module count by value, what numba compiles with the file that has it, and what
    that file has in turn; Python's own functions only from files in which numba is used.
    """
    found, seen, waiting = hashlib.sha256(), {function.__module__}, [function.__globals__]
    for names in waiting:
        for name, value in sorted(names.items()):
            if _is_constant(value) and not name.startswith("__"):
                found.update(name.encode() + pickle.dumps(value))
            home = _home(value)
            plain = isinstance(value, FunctionType | ModuleType)
            if home in seen or not home.startswith("paralg.") or (plain and not _has_numba(home)):
                continue
            seen.add(home)
            found.update(Path(sys.modules[home].__file__).read_bytes())
            waiting.append(vars(sys.modules[home]))
    return found.hexdigest()


def _is_constant(value) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_constant, value))
    return isinstance(value, Number | str | bytes | np.generic | np.ndarray)


def _home(value) -> str:
    """Return the name of the module that defines something, or of the module that it is."""
    if isinstance(value, ModuleType):
        return value.__name__
    return getattr(getattr(value, "py_func", value), "__module__", None) or ""


def _has_numba(module: str) -> bool:
    return any(_home(value).startswith("numba") for value in vars(sys.modules[module]).values())


@contextlib.contextmanager
def compile_lock() -> Iterator[None]:
    """Let one process of this user compile at a time, so that the cache stays whole."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        yield
        return
    name = f"paralg-compile-{os.getuid()}.lock"
    with open(Path(tempfile.gettempdir()) / name, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # closing the file gives it up
        yield
