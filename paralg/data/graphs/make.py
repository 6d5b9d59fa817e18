"""Two graphs from the running Python: ``python -m paralg.data.graphs.make imports|words PATH``.

imports: an arc leads from a module of the standard library to one it imports; its weight is the
number of names taken. Syntax trees are read, nothing is imported.
words: nodes are the 2,000 commonest words of the documentation topics; the weight of an arc counts
how often its head is within 4 words of its tail, so that the graph is symmetric.
"""

import ast
import re
import sys
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

__all__ = ["cooccurrence", "import_graph", "main"]

_LEFT_OUT = {"test", "tests", "idle_test", "site-packages", "__pycache__"}


def import_graph(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Yield (importer, imported, names) for all modules of a library folder."""
    modules = _modules_below(folder)
    known = set(modules) | (set(sys.stdlib_module_names) - _LEFT_OUT)
    for name, path in modules.items():
        source = path.read_text(encoding="utf-8", errors="replace")
        taken = _imports_of(name, source, path.name == "__init__.py", known)
        for target, count in sorted(taken.items()):
            if target != name:
                yield name, target, count


def _modules_below(folder: Path) -> dict[str, Path]:
    """Return the modules of a library folder by dotted name; test suites are left out."""
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if not _LEFT_OUT & set(parts) and all(part.isidentifier() for part in parts):
            modules[".".join(parts).removesuffix(".__init__")] = path
    return modules


def _imports_of(name: str, source: str, is_package: bool, known: set[str]) -> Counter:
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
    parts = name.split(".")[: -(node.level - is_package) or None]
    return ".".join([*parts, node.module] if node.module else parts)


def cooccurrence(texts: Iterable[str], words: int, window: int):
    """Count pairs of words at a distance of at most ``window``."""
    documents = [re.findall("[a-z]+", text.lower()) for text in texts]
    common = Counter(word for document in documents for word in document)
    names = [word for word, _ in sorted(common.items(), key=lambda item: (-item[1], item[0]))]
    number = {word: k for k, word in enumerate(names[:words])}
    pairs: Counter = Counter()
    for document in documents:
        kept = [number[word] for word in document if word in number]
        for distance in range(1, window + 1):
            pairs.update(zip(kept, kept[distance:], strict=False))
    both = pairs + Counter({(head, tail): count for (tail, head), count in pairs.items()})
    arcs = sorted((*arc, count) for arc, count in both.items() if arc[0] != arc[1])
    return names[:words], *np.array(arcs, dtype=np.int64).reshape(-1, 3).T


def main(which: str, path: str) -> None:
    """Write a graph: imports as tab-separated lines, words as arrays, each pair once."""
    if which == "imports":
        arcs = import_graph(Path(sysconfig.get_paths()["stdlib"]))
        Path(path).write_text("".join("{}\t{}\t{}\n".format(*arc) for arc in arcs), "utf-8")
        return
    from pydoc_data.topics import topics

    names, *arcs = cooccurrence(topics.values(), words=2000, window=4)
    tails, heads, counts = (column[arcs[0] < arcs[1]].astype(np.uint16) for column in arcs)
    np.savez_compressed(path, names="\n".join(names), tails=tails, heads=heads, counts=counts)


if __name__ == "__main__":
    main(*sys.argv[1:])
