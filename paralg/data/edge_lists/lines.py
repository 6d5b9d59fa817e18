"""One pass over the lines of an edge list: fields, arcs, bad lines, and counts of all else."""

import csv
import gzip
import io
import math
import re
import tempfile
import zlib
from array import array
from collections import Counter, namedtuple
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["BOM", "LONGEST", "WHITE", "BadLine", "EdgeFormat", "Scan", "arc_of", "opened", "split"]

WHITE = ""  # the delimiter that stands for blanks and tabs, as many as there are
LONGEST = 1 << 20  # bytes of a line
BOM = b"\xef\xbb\xbf"
_FOREIGN = {rb"BZh[1-9]1AY&": "bzip2 data", rb"\xfd7zXZ": "xz data",
            rb"\(\xb5/\xfd": "zstd data", rb"PK\x03\x04": "a zip archive",
            rb"\xff\xfe|\xfe\xff": "UTF-16 text"}  # fmt: skip


class EdgeFormat(NamedTuple):
    """How an edge list is written; what is None is recognised.

    ``delimiter`` is `WHITE` for any white space; ``comment`` begins a line that is skipped, and
    ``quote`` stands around fields (empty for none); ``columns`` of source, target and weight are
    names, or numbers from 1; ``first`` says whether the first line is an "arc", "names" or
    "counts"; ``weights`` are "optional", "required" or "ignored". The reader fills in ``places``,
    of source, target, weight and type, and ``marks``, all signs of comments.
    """

    delimiter: str | None = None
    comment: str | None = None
    quote: str = '"'
    decimal: str = "."
    columns: tuple[str, ...] | None = None
    first: str | None = None
    weights: str = "optional"
    undirected: bool | None = None
    places: tuple[int, int, int | None, int | None] | None = None
    marks: tuple[str, ...] = ()


_PLAIN = re.compile(r"(?=.*[1-9])\d{1,15}(\.\d{1,9})?", re.A).fullmatch
"""Of most weights, which are numbers above 0; `arc_of` looks at the others."""

BadLine = namedtuple("BadLine", "number reason text")


class Scan:
    """Arcs of one pass, by numbers of nodes in the order of their appearance."""

    def __init__(self, form: EdgeFormat, most: float = math.inf):
        self.form, self.most = form, most
        self.tails, self.heads, self.values = array("q"), array("q"), array("d")
        self.number, self.widths, self.tally = {}, Counter(), Counter()
        self.count, self.first, self.first_is_arc = 0, None, False
        self.bad, self.named, self.comments = [], [], []

    def run(self, stream: BinaryIO, watch=iter) -> "Scan":
        """Read everything; more bad lines than ``most`` end the pass."""
        stream.seek(0)
        place = self.number.setdefault
        add = self.tails.append, self.heads.append, self.values.append
        for tail, head, weight in watch(self._arcs(stream)):
            add[0](place(tail, len(self.number)))
            add[1](place(head, len(self.number)))
            add[2](weight)
        return self

    def _arcs(self, stream) -> Iterator[tuple[str, str, float]]:
        form, tally, widths = self.form, self.tally, self.widths
        usual = (form.places, form.weights, form.decimal) == (None, "optional", ".")
        usual = usual and form.first != "names"
        for number, text in self.lines(stream):
            fields, size = split(text, form), 0
            begins = self.first is None
            if usual and not begins and not (form.quote and form.quote in text):
                size = len(fields)  # what nearly all lines are, as `arc_of` has it
            if size == 2 and fields[0] and fields[1]:
                widths[2] += 1
                tally["missing"] += 1
                yield fields[0], fields[1], 1.0
                continue
            if size == 3 and fields[0] and fields[1] and _PLAIN(fields[2]):
                widths[3] += 1
                yield fields[0], fields[1], float(fields[2])
                continue
            self.first = fields if begins else self.first
            try:
                if form.first in ("names", "counts")[: 2 if begins else 1] and fields == self.first:
                    tally["repeated"] += not begins
                    continue
                widths.update([len(fields)] * (not begins))
                if form.quote and form.quote in text:
                    tally["quoted"] += "".join(fields).count(form.quote) < text.count(form.quote)
                tail, head, weight = arc_of(fields, form, text)
            except ValueError as error:
                self._refuse(number, str(error), text)
                continue
            self.first_is_arc |= begins
            tally["missing"] += weight is None
            weight = 1.0 if weight is None else weight
            yield tail, head, weight
            kind = form.places and form.undirected is None and form.places[3]
            said = "".join(fields[kind : kind + 1]).lower() if kind else ""
            if tail != head and said in ("undirected", "mutual"):  # gephi's words
                tally["both ways"] += 1
                yield head, tail, weight

    def lines(self, stream) -> Iterator[tuple[int, str]]:
        """Yield number and text of every line that is neither empty nor a comment."""
        number, marks = 0, self.form.marks
        seldom = re.compile("\\s|$|" + "|".join(map(re.escape, marks))).match
        for block in _blocks(stream):
            if block is None:
                return self._refuse(number + 1, f"expected a line end within {LONGEST:,} bytes")
            if block.isascii() and b"\r" not in block and b"\0" not in block:
                for text in block.decode().removesuffix("\n").split("\n"):
                    number += 1
                    if not seldom(text):
                        yield number, text
                    elif text.lstrip().startswith(marks):
                        self._comment(number, text)
                    elif text.strip(" \t\v\f"):
                        yield number, text
                continue
            for piece in block.splitlines():  # line ends of all systems
                number += 1
                if piece.startswith(BOM):
                    piece = piece.removeprefix(BOM)
                    self.tally["marked"] += number > 1
                if not piece or piece.isspace():
                    continue
                text = piece.decode("utf-8", "surrogateescape")
                odd = None if text.isascii() else re.search("[\ufeff\udc80-\udcff]", text)
                if odd or "\0" in text:
                    self._refuse(number, "expected UTF-8 text, got " + (
                        "a byte-order mark within the line" if odd and odd[0] == "\ufeff" else
                        f"byte 0x{ord((odd or [chr(0)])[0]) & 255:02x}"))  # fmt: skip
                elif text.lstrip().startswith(self.form.marks):
                    self._comment(number, text)
                else:
                    yield number, text

    def _comment(self, number: int, text: str) -> None:
        """Count a comment; keep the first ones, and the first of those that would be arcs."""
        self.tally["comments"] += 1
        self.comments += [text] if len(self.comments) < 50 else []
        known = self.form.comment is None and self.form.delimiter is not None
        if known and re.match(r"\s*([#%]|//)\S", text):
            try:
                arc_of(split(text, self.form), self.form, text)
            except ValueError:
                return
            self.tally["named"] += 1
            self.named += [BadLine(number, "", text)] if len(self.named) < 20 else []

    def _refuse(self, number: int, reason: str, text: str = "") -> None:
        self.count += 1
        if self.count > self.most:
            raise ValueError(reason)
        self.bad += [BadLine(number, reason, text)] if self.count <= 1000 else []


