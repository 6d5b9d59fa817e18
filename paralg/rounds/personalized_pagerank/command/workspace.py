"""Files of a run: finished chunks, and an output that appears whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from paralg.core.ragged import SparseRows
from paralg.rounds.personalized_pagerank.command.job import (
    RankingJob,
    differences,
    load_rows,
    save_rows,
)
from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = ["StaleCheckpoint", "Workspace", "write_atomically", "write_rows"]


class StaleCheckpoint(ValueError):
    """A checkpoint belongs to another job."""


class Workspace:
    """A folder that holds the finished chunks of a run."""

    def __init__(self, output: Path | None, resume: bool):
        self.output, self.resume = output, resume
        self.folder: Path | None = None

    def open(self, job: RankingJob, planned: list[range]) -> list[range]:
        """Create or find the folder and return the chunks, of an earlier run if there is one."""
        if not self.resume:
            name = "paralg" if self.output is None else self.output.name
            beside = None if self.output is None else self.output.absolute().parent
            made = tempfile.mkdtemp(prefix=f".{name}-", suffix=".partial", dir=beside)
            self.folder = Path(made)
            return planned
        self.folder = self.output.with_name(f".{self.output.name}.resume")
        self.folder.mkdir(exist_ok=True)
        return self._agree(job.fingerprint(), planned)

    def _agree(self, fingerprint: dict, planned: list[range]) -> list[range]:
        """Compare with the job that the folder was made for, or note this one."""
        note = self.folder / "job.json"
        if note.exists():
            old = json.loads(note.read_text())
            changes = differences(old, fingerprint)
            if changes:
                raise StaleCheckpoint(
                    f"the checkpoint {self.folder} is of another run: {'; '.join(changes)}"
                )
            return [range(*pair) for pair in old["chunks"]]
        listed = [[chunk.start, chunk.stop] for chunk in planned]
        with write_atomically(note) as file:
            file.write(json.dumps(fingerprint | {"chunks": listed}))
        return planned

    def _path(self, chunk: range) -> Path:
        return self.folder / f"rows-{chunk.start}-{chunk.stop}.npz"

    def has(self, chunk: range) -> bool:
        """Tell whether a chunk is finished."""
        return self._path(chunk).exists()

    def put(self, chunk: range, rows: SparseRows) -> None:
        """Keep a finished chunk."""
        partial = self._path(chunk).with_suffix(".partial")
        with _naming(self.folder), partial.open("wb") as file:
            save_rows(file, rows)
        os.replace(partial, self._path(chunk))

    def get(self, chunk: range) -> SparseRows:
        """Return a finished chunk."""
        return load_rows(self._path(chunk))

    def close(self, done: bool) -> None:
        """Remove the folder, unless an interrupted run shall be resumed."""
        if self.folder is not None and (done or not self.resume):
            shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def write_atomically(path: Path | None) -> Iterator[IO[str]]:
    """Open a text file that gets its name only when it is complete; None is standard output."""
    if path is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    target = path.resolve()
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=target.parent)
    try:
        with _naming(path), os.fdopen(handle, "wb") as raw:
            with _text(raw, path.suffix == ".gz") as file:
                yield file
            raw.flush()
            os.fsync(raw.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


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


def _mode(target: Path) -> int:
    """Return the permissions of a file, or those that a new one gets."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


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
