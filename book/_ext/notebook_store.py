"""Executed notebooks, kept under a key that covers the library files they use."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from notebook_runner import ENVIRONMENT, CellFailed, Executed, SharedLock, execute
from used_sources import Library

__all__ = ["Store", "fill", "read_notebook", "run_all"]

FORMAT = "3"  # part of every key: raise it when the way of executing changes
VERSIONED = ("numpy", "scipy", "torch", "numba", "matplotlib", "networkx", "safetensors")
RELEVANT_TAGS = {"raises-exception", "skip-execution"}


class Store:
    """Executed notebooks of one repository.

    Parameters
    ----------
    root : Path
        Root of the repository: where ``paralg`` lies.
    folder : Path, optional
        Where executed notebooks are kept; default ``_build/execution``.
    """

    def __init__(self, root: Path, folder: Path | None = None):
        self.root = Path(root).resolve()
        self.folder = Path(folder or self.root / "_build" / "execution")
        self.library = Library(self.root, memory=self.root / "_build" / "facts.json")

    def sources(self, notebook: NotebookNode) -> frozenset[Path]:
        """Library files that a notebook depends on."""
        used = self.library.used_by(_code(notebook))
        self.library.remember()
        return used

    def key(self, notebook: NotebookNode) -> str:
        """Hash of all that can change the outputs of a notebook."""
        return _hash(self._ingredients(notebook))

    def page_key(self, notebook: NotebookNode) -> str:
        """Hash of all that can change its page: the outputs, and what the site draws on it."""
        return _hash([self.key(notebook), *self._digests(self.library.drawn_by(_code(notebook)))])

    def module_key(self, module: str) -> str:
        """Hash of all that can change what a module computes and draws."""
        used = self.library.used_by_module(module)
        used |= self.library.used_by_module(f"{self.library.package}.figures.style")
        return _hash([FORMAT, self._versions(), *self._digests(used)])

    def unknown(self, notebook: NotebookNode, executed: Executed) -> list[str]:
        """Library files that an execution opened and that its key does not know of."""
        code = _code(notebook)
        known = self.library.used_by(code, drawn=True, eager=True) | self.library.drawn_by(code)
        return sorted(p.relative_to(self.root).as_posix() for p in executed.opened - known)

    def execute(self, path: Path, notebook: NotebookNode, lock=None) -> Executed:
        """Execute a notebook, looking at the files of the library that it opens."""
        return execute(path, notebook, lock, watched=self.root / self.library.package)

    def _digests(self, paths: Iterable[Path]) -> list[list[str]]:
        return [[path.relative_to(self.root).as_posix(), self.library.digest(path)]
                for path in sorted(paths)]  # fmt: skip

    @staticmethod
    def _versions() -> list:
        return [platform.python_version(), *([name, _version(name)] for name in VERSIONED)]

    def _ingredients(self, notebook: NotebookNode) -> Iterator[object]:
        yield FORMAT
        yield self._versions()
        yield sorted(ENVIRONMENT.items())
        for cell in _code_cells(notebook):
            yield [cell.source, sorted(RELEVANT_TAGS & set(cell.metadata.get("tags", [])))]
        yield from self._digests(self.sources(notebook))

    def path(self, key: str) -> Path:
        """File of an executed notebook."""
        return self.folder / f"{key}.ipynb"

    def load(self, key: str) -> Executed | None:
        """Executed notebook, or None when it is not in the store."""
        path = self.path(key)
        if not path.is_file():
            return None
        notebook = nbformat.read(path, as_version=4)
        record = notebook.metadata.get("paralg_execution", {})
        numbers = (record.get(name, 0.0) for name in ("seconds", "when", "cpu"))
        return Executed(notebook, *numbers)

    def save(self, key: str, executed: Executed) -> None:
        """Write an executed notebook, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        record = {"seconds": round(executed.seconds, 2), "when": executed.when,
                  "cpu": round(executed.cpu, 2)}  # fmt: skip
        executed.notebook.metadata["paralg_execution"] = record
        handle, scratch = tempfile.mkstemp(dir=self.folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            nbformat.write(executed.notebook, file)
        os.replace(scratch, self.path(key))

    def prune(self, keep: set[str], spare: int = 20) -> None:
        """Delete all but the current notebooks and the ``spare`` newest of the others."""
        old = [p for p in self.folder.glob("*.ipynb") if p.stem not in keep]
        for path in sorted(old, key=lambda p: p.stat().st_mtime, reverse=True)[spare:]:
            path.unlink()

    def obtain(self, path: Path, notebook: NotebookNode) -> Executed:
        """Executed notebook from the store, executing it first when it is not there."""
        key = self.key(notebook)
        found = self.load(key)
        if found is None:
            found = self.execute(path, notebook)
            self.save(key, found)
        return found


def fill(notebook: NotebookNode, executed: NotebookNode) -> None:
    """Copy outputs and counts into a notebook whose code cells are the same."""
    pairs = zip(_code_cells(notebook), _code_cells(executed), strict=True)
    for cell, done in pairs:
        cell["outputs"] = done.get("outputs", [])
        cell["execution_count"] = done.get("execution_count")
    for name in ("language_info", "widgets"):
        if name in executed.metadata:
            notebook.metadata[name] = executed.metadata[name]


def read_notebook(path: Path) -> NotebookNode | None:
    """Read a notebook, ``.ipynb`` or executable MyST text; None for an ordinary page."""
    from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook

    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return nbformat.reads(text, as_version=4)
    if path.suffix == ".md" and is_myst_markdown_notebook(text):
        return read_myst_markdown_notebook(text, path=path)
    return None


def run_all(
    store: Store,
    paths: Iterable[Path],
    *,
    workers: int = 2,
    say: Callable[[str], None] = print,
) -> list[CellFailed]:
    """Execute every notebook that the store lacks, ``workers`` at a time.

    Parameters
    ----------
    store : Store
        Where results go.
    paths : iterable of Path
        Notebooks and executable pages; ordinary pages are passed over.
    workers : int
        Notebooks in flight.
    say : callable
        Receives progress lines.

    Returns
    -------
    list of CellFailed
        One entry for each notebook that failed; the others are in the store.
    """
    notebooks = {path: nb for path in paths if (nb := read_notebook(path)) is not None}
    keys = {path: store.key(nb) for path, nb in notebooks.items()}
    todo = [path for path in notebooks if store.load(keys[path]) is None]
    say(f"notebooks: {len(notebooks)}, up to date: {len(notebooks) - len(todo)}")
    failures = []
    lock = SharedLock()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        jobs = {pool.submit(store.execute, path, notebooks[path], lock): path for path in todo}
        for count, job in enumerate(as_completed(jobs), 1):
            path = jobs[job]
            failure = _settle(store, keys[path], job)
            failures += [failure] if failure else []
            outcome = "FAILED" if failure else f"{job.result().seconds:.1f} s"
            say(f"[{count}/{len(todo)}] {_shown(path, store.root)}  {outcome}")
            for name in [] if failure else store.unknown(notebooks[path], job.result()):
                say(f"    opens {name}, which its key does not cover")
    if not failures:
        store.prune(set(keys.values()))
    return failures


def _settle(store: Store, key: str, job: Future[Executed]) -> CellFailed | None:
    """Save what a job brought, or return its failure.

    Keys are made and results saved in the main thread only: the parser behind the keys does not
    like company.
    """
    try:
        store.save(key, job.result())
    except CellFailed as failure:
        return failure
    return None


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _code(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in _code_cells(notebook))


def _hash(parts: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(json.dumps(part).encode() + b"\0")
    return digest.hexdigest()[:32]


@cache
def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
