"""Edge lists of any origin, any names, gzip or not; bad lines by number, with a remedy."""

from __future__ import annotations

import gzip
import io
import math
import re
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = [
    "BadLine", "EdgeListError", "column_names", "explain", "parse_edges", "read_edges",
]  # fmt: skip

WEIGHTS = ("optional", "required", "ignored")
_GZIP = b"\x1f\x8b"
_FOREIGN = {
    rb"BZh[1-9]1AY&": "bzip2 data",
    rb"\xfd7zXZ": "xz data",
    rb"\(\xb5/\xfd": "zstd data",
    rb"PK\x03\x04": "a zip archive",
    rb"\xff\xfe|\xfe\xff": "UTF-16 text",
}
_SEPARATORS = {",": "comma", "\t": "tab", ";": "';'", "|": "'|'"}
_TAILS = {"source", "src", "from", "fromnodeid", "from_id", "source_id", "tail", "node1"}
_HEADS = {"target", "dst", "to", "tonodeid", "to_id", "target_id", "head", "node2", "dest"}


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
        bad, count = [], 0
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
                yield _checked(unpacked)
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


def _checked(stream) -> Iterator[bytes]:
    """Yield the lines of a gzip file, with every sign of damage turned into an OSError."""
    try:
        yield from stream
    except (EOFError, zlib.error) as error:
        raise OSError(f"the gzip data is damaged or cut off: {error}") from error


# What to tell a user whose edge list was not understood, or perhaps misunderstood.


def explain(error: EdgeListError, delimiter: str | None) -> str:
    """Return the error after the number of bad lines, and a remedy where one is known."""
    if not error.count:
        return str(error)
    count = "1 bad line" if error.count == 1 else f"{error.count:,} bad lines"
    remedy = _separated_otherwise(error.bad, delimiter) or _first_names_columns(error)
    return "\n".join(filter(None, (count, str(error), remedy)))


def column_names(graph: Digraph) -> str:
    """Return a note when the first arc looks like a line of column names, else nothing."""
    first = (graph.names or ())[:2]
    if len(first) < 2 or first[0].lower() not in _TAILS or first[1].lower() not in _HEADS:
        return ""
    return (
        f"the line '{first[0]} {first[1]}' was read as an arc; "
        "--header skips a first line of column names"
    )


def _separated_otherwise(bad: list[BadLine], delimiter: str | None) -> str:
    """Name the separator at which every listed line would have two or three fields."""
    texts = [line.text for line in bad]
    for mark, name in _SEPARATORS.items():
        if mark != delimiter and all(text.count(mark) in (1, 2) for text in texts):
            return f"the fields seem to be separated otherwise: try --delimiter {name}"
    if delimiter is not None and all(len(text.split()) in (2, 3) for text in texts):
        return "the fields seem to be separated by white space: try without --delimiter"
    return ""


def _first_names_columns(error: EdgeListError) -> str:
    """Think of a header when the only bad line has a word in place of its weight."""
    words = re.split(r"[\s,;|]+", error.bad[0].text.strip()) if error.count == 1 else []
    if "weight" not in error.bad[0].reason or not words or not words[-1].isidentifier():
        return ""
    if words[-1].lower() in ("nan", "inf", "infinity"):
        return ""
    return "if this line names the columns: try --header"
