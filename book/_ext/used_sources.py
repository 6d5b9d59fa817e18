"""Which library files a piece of notebook code depends on, found by reading, not by running.

The answer must never miss a file (a stale number on a page is a defect) and should not name
files that cannot matter (an edit should re-run its own chapters only).  The rules:

* a module is used with everything it imports, at any depth, lazily or not;
* of a package ``__init__`` that only re-exports, just the names asked for are followed;
* a paper's package (``paralg/<part>/<paper>/``) is used as a whole, data files included;
* ``check("ex-mamba-…")`` and ``quiz("mamba")`` use the package they name, and a string constant
  ``"paralg.x.y"`` uses that module;
* data files beside a module of a shared package belong to the modules that mention them, and to
  all of them when none does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from code_source import ALL, Source, is_getter

__all__ = ["Library"]

PARTS = (
    "kernels", "recurrences", "rounds", "decoding", "scaling", "learning", "discovery",
    "foundations",
)
_EXERCISE = re.compile(r"^ex-([a-z0-9][a-z0-9_-]*)$")
_DOTTED = re.compile(r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
_HIDDEN = (".pyc", ".pyo")


class Library:
    """The importable package under a repository root.

    Parameters
    ----------
    root : Path
        Folder that holds the package.
    package : str
        Its name.
    """

    def __init__(self, root: Path, package: str = "paralg"):
        self.root = Path(root).resolve()
        self.package = package
        self._sources: dict[str, Source] = {}

    def file_of(self, module: str) -> Path | None:
        """File that defines a module, or None when the library has no such module."""
        if module.partition(".")[0] != self.package:
            return None
        base = self.root.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path
        return None

    def source(self, module: str) -> Source:
        """Parsed source of a module (read once)."""
        if module not in self._sources:
            path = self.file_of(module)
            text = path.read_text(encoding="utf-8")
            self._sources[module] = Source(text, module, path.name == "__init__.py")
        return self._sources[module]

    def used_by(self, code: str) -> frozenset[Path]:
        """Files of the library that a notebook with this code depends on."""
        walk = _Walk(self)
        notebook = Source(code)
        walk.follow(notebook)
        for page in notebook.named_pages():
            walk.use_page(page)
        for text in notebook.strings():
            match = _EXERCISE.match(text)
            if match:
                walk.use_page(match[1])
        return frozenset(walk.files)

    def paper_of(self, module: str) -> str | None:
        """The paper package ``paralg.<part>.<paper>`` that a module lies in, if any."""
        parts = module.split(".")
        if len(parts) >= 3 and parts[1] in PARTS:
            paper = ".".join(parts[:3])
            path = self.file_of(paper)
            if path is not None and path.name == "__init__.py":
                return paper
        return None

    def page(self, name: str) -> str | None:
        """Module of the paper or foundation page whose name is the longest prefix of ``name``."""
        words = name.replace("_", "-").split("-")
        for length in range(len(words), 0, -1):
            for part in PARTS:
                module = f"{self.package}.{part}.{'_'.join(words[:length])}"
                if self.file_of(module):
                    return module
        return None


class _Walk:
    """Transitive closure over modules and re-exported names."""

    def __init__(self, library: Library):
        self.library = library
        self.files: set[Path] = set()
        self._done: set[tuple[str, str | None]] = set()
        self._papers: set[str] = set()

    def use(self, module: str, name: str | None = ALL) -> None:
        """Record that ``name`` (or all) of a module is used."""
        if self.library.file_of(module) is None or (module, name) in self._done:
            return
        self._done.add((module, name))
        self._use_parents(module)
        paper = self.library.paper_of(module)
        if paper is not None:
            self._use_paper(paper)
        else:
            self._use_module(module, name)

    def use_page(self, name: str) -> None:
        """Record that the checks, quiz or claims of a page are used."""
        module = self.library.page(name)
        if module is not None:
            self.use(module)

    def follow(self, source: Source, only: str | None = ALL) -> None:
        """Follow the imports of a source, or just the one that binds ``only``."""
        for module, name, bound in source.imports():
            if only is not ALL and bound != only and name != "*":
                continue
            self._follow_import(source, module, name, bound)
        if only is ALL:
            self._follow_strings(source)

    def _follow_import(self, source: Source, module: str, name: str | None, bound: str) -> None:
        inner = f"{module}.{name}"
        if name is None:
            self._use_dotted(source, module, bound)
        elif name == "*":
            self.use(module)
        elif self.library.file_of(inner):
            self._use_parents(inner)
            self._use_attributes(source, inner, bound)
        else:
            self.use(module, name)

    def _use_dotted(self, source: Source, module: str, bound: str) -> None:
        if bound != module.partition(".")[0]:  # import paralg.core as core
            self._use_attributes(source, module, bound)
        elif bound == self.library.package:
            self._use_parents(f"{module}.x")
            if source.attributes_of(bound) is ALL:
                self.use(module)
            for chain in source.chains():
                if chain.partition(".")[0] == bound:
                    self._use_chain(chain)

    def _use_chain(self, chain: str) -> None:
        """Use the deepest module along ``paralg.a.b.name`` and the name asked of it."""
        parts = chain.split(".")
        for length in range(len(parts), 0, -1):
            module = ".".join(parts[:length])
            if self.library.file_of(module):
                self.use(module, parts[length] if length < len(parts) else ALL)
                return

    def _use_attributes(self, source: Source, module: str, bound: str) -> None:
        """Use the names read from a package bound to a variable; a plain module as a whole."""
        names = source.attributes_of(bound)
        path = self.library.file_of(module)
        if path is None:
            return
        whole = path.name != "__init__.py" or self.library.paper_of(module) or source.is_package
        if names is ALL or whole:
            self.use(module)
            return
        self._add(module)
        for name in names:
            self.use(module, name)

    def _use_parents(self, module: str) -> None:
        """Importing a module runs the ``__init__`` of each package above it."""
        parts = module.split(".")
        for length in range(1, len(parts)):
            parent = ".".join(parts[:length])
            if self.library.source(parent).is_facade:
                self._add(parent)
            else:
                self._use_module(parent, ALL)

    def _use_module(self, module: str, name: str | None) -> None:
        source = self.library.source(module)
        self._add(module)
        if not (source.is_package and source.is_facade and name is not ALL):
            if (module, "") not in self._done:
                self._done.add((module, ""))
                self.follow(source)
                self._follow_lazy(source, source.lazy_targets)
            return
        inner = f"{module}.{name}"
        bound = {b for _, n, b in source.imports() if n is not None}
        if name in bound or "*" in bound:
            self.follow(source, name)
        elif self.library.file_of(inner):
            self.use(inner)
        elif name in source.lazy_targets:
            self._follow_lazy(source, {name: source.lazy_targets[name]})
        elif any(is_getter(node) for node in source.tree.body):
            self._use_module(module, ALL)

    def _follow_lazy(self, source: Source, targets: dict[str, str]) -> None:
        for target in targets.values():
            stripped = target.lstrip(".")
            level = len(target) - len(stripped)
            self.use(source.absolute(stripped, level) if level else target)
            if source.is_package:
                self.use(f"{source.module}.{stripped}")

    def _follow_strings(self, source: Source) -> None:
        for text in source.strings():
            if _DOTTED.match(text) and text.startswith(self.library.package + "."):
                self._use_chain(text)

    def _use_paper(self, paper: str) -> None:
        if paper in self._papers:
            return
        self._papers.add(paper)
        for path in _files_under(self.library.file_of(paper).parent):
            self.files.add(path)
            if path.suffix == ".py":
                self.follow(self.library.source(_module_name(self.library.root, path)))

    def _add(self, module: str) -> None:
        path = self.library.file_of(module)
        if path not in self.files:
            self.files.add(path)
            self.files.update(_data_of(path))
            if self.library.source(module).is_lazy:
                self.follow(self.library.source(module), "lazy")


def _files_under(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in _HIDDEN:
            yield path


def _module_name(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _data_of(path: Path) -> Iterator[Path]:
    """Data files beside a module that belong to it."""
    folder = path.parent
    texts = {p: p.read_text(encoding="utf-8") for p in folder.glob("*.py")}
    for data in _data_files(folder):
        marks = {data.name, data.stem, *data.relative_to(folder).parts[:-1]}
        owners = {p for p, text in texts.items() if any(mark in text for mark in marks)}
        if not owners or path in owners:
            yield data


def _data_files(folder: Path) -> Iterator[Path]:
    """Files that are not Python, in a package's folder and in its folders that hold no package."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name != "__pycache__" and not (path / "__init__.py").exists():
                yield from (p for p in _files_under(path) if p.suffix != ".py")
        elif path.suffix not in (".py", *_HIDDEN):
            yield path
