"""The import graph of Python's standard library, weighted by the names imported.

``python -m paralg.data.graphs.make_imports PATH`` writes it from the
running Python by walking the syntax tree of every module; nothing is imported.
An arc leads from a module to one it imports; its weight is the number of names taken.
"""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

__all__ = ["import_graph", "imports_of", "main", "modules_below"]

_LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "__pycache__"}


def modules_below(folder: Path) -> dict[str, Path]:
    """Return the modules of a library folder by dotted name; test suites are left out."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if _LEFT_OUT & set(parts) or not all(part.isidentifier() for part in parts):
            continue
        modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


def imports_of(name: str, source: str, is_package: bool, known: set[str]) -> Counter:
    """Count the names that one module takes from each known module."""
    taken: Counter = Counter()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            taken.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(name, node, is_package)
            inner = (f"{base}.{alias.name}" for alias in node.names)
            taken.update(target if target in known else base for target in inner)
    return Counter({target: count for target, count in taken.items() if target in known})


def _base(name: str, node: ast.ImportFrom, is_package: bool) -> str:
    """Return the absolute name of the module after ``from``."""
    if not node.level:
        return node.module or ""
    drop = node.level - is_package
    parts = name.split(".")[: -drop or None]
    return ".".join([*parts, node.module] if node.module else parts)


def import_graph(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Yield (importer, imported, names) for all modules of a library folder."""
    modules = modules_below(folder)
    known = set(modules) | (set(sys.stdlib_module_names) - _LEFT_OUT)
    for name, path in modules.items():
        source = path.read_text(encoding="utf-8", errors="replace")
        taken = imports_of(name, source, path.name == "__init__.py", known)
        for target, count in sorted(taken.items()):
            if target != name:
                yield name, target, count


def main(path: str) -> None:
    """Write the running Python's import graph as tab-separated lines."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    lines = [f"{tail}\t{head}\t{count}\n" for tail, head, count in import_graph(folder)]
    Path(path).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