def _blocks(stream) -> Iterator[bytes | None]:
    """Yield whole lines, about a megabyte at a time; None in place of a line without end."""
    while block := stream.read(LONGEST):
        block += b"" if block.endswith(b"\n") else stream.readline(LONGEST)
        if len(block) >= LONGEST:
            rows = block.split(b"\n")
            for k in (k for k, row in enumerate(rows) if len(row) >= LONGEST):
                yield from [b"\n".join([*rows[:k], b""])] * (k > 0)
                yield None
                return
        yield block


def split(text: str, form: EdgeFormat) -> list[str]:
    """Return the fields of a line, by the rules of CSV; none when a quotation mark stays open."""
    given = form.delimiter
    if not (form.quote and form.quote in text):
        if given != WHITE:
            return [field.strip() for field in text.split(given)]
        if text.isascii():
            return text.split()
        return [field.decode() for field in text.encode().split()]  # names may hold other blanks
    mark = " " if given == WHITE else given if len(given) == 1 else "\x1f"
    line = text.strip().replace("\t", " ") if given == WHITE else text.replace(given, mark)
    try:
        (fields,) = csv.reader([line], delimiter=mark, quotechar=form.quote, strict=True,
                               skipinitialspace=True)
    except csv.Error:
        return []
    return [(field.replace(mark, given) if len(given) > 1 else field).strip() for field in fields]


def arc_of(fields: list[str], form: EdgeFormat, text: str) -> tuple[str, str, float | None]:
    """Return tail, head and weight, None for a missing one; the ValueError says what is wrong."""
    if not fields:
        raise ValueError(f"expected quoted fields as in CSV, got {text[:60]!r}")
    if form.places is None and len(fields) > 2 and not fields[-1]:
        fields = fields[:-1]  # a delimiter at the end of the line
    (tail, head, at, _), needed = form.places or (0, 1, 2, None), form.weights == "required"
    least = (max(tail, head, at or 0) if needed else max(tail, head)) + 1
    most = len(fields) if form.places else 3
    if not least <= len(fields) <= most or not fields[tail] or not fields[head]:
        shape = f"source target {'weight' if needed else '[weight]'}"
        raise ValueError(f"expected '{shape}', got {text[:60]!r}")
    given = fields[at] if at is not None and at < len(fields) else ""
    if form.weights == "ignored" or not (given or needed):
        return fields[tail], fields[head], None
    plain = given if form.decimal == "." else given.replace(".", "?").replace(",", ".")
    try:
        weight = math.nan if "_" in given else float(plain)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ValueError(f"expected a positive weight, got {given[:60]!r}")
    return fields[tail], fields[head], weight


@contextmanager
def opened(path: str | Path | BinaryIO) -> Iterator[BinaryIO]:
    """Open a file for reading bytes twice, through gzip when it begins like one."""
    with ExitStack() as stack:
        given = isinstance(path, (str, Path))
        stream = stack.enter_context(open(path, "rb")) if given else path
        stream = stream if hasattr(stream, "peek") else io.BufferedReader(stream)
        begin, again = stream.peek(8)[:8], stream.seekable()
        for kind in (kind for mark, kind in _FOREIGN.items() if re.match(mark, begin)):
            raise OSError(f"expected UTF-8 text, plain or gzip, got {kind}")
        try:
            if begin.startswith(b"\x1f\x8b"):
                stream = stack.enter_context(gzip.open(stream))
            yield stream if again else stack.enter_context(_kept(stream))
        except (EOFError, zlib.error) as error:
            raise OSError(f"the gzip data is damaged or cut off: {error}") from error


def _kept(stream) -> BinaryIO:
    """Copy what can be read only once to a file without a name, up to a line without end."""
    file, raw = tempfile.TemporaryFile(), b"\n"  # noqa: SIM115
    while raw.endswith(b"\n"):
        raw = stream.readline(LONGEST)
        file.write(raw)
    return file
