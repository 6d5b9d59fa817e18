"""Read an edge list of any origin: any names, gzip or not, bad lines reported by number."""

from __future__ import annotations

import gzip
import io
import math
import re
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = ["BadLine", "EdgeListError", "parse_edges", "read_edges"]

WEIGHTS = ("optional", "required", "ignored")
_GZIP = b"\x1f\x8b"
_FOREIGN = {
    rb"BZh[1-9]1AY&": "bzip2 data",
    rb"\xfd7zXZ": "xz data",
    rb"\(\xb5/\xfd": "zstd data",
    rb"PK\x03\x04": "a zip archive",
    rb"\xff\xfe|\xfe\xff": "UTF-16 text",
}


class BadLine(NamedTuple):
    """A line that is not an arc."""

    number: int
    reason: str
    text: str = ""


class EdgeListError(ValueError):
    """The edge list has bad lines, or no arc at all."""

    def __init__(self, name: str, bad: list[BadLine], count: int):
        self.name, self.bad, self.count = name, bad, count
        super().__init__(name, bad, count)

    def __str__(self) -> str:
        if not self.count:
            return f"{self.name}: expected at least one line 'source target [weight]', found none"
        lines = [f"{self.name}, line {line.number}: {line.reason}" for line in self.bad]
        if self.count > len(self.bad):
            lines.append(f"{self.name}: and {self.count - len(self.bad)} more bad lines")
        return "\n".join(lines)


class _EdgeFormat(NamedTuple):
    delimiter: str | None
    comment: str
    weights: str
    header: bool


def read_edges(
    path: str | Path | BinaryIO,
    *,
    delimiter: str | None = None,
    comment: str = "#",
    weights: str = "optional",
    header: bool = False,
    undirected: bool = False,
    limit: int = 20,
    watch: Callable[[Iterable], Iterable] = iter,
) -> Digraph:
    """Read a weighted graph from lines ``source target [weight]``."""
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}, got {weights!r}")
    name = str(path) if isinstance(path, (str, Path)) else getattr(path, "name", "input")
    with _opened(path) as stream:
        parsed = watch(parse_edges(stream, _EdgeFormat(delimiter, comment, weights, header)))
        number, tails, heads, values = {}, array("q"), array("q"), array("d")
        bad: list[BadLine] = []
        count = 0
        for line in parsed:
            if isinstance(line, BadLine):
                count += 1
                bad += [line] if count <= limit else []
                continue
            tail, head, weight = line
            tails.append(number.setdefault(tail, len(number)))
            heads.append(number.setdefault(head, len(number)))
            values.append(weight)
    if count or not tails:
        raise EdgeListError(name, bad, count)
    return Digraph.from_arcs(tails, heads, values, names=tuple(number), undirected=undirected)


def parse_edges(stream: BinaryIO, form: _EdgeFormat) -> Iterator[tuple[str, str, float] | BadLine]:
    """Yield an arc or a `BadLine` for every line that is neither empty nor a comment."""
    mark, header = form.comment.encode(), form.header
    for number, raw in enumerate(stream, start=1):
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if not raw.strip() or (mark and raw.lstrip().startswith(mark)):
            continue
        if header:
            header = False
            continue
        try:
            line = raw.decode("utf-8").rstrip("\r\n")
            yield _arc(line, form)
        except UnicodeDecodeError as error:
            yield BadLine(number, f"expected UTF-8 text, got byte 0x{raw[error.start]:02x}")
        except ValueError as error:
            yield BadLine(number, str(error), line)


def _arc(line: str, form: _EdgeFormat) -> tuple[str, str, float]:
    """Split a line into tail, head and weight; the ValueError says what is wrong with it."""
    fields = [field.strip() for field in line.split(form.delimiter)]
    least = 3 if form.weights == "required" else 2
    if len(fields) > 3 or len(fields) < least or not fields[0] or not fields[1]:
        shape = "source target weight" if least == 3 else "source target [weight]"
        raise ValueError(f"expected '{shape}', got {_short(line)!r}")
    if len(fields) == 2 or form.weights == "ignored":
        return fields[0], fields[1], 1.0
    return fields[0], fields[1], _weight(fields[2])


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise ValueError(f"expected a positive weight, got {_short(text)!r}")
    return weight


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


@contextmanager
def _opened(path) -> Iterator[BinaryIO]:
    """Open a file for reading bytes, through gzip when it begins like one."""
    stream = open(path, "rb") if isinstance(path, (str, Path)) else path  # noqa: SIM115
    try:
        buffered = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
        begin = buffered.peek(8)[:8]
        _refuse_foreign(begin)
        if begin.startswith(_GZIP):
            with gzip.open(buffered) as unpacked:
                yield _CheckedGzip(unpacked)
        else:
            yield buffered
    finally:
        if stream is not path:
            stream.close()


def _refuse_foreign(begin: bytes) -> None:
    """Raise OSError when a file begins like one of a kind that is not read here."""
    for mark, kind in _FOREIGN.items():
        if re.match(mark, begin):
            raise OSError(f"expected UTF-8 text, plain or gzip, got {kind}")


class _CheckedGzip:
    """Lines of a gzip file, with every sign of damage turned into an OSError."""

    def __init__(self, stream):
        self.stream = stream

    def __iter__(self):
        import zlib

        try:
            yield from self.stream
        except (EOFError, zlib.error) as error:
            raise OSError(f"the gzip data is damaged or cut off: {error}") from error
