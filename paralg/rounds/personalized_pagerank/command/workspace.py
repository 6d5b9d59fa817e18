"""Files of a run: finished chunks, and an output that appears whole or not at all."""

import contextlib
import glob
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from paralg.cli import CommandError
from paralg.core.ragged import SparseRows
from paralg.rounds.personalized_pagerank.command.job import (
    RankingJob,
    differences,
    load_rows,
    save_rows,
)
from paralg.rounds.personalized_pagerank.graph import Digraph

try:
    import fcntl
except ImportError:  # Windows: no locks
    fcntl = None

__all__ = ["Workspace", "folder_of"]

_OWN = re.compile(r"lock|job\.json|output|rows-\d+-\d+\.(npz|partial)")

_REMOVE = """read _; [ ! -d "$0" ] || { rm -rf -- "$0"; echo "paralg pagerank: removed $0" >&2; }"""
"""Removes a folder once the run, which holds its standard input open, is gone."""


def folder_of(output: Path) -> Path:
    """Return the folder of finished chunks that ``--resume`` keeps beside an output."""
    target = output.resolve()
    return target.with_name(f".{target.name}.resume")


class Workspace:
    """A folder that holds the finished chunks of a run, and a lock while the run lives."""

    def __init__(self, output: Path | None, resume: bool, say: Callable[[str], None], ranks=False):
        self.output, self.resume, self.say, self.ranks = output, resume, say, ranks
        self.folder: Path | None = None
        self.lock: IO | None = None

    def open(self, job: RankingJob, planned: list[range]) -> list[range]:
        """Create or find the folder and return the chunks, of an earlier run if there is one."""
        target = (self.output or Path(tempfile.gettempdir(), "paralg")).resolve()
        self._remove_left(target)
        self.job = job.fingerprint()
        if self.resume:
            folder = _fit(folder_of(self.output))
        else:
            folder = Path(tempfile.mkdtemp(".partial", f".{target.name}-", target.parent))
        self.lock = _locked(folder)
        if self.lock is None or not (folder / "lock").exists():  # removed as that run ended
            raise CommandError(f"another run is at work on {folder}; choose another --output")
        self.folder = folder
        if self.ranks and not self.resume:  # whoever ends mpiexec has the ranks killed
            self.watch = subprocess.Popen(["sh", "-c", _REMOVE, folder], stdin=subprocess.PIPE,
                                          start_new_session=True)  # fmt: skip
        return self._agree(planned) if self.resume else planned

    def _remove_left(self, target: Path) -> None:
        """Remove what runs to the same output left when they were killed, and say so."""
        for left in target.parent.glob(f".{glob.escape(target.name)}-*.partial"):
            own = (left / "lock").exists() and left.stat().st_uid == os.getuid()
            lock = _locked(left) if own else None
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                lock.close()
                self.say(f"note: removed {left}, which a killed run had left")

    def _agree(self, planned: list[range]) -> list[range]:
        """Compare with the job that the folder was made for, or note this one."""
        note = self.folder / "job.json"
        if note.exists():
            try:
                old = json.loads(note.read_text())
                if not isinstance(old, dict) or {*old} != {*self.job, "chunks"}:
                    raise _other(self.folder, f"{note.name} is of another kind or version")
                if changes := differences(old, self.job):
                    raise _other(self.folder, f"it is of another run: {'; '.join(changes)}")
                kept = [range(first, end) for first, end in old["chunks"]]
                ends = [0, *(k.stop for k in kept)]
                if not all(kept) or [k.start for k in kept] + [planned[-1].stop] != ends:
                    raise ValueError("not all sources, or some twice")
                return kept
            except (ValueError, TypeError):
                self.say(f"note: {note} is damaged, all sources are computed again")
                for path in self.folder.glob("rows-*"):
                    path.unlink()
        listed = [[chunk.start, chunk.stop] for chunk in planned]
        with written(note, self.folder) as file:
            file.write(json.dumps(self.job | {"chunks": listed}))
        return planned

    def _path(self, chunk: range) -> Path:
        return self.folder / f"rows-{chunk.start}-{chunk.stop}.npz"

    def has(self, chunk: range) -> bool:
        """Tell whether a chunk is finished; a damaged one is named, and is not."""
        path = self._path(chunk)
        if not path.exists():
            return False
        whole = False
        with contextlib.suppress(Exception):  # whatever a damaged archive makes of itself
            whole = load_rows(path, self.job).sources.tolist() == list(chunk)
        if not whole:
            self.say(f"note: {path} is damaged, its sources are computed again")
        return whole

    def put(self, chunk: range, rows: SparseRows) -> None:
        """Keep a finished chunk."""
        partial = self._path(chunk).with_suffix(".partial")
        with _naming(self.folder), partial.open("wb") as file:
            save_rows(file, rows, self.job)
            if self.resume:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, self._path(chunk))

    def write(self, chunks: list[range], *kind) -> int:
        """Write the output from finished chunks, and return the number of lines."""
        with written(self.output, self.folder) as file:
            rows = (load_rows(self._path(chunk), self.job) for chunk in chunks)
            return write_rows(file, rows, *kind)

    def close(self, done: bool) -> None:
        """Remove the folder, unless an interrupted run shall be resumed."""
        if self.folder is not None and (done or not self.resume):
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock is not None:
            self.lock.close()


