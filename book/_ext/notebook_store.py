"""Executed notebooks, kept under a key that covers the library files they use.

The key is made before a notebook runs, by reading. What its processes open while it runs is kept
with the result: a file that the key does not cover is told, and the result stands only as long as
that file stays as it was.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from notebook_runner import ENVIRONMENT, CellFailed, Executed, SharedLock, execute, stop_kernels
from used_sources import Library

__all__ = ["Store", "fill", "read_notebook", "run_all"]

FORMAT = "4"  # part of every key: raise it when the way of executing changes
VERSIONED = (
    "numpy", "scipy", "torch", "numba", "matplotlib", "networkx", "safetensors", "mambapy",
)  # fmt: skip
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
        return _hash([self.key(notebook), *self._digests(self.drawn(notebook))])

    def drawn(self, notebook: NotebookNode) -> frozenset[Path]:
        """Library files on which what the site draws on the page depends."""
        return self.library.drawn_by(_code(notebook))

    def module_key(self, module: str) -> str:
        """Hash of all that can change what a module computes and draws."""
        used = self.library.used_by_module(module)
        used |= self.library.used_by_module(f"{self.library.package}.figures.style")
        return _hash([FORMAT, self._versions(), *self._digests(used)])

    def unknown(self, notebook: NotebookNode, executed: Executed) -> list[str]:
        """Files of the repository that an execution opened and the key of its page does not hold.

        The notebook itself is held by its code.
        """
        known = self.sources(notebook) | self.drawn(notebook)
        return sorted(path.relative_to(self.root).as_posix() for path in executed.opened - known)

    def edited(self, notebook: NotebookNode) -> list[str]:
        """Files that are not any more what the key of a notebook was made from."""
        return [name for name, digest in self._digests(self.sources(notebook))
                if _digest(self.root / name) != digest]  # fmt: skip

    def execute(self, path: Path, notebook: NotebookNode, lock=None) -> Executed:
        """Execute a notebook, looking at the files of the repository that it opens."""
        return execute(path, notebook, lock, watched=self.root)

    def _digests(self, paths: Iterable[Path]) -> list[list[str]]:
        return [[path.relative_to(self.root).as_posix(), self.library.digest(path)]
                for path in sorted(paths)]  # fmt: skip

    @staticmethod
    def _versions() -> list:
        return [platform.python_version(), *([name, _version(name)] for name in VERSIONED)]

    def _ingredients(self, notebook: NotebookNode) -> Iterator[object]:
        yield FORMAT
        yield self._versions()
        told = {name: value for name, value in os.environ.items() if name.startswith("PARALG_")}
        yield sorted((told | ENVIRONMENT).items())
        for cell in _code_cells(notebook):
            yield [cell.source, sorted(RELEVANT_TAGS & set(cell.metadata.get("tags", [])))]
        yield from self._digests(self.sources(notebook))

    def path(self, key: str) -> Path:
        """File of an executed notebook."""
        return self.folder / f"{key}.ipynb"

    def load(self, key: str) -> Executed | None:
        """Executed notebook, or None when it is not in the store or does not stand any more.

        A damaged entry is told, and deleted.
        """
        path = self.path(key)
        if not path.is_file():
            return None
        try:
            text = path.read_text("utf-8")
            notebook = nbformat.reads(text, as_version=4)
            record = notebook.metadata["paralg_execution"]
            opened = {self.root / name: digest for name, digest in record["opened"].items()}
            if _hash([text.replace(record["whole"], "")]) != record["whole"]:
                raise ValueError("its content is not what was written")
            found = Executed(notebook, record["seconds"], record["when"], record["cpu"],
                             frozenset(opened))  # fmt: skip
        except Exception as error:  # whatever a damaged file makes nbformat raise
            print(f"{path.name} in {path.parent.name} is damaged ({type(error).__name__}): its "
                  "page is executed again", file=sys.stderr)  # fmt: skip
            path.unlink(missing_ok=True)
            return None
        beyond = {path: digest for path, digest in opened.items() if digest}
        return found if all(_digest(one) == digest for one, digest in beyond.items()) else None

    def save(self, notebook: NotebookNode, executed: Executed) -> None:
        """Write an executed notebook, whole or not at all; of what its key holds, only the names.

        Nothing is written when a file was edited meanwhile: nobody knows what the page has seen.
        """
        if self.edited(notebook):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        beyond = set(self.unknown(notebook, executed))
        opened = sorted(path.relative_to(self.root).as_posix() for path in executed.opened)
        record = {"seconds": round(executed.seconds, 2), "when": executed.when,
                  "cpu": round(executed.cpu, 2),
                  "opened": {name: _digest(self.root / name) if name in beyond else ""
                             for name in opened}, "whole": ""}  # fmt: skip
        executed.notebook.metadata["paralg_execution"] = record
        text = nbformat.writes(executed.notebook)
        text = text.replace('"whole": ""', f'"whole": "{_hash([text])}"')
        handle, scratch = tempfile.mkstemp(dir=self.folder, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, self.path(self.key(notebook)))

    def prune(self, keep: set[str], spare: int = 20) -> None:
        """Delete all but the current notebooks and the ``spare`` newest of the others.

        What a killed build had begun to write goes, too.
        """
        for path in self.folder.glob("*.part"):
            path.unlink(missing_ok=True)
        old = [p for p in self.folder.glob("*.ipynb") if p.stem not in keep]
        for path in sorted(old, key=lambda p: p.stat().st_mtime, reverse=True)[spare:]:
            path.unlink()

    def obtain(self, path: Path, notebook: NotebookNode) -> Executed:
        """Executed notebook from the store, executing it first when it is not there."""
        key = self.key(notebook)
        found = self.load(key)
        if found is None:
            found = self.execute(path, notebook)
            self.save(notebook, found)
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
    whole: bool = False,
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
    whole : bool
        Whether these are all pages: what is of no use any more is then deleted.
    say : callable
        Receives progress lines.

    Returns
    -------
    list of CellFailed
        One entry for each notebook that failed; the others are in the store.

    Raises
    ------
    KeyboardInterrupt
        Nothing more was started then, what ran was ended, and what had run is in the store.
    """
    notebooks = {path: nb for path in paths if (nb := read_notebook(path)) is not None}
    todo = [path for path, nb in notebooks.items() if store.load(store.key(nb)) is None]
    say(f"notebooks: {len(notebooks)}, up to date: {len(notebooks) - len(todo)}")
    failures, lock = [], SharedLock()
    pool = ThreadPoolExecutor(max(1, workers))
    jobs = {pool.submit(store.execute, path, notebooks[path], lock): path for path in todo}
    try:
        for count, job in enumerate(as_completed(list(jobs)), 1):
            failure = _settle(store, notebooks[jobs[job]], job)
            failures += [failure] if failure else []
            outcome = "FAILED" if failure else f"{job.result().seconds:.1f} s"
            path = jobs.pop(job)
            say(f"[{count}/{len(todo)}] {_shown(path, store.root)}  {outcome}")
            for line in [] if failure else _doubts(store, notebooks[path], job.result()):
                say(f"    {line}")
    except KeyboardInterrupt:
        pool.shutdown(wait=False, cancel_futures=True)
        had_run = [job for job in jobs if job.done() and not job.cancelled()]
        stop_kernels()
        for job in had_run:
            _settle(store, notebooks[jobs[job]], job)
        say(f"stopped; executed and kept: {len(todo) - len(jobs) + len(had_run)} of {len(todo)}")
        raise
    finally:
        pool.shutdown()
    if whole and not failures:
        store.prune({store.key(notebook) for notebook in notebooks.values()})
    return failures


def _settle(store: Store, notebook: NotebookNode, job: Future[Executed]) -> CellFailed | None:
    """Save what a job brought, or return its failure.

    Keys are made and results saved in the main thread only: the parser behind the keys does not
    like company.
    """
    try:
        store.save(notebook, job.result())
    except CellFailed as failure:
        return failure
    return None


def _doubts(store: Store, notebook: NotebookNode, executed: Executed) -> Iterator[str]:
    """Yield what may make a number of this execution an old one."""
    edited = store.edited(notebook)
    if edited:
        others = f" and {len(edited) - 1} more files were" if len(edited) > 1 else " was"
        yield f"not kept: {edited[0]}{others} edited while it ran"
    for name in store.unknown(notebook, executed):
        yield f"opens {name}, which its key does not cover"


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _code(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in _code_cells(notebook))


def _digest(path: Path) -> str | None:
    """SHA-256 of a file as it is now, None when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


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
