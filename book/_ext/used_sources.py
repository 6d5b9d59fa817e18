"""Which library files a piece of notebook code depends on, found by reading, not by running.

The answer must never miss a file (a stale number on a page is a defect; `notebook_store` compares
it with what a kernel really opens) and should not name files that cannot matter.  The rules:

* a module is used with everything it imports, at any depth, lazily or not;
* of a package ``__init__`` that only re-exports, just the names asked for are followed, and what
  it imports at once;
* a string constant ``"paralg.x.y"`` uses that module, as does one with ``from paralg.x.y import``,
  and ``import_module(f"….entrants")`` uses every module of the part whose name ends so;
* a data file belongs to the modules of its paper or shelf that name it, its folder or its suffix,
  and to all of them when none does;
* what the site draws (`paralg.core.static`) is not used by the page, but by its drawing: an
  explorer, ``quiz(…)``, ``check(…)``, ``recorded_speedup(…)``, as statements of their own; used
  otherwise (``recorded_speedup("x").number``) they are read, with the file beside the chapter.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import code_source
from code_source import ALL, Facts, read_facts

import paralg

__all__ = ["PARTS", "Library"]

PARTS = paralg.PARTS
_COPIES = {"__pycache__", ".ipynb_checkpoints"}
_HIDDEN = (".pyc", ".pyo", ".nbi", ".nbc")
_DRAWING = {
    "quiz": ("teach.quiz_html", "quiz.json"),
    "check": ("teach.verdict", None),
    "recorded_speedup": ("figures.speedups", "speedup.json"),
}
"""Calls that name what the site draws: the module that draws it, and a file beside the chapter."""
_DATA = {data for _, data in _DRAWING.values() if data}
_KEPT = 3000  # facts kept beyond those of one reading


class Library:
    """The importable package under a repository root, read once.

    Parameters
    ----------
    root : Path
        Folder that holds the package.
    package : str
        Its name.
    memory : Path, optional
        File in which facts are kept by the hash of what they were read from.
    """

    def __init__(self, root: Path, package: str = "paralg", memory: Path | None = None):
        self.root = Path(root).resolve()
        self.package = package
        self.memory = memory
        self._facts: dict[str, Facts] = {}
        self._files: dict[str, Path | None] = {}
        self._digests: dict[Path, str] = {}
        self._owned: dict[Path, dict[Path, set[Path]]] = {}
        self._new = False

    # ---- files and facts ----

    def file_of(self, module: str) -> Path | None:
        """File that defines a module, or None when the library has no such module."""
        if module not in self._files:
            base = self.root.joinpath(*module.split("."))
            inside = module.partition(".")[0] == self.package
            known = (base / "__init__.py", base.with_suffix(".py")) if inside else ()
            self._files[module] = next((path for path in known if path.is_file()), None)
        return self._files[module]

    def facts(self, module: str) -> Facts:
        """What the source of a module says."""
        if module not in self._facts:
            path = self.file_of(module)
            text = path.read_text(encoding="utf-8")
            self._facts[module] = self._read(text, module, path.name == "__init__.py")
        return self._facts[module]

    def digest(self, path: Path) -> str:
        """SHA-256 of a file."""
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[path]

    @cached_property
    def _kept(self) -> dict[str, dict]:
        """Facts of earlier readings."""
        try:
            return json.loads(self.memory.read_text(encoding="utf-8"))
        except (AttributeError, OSError, ValueError):
            return {}

    def _read(self, text: str, module: str = "", is_package: bool = False) -> Facts:
        if self.memory is None:
            return read_facts(text, module, is_package)
        name = f"{_READER}\0{module}\0{is_package}\0{text}"
        name = hashlib.sha256(name.encode()).hexdigest()[:32]
        if name not in self._kept:
            self._kept[name] = dataclasses.asdict(read_facts(text, module, is_package))
            self._new = True
        return Facts(**self._kept[name])

    def remember(self) -> None:
        """Write the facts for the next reading, whole or not at all."""
        if self._new and self.memory is not None:
            self.memory.parent.mkdir(parents=True, exist_ok=True)
            scratch = self.memory.with_suffix(f".{os.getpid()}.part")
            kept = dict(list(self._kept.items())[-_KEPT:])
            scratch.write_text(json.dumps(kept), encoding="utf-8")
            os.replace(scratch, self.memory)
            self._new = False

    # ---- what code uses ----

    def used_by(self, code: str) -> frozenset[Path]:
        """Files on which the outputs of a notebook with this code depend."""
        return frozenset(self._walk(code).files)

    def drawn_by(self, code: str) -> frozenset[Path]:
        """Files on which the drawing of a page depends, besides its outputs."""
        walk = _Walk(self)
        facts = self._read(code)
        drawn = self._walk(code).drawn
        for module, name in drawn:
            if module.rpartition(".")[0] == f"{self.package}.teach":  # its calls: quiz, check
                walk.use(module)
            if name == "explorer":
                walk.use(module)
                walk.use(f"{self.package}.figures", "use")
            else:
                walk.use(f"{self.package}.{_DRAWING[name][0]}")
        walk.files |= self.read_by_calls({name for _, name in drawn}, facts)
        return frozenset(walk.files)

    def read_by_calls(self, names: set[str], facts: Facts) -> set[Path]:
        """Files beside the chapters that a page names from which such calls read."""
        slugs = {word.replace("-", "_") for word in facts.words}
        files = {_DRAWING[name][1] for name in names if name in _DRAWING} - {None}
        top = self.root / self.package
        found = (path for data in files for path in top.glob(f"*/*/**/{data}"))
        return {path for path in found if path.relative_to(top).parts[1] in slugs}

    def used_by_module(self, module: str) -> frozenset[Path]:
        """Files on which what a module computes depends."""
        walk = _Walk(self)
        walk.use(module)
        return frozenset(walk.files)

    def _walk(self, code: str) -> _Walk:
        walk = _Walk(self)
        walk.follow_page(self._read(code))
        return walk

    def home_of(self, module: str, name: str) -> str:
        """The module that defines a name which packages hand on."""
        while (path := self.file_of(module)) is not None and path.name == "__init__.py":
            facts = self.facts(module)
            bound = {b: m for m, n, b in facts.imports if n is not None}
            if name in facts.lazy:
                target = facts.lazy[name]
                module = target if self.file_of(target) else f"{module}.{target.lstrip('.')}"
            elif name in bound and bound[name] != module:
                module = bound[name]
            else:
                break
        return module

    def is_drawn(self, module: str, name: str | None) -> bool:
        """Whether a name is one of those that show themselves as data for the site."""
        home = self.home_of(module, name) if name else ""
        if name in _DRAWING:
            return home.startswith((f"{self.package}.teach.", f"{self.package}.figures."))
        return name == "explorer" and home.endswith(".explorer") and self.file_of(home) is not None

    def page(self, name: str) -> str | None:
        """Module of the paper or foundation page whose name is the longest prefix of ``name``."""
        words = name.replace("_", "-").split("-")
        for length in range(len(words), 0, -1):
            for part in PARTS:
                module = f"{self.package}.{part}.{'_'.join(words[:length])}"
                if self.file_of(module):
                    return module
        return None

    def modules_under(self, folder: Path) -> Iterator[str]:
        """Names of all modules in a folder, at any depth."""
        for path in sorted(folder.rglob("*.py")):
            if not _COPIES & set(path.parts):
                yield self._name(path)

    # ---- data files ----

    def data_of(self, module: str) -> set[Path]:
        """Files that are no modules and belong to a module."""
        unit = self._unit(module)
        if unit not in self._owned:
            self._owned[unit] = self._owners(unit)
        return self._owned[unit].get(self.file_of(module), set())

    def _unit(self, module: str) -> Path:
        """The folder of a module's paper, else that of its part or shelf."""
        parts = module.split(".")
        depth = 3 if len(parts) > 2 and parts[1] in PARTS else 2
        folder = self.root.joinpath(*parts[:depth])
        return folder if (folder / "__init__.py").is_file() else self.file_of(module).parent

    def _owners(self, unit: Path) -> dict[Path, set[Path]]:
        shared = unit.name in (*PARTS, self.package)  # the papers below own their files
        found = [*unit.glob("*"), *unit.glob("records/*")] if shared else unit.rglob("*")
        files = [p for p in found if p.is_file() and not _COPIES & set(p.parts)]
        read = {p: self.facts(self._name(p)) for p in files if p.suffix == ".py"}
        modules = [p for p, f in read.items() if not (f.is_package and f.is_facade)] or list(read)
        words = {p: set(read[p].words) for p in modules}
        owned: dict[Path, set[Path]] = {path: set() for path in read}
        for data in files:
            if data.suffix in (".py", *_HIDDEN) or data.name in _DATA:
                continue
            folders = data.relative_to(unit).parts[:-1]
            marks = {data.name, data.stem, *folders}
            owners = [p for p in modules if marks & words[p]] or modules
            loose = {data.suffix, f"*{data.suffix}"}
            for path in {*owners, *(p for p in modules if loose & words[p])}:
                owned[path].add(data)
        return owned

    def _name(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _Walk:
    """Transitive closure over modules and re-exported names."""

    def __init__(self, library: Library):
        self.library = library
        self.files: set[Path] = set()
        self.drawn: set[tuple[str, str]] = set()  # home and name of what the site draws
        self._done: set[tuple[str, str | None]] = set()

    def follow_page(self, facts: Facts) -> None:
        """Follow a notebook, but not to what the site draws."""
        left = set(facts.statements)
        for module, name, bound in facts.imports:
            self._follow_import(facts, module, name, bound, left)
        self._follow_dotted(facts)
        named = {name for _, name, _ in facts.imports}.union(
            *(names for names in facts.attributes.values() if names is not ALL)
        )
        self.files |= self.library.read_by_calls(named - {name for _, name in self.drawn}, facts)
        if facts.exercises and not any(name == "check" for _, name in self.drawn):
            for label in facts.exercises:
                page = self.library.page(label.removeprefix("ex-"))
                if page:
                    self._use_all(self.library.file_of(page).parent)

    def use(self, module: str, name: str | None = ALL) -> None:
        """Record that ``name`` (or all) of a module is used."""
        if self.library.file_of(module) is None or (module, name) in self._done:
            return
        self._done.add((module, name))
        self._use_parents(module)
        self._use_module(module, name)

    def follow(self, facts: Facts, only: str | None = ALL) -> None:
        """Follow the imports of a module, or just the one that binds ``only``."""
        for module, name, bound in facts.imports:
            if only is ALL or bound == only or name == "*":
                self._follow_import(facts, module, name, bound, set())
        if only is ALL:
            self._follow_dotted(facts)
            self._follow_words(facts)

    def _follow_import(
        self, facts: Facts, module: str, name: str | None, bound: str, left: set[str]
    ) -> None:
        inner = f"{module}.{name}"
        if name is None:
            self._use_dotted(facts, module, bound, left)
        elif name == "*":
            self.use(module)
        elif bound in left and name == bound and self.library.is_drawn(module, name):
            self.drawn.add((self.library.home_of(module, name), name))
        elif self.library.file_of(inner):
            self._use_parents(inner)
            self._use_attributes(facts, inner, bound, left)
        else:
            self.use(module, name)

    def _use_dotted(self, facts: Facts, module: str, bound: str, left: set[str]) -> None:
        if bound != module.partition(".")[0]:  # import paralg.core as core
            self._use_attributes(facts, module, bound, left)
        elif bound == self.library.package:
            self._use_parents(f"{module}.x")
            if facts.attributes.get(bound) is ALL:
                self.use(module)
            for chain in facts.chains:
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

    def _use_attributes(self, facts: Facts, module: str, bound: str, left: set[str]) -> None:
        """Use the names read from a package bound to a variable; a plain module as a whole."""
        names = facts.attributes.get(bound, ALL)
        path = self.library.file_of(module)
        if path is None:
            return
        if names is ALL or path.name != "__init__.py" or facts.is_package:
            self.use(module)
            return
        self._add(module)
        for name in names:
            if name in left and self.library.is_drawn(module, name):
                self.drawn.add((self.library.home_of(module, name), name))
            else:
                self.use(module, name)

    def _use_parents(self, module: str) -> None:
        """Importing a module runs the ``__init__`` of each package above it."""
        parts = module.split(".")
        for length in range(1, len(parts)):
            parent = ".".join(parts[:length])
            if self.library.file_of(parent) is None:
                continue
            if self.library.facts(parent).is_facade:
                self._add(parent)
            else:
                self._use_module(parent, ALL)

    def _use_module(self, module: str, name: str | None) -> None:
        facts = self.library.facts(module)
        self._add(module)
        if not (facts.is_package and facts.is_facade and name is not ALL):
            if (module, "") not in self._done:
                self._done.add((module, ""))
                self.follow(facts)
                self._follow_lazy(facts, facts.lazy)
                self._follow_tails(facts)
            return
        bound = {b for _, n, b in facts.imports if n is not None}
        if name in bound or "*" in bound:
            self.follow(facts, name)
        elif self.library.file_of(f"{module}.{name}"):
            self.use(f"{module}.{name}")
        elif name in facts.lazy:
            self._follow_lazy(facts, {name: facts.lazy[name]})
        elif facts.has_getter:
            self._use_module(module, ALL)

    def _follow_lazy(self, facts: Facts, targets: dict[str, str]) -> None:
        for target in targets.values():
            self.use(target)
            self.use(f"{facts.module}.{target.lstrip('.')}")

    def _follow_dotted(self, facts: Facts) -> None:
        for text in facts.dotted:
            if text.startswith(self.library.package + "."):
                self._use_chain(text)

    def _follow_words(self, facts: Facts) -> None:
        """A Python file that is named, to be run by another process, is used."""
        folder = self.library.file_of(facts.module).parent
        for word in facts.words:
            if word.endswith(".py") and word[0] not in ".*" and (folder / word).is_file():
                self.use(self.library._name(folder / word))

    def _follow_tails(self, facts: Facts) -> None:
        part = self.library.root.joinpath(*facts.module.split(".")[:2])
        for tail in facts.tails:
            for module in self.library.modules_under(part):
                if module.endswith(tail):
                    self.use(module)

    def _use_all(self, folder: Path) -> None:
        for module in self.library.modules_under(folder):
            self.use(module)

    def _add(self, module: str) -> None:
        path = self.library.file_of(module)
        if path not in self.files:
            self.files.add(path)
            self.files |= self.library.data_of(module)
            if not self.library.facts(module).has_getter:
                self.follow(self.library.facts(module))
            if self.library.facts(module).is_lazy:
                self.follow(self.library.facts(module), "lazy")


_READER = hashlib.sha256(Path(code_source.__file__).read_bytes()).hexdigest()
