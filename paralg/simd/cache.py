"""Compile a kernel once, and again when anything that it calls has changed.

numba's cache looks at the file of the function that is called and at the values it closes over, not
at the files it calls into. Kernels close over a digest of those, so that an edit is compiled.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from numba import njit

__all__ = ["cached", "compile_lock", "digest"]

_SOURCES = ("lanes.py", "polynomials.py", "elementary.py")


def digest(*sources: str | Path) -> str:
    """Return a digest of this package's sources and of others."""
    files = [*(Path(__file__).with_name(name) for name in _SOURCES), *map(Path, sources)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def cached(*sources: str | Path, allocates: bool = False) -> Callable:
    """Decorate a function ``build(digest, compiled)``: it becomes what it returns.

    ``compiled`` is numba's decorator, with a cache on disk and without the global lock; a function
    under it must name ``digest``, which is that of ``sources``. Only one that ``allocates`` may
    make arrays; the others do without reference counting.
    """

    def build_now(build):
        compiled = njit(cache=True, nogil=True, error_model="numpy", _nrt=allocates)
        return build(digest(*sources), compiled)

    return build_now


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