def _other(folder: Path, why: str) -> CommandError:
    return CommandError(f"the checkpoint {folder}: {why}; remove it, or choose another --output")


def _fit(folder: Path) -> Path:
    """Make the folder of a checkpoint where there is none; refuse what cannot be one."""
    if folder.exists() and not folder.is_dir():
        raise _other(folder, "it must be a folder")
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if not _OWN.fullmatch(path.name) or not (path.is_file() or path.is_symlink()):
            raise _other(folder, f"it holds {path.name}, which no run of this command wrote")
    return folder


def _locked(folder: Path) -> IO | None:
    """Return the lock of a folder, held until the process ends at the latest; None if another's."""
    file = (folder / "lock").open("a")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def written(path: Path | None, folder: Path) -> Iterator[IO[str]]:
    """Open a text file that gets its name only when complete and synced; None is standard output.

    Until then it lies in ``folder``, which is on the same disk.
    """
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    target, temporary = path.resolve(), folder / "output"
    with _naming(path), temporary.open("wb") as raw:
        with _text(raw, path.suffix == ".gz") as file:
            yield file
        raw.flush()
        os.fsync(raw.fileno())
    if target.exists():
        os.chmod(temporary, target.stat().st_mode & 0o777)
    os.replace(temporary, target)
    with contextlib.suppress(OSError):  # not every system opens folders
        handle = os.open(target.parent, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put a file's name into errors of the system that lack one."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextlib.contextmanager
def _text(raw: IO[bytes], packed: bool) -> Iterator[IO[str]]:
    """Write text to a binary file, through gzip if wanted, and leave the file open."""
    inner = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if packed else raw
    file = io.TextIOWrapper(inner, encoding="utf-8", newline="\n")
    yield file
    file.flush()
    file.detach()
    if packed:
        inner.close()


def write_rows(
    file: IO[str], parts: Iterable[SparseRows], graph: Digraph, delimiter: str, header: bool
) -> int:
    """Write one line ``source target score`` for each entry, and return how many."""
    if header:
        file.write(delimiter.join(("source", "target", "score")) + "\n")
    lines = 0
    for rows in parts:
        for k, source in enumerate(rows.sources.tolist()):
            nodes, scores = rows.row(k)
            name = graph.label(source)
            file.writelines(
                f"{name}{delimiter}{graph.label(node)}{delimiter}{score:.10g}\n"
                for node, score in zip(nodes.tolist(), scores.tolist(), strict=True)
            )
            lines += len(nodes)
    return lines
