"""Compile and cache every chapter's kernels, so that no budget or timing contains a compilation.

Run as ``python -m paralg.warm``. A chapter takes part by exposing a function ``warm()``, and
so does each module of its ``experiments/`` that compiles loops of its own.
"""

import importlib
import pkgutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paralg
from paralg.teach.chapters import PARTS

__all__ = ["warm_all", "warmable"]


def warmable() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield ``(module name, warm)`` for everything that has kernels to compile.

    What needs an optional dependency that is not installed is passed over: it cannot run either.
    """
    for name in ("paralg.simd", *_of_chapters()):
        try:
            warm = getattr(importlib.import_module(name), "warm", None)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("paralg"):
                raise
            continue
        if callable(warm):
            yield name, warm


def _of_chapters() -> Iterator[str]:
    """Yield every chapter, and the modules of its experiments that define a ``warm``."""
    for part in PARTS:
        package = importlib.import_module(f"{paralg.__name__}.{part}")
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield info.name
            folder = Path(info.module_finder.path, info.name.rpartition(".")[2], "experiments")
            for path in sorted(folder.glob("*.py")):
                if "\ndef warm(" in path.read_text(encoding="utf-8"):
                    yield f"{info.name}.experiments.{path.stem}"


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
