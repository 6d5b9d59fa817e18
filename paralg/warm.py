"""Compile and cache every chapter's kernels, so that no budget or timing contains a compilation.

Run as ``python -m paralg.warm``. A chapter takes part by exposing a function ``warm()``.
"""

from __future__ import annotations

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator

import paralg
from paralg.teach.chapters import PARTS

__all__ = ["warm_all", "warmable"]


def warmable() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield ``(module name, warm)`` for every chapter that has kernels to compile.

    A chapter whose optional dependency is not installed is passed over: it cannot run either.
    """
    for part in PARTS:
        package = importlib.import_module(f"{paralg.__name__}.{part}")
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            try:
                module = importlib.import_module(info.name)
                warm = getattr(module, "warm", None)
            except ModuleNotFoundError as error:
                if (error.name or "").startswith("paralg"):
                    raise
                continue
            if callable(warm):
                yield info.name, warm


def warm_all(say: Callable[[str], object] = print) -> list[str]:
    """Call each chapter's ``warm`` and return the names of the modules warmed."""
    names = []
    for name, warm in warmable():
        start = time.perf_counter()
        warm()
        say(f"   kernels of {name}: {time.perf_counter() - start:.1f} s")
        names.append(name)
    return names


if __name__ == "__main__":
    warm_all()
