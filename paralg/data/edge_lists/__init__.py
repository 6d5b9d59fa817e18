"""Edge lists of any origin: SNAP, KONECT, Matrix Market, CSV of any header, gephi's, plain or gzip.

What is skipped, joined or guessed is counted in notes; a shape that could be two things is refused
with both readings, and a remedy is named only after the whole file was read with it.
"""

import io
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from paralg.core import checks
from paralg.data.arcs import ArcList, matrix_arcs
from paralg.data.edge_lists.guess import SEPARATORS, recognise
from paralg.data.edge_lists.lines import BOM, LONGEST, WHITE, BadLine, EdgeFormat, Scan, opened

__all__ = ["WHITE", "EdgeFormat", "EdgeListError", "read_edge_list"]


class EdgeListError(ValueError):
    """The edge list has bad lines, no arc at all, or two readings."""


def read_edge_list(
    path: str | Path | BinaryIO, form: EdgeFormat | None = None, *, limit: int = 20,
    watch: Callable[[Iterable], Iterable] = iter,
) -> tuple[ArcList, list[str]]:  # fmt: skip
    """Read the arcs of a weighted graph, and notes on what was skipped, joined or guessed.

    ``limit`` bounds the bad lines that an `EdgeListError` lists; OSError is of the file. ``watch``
    goes around the iterator of arcs, for a progress bar.

    >>> import io
    >>> arcs, notes = read_edge_list(io.BytesIO(b"from,to\\nAnn,Bo\\nBo,Ann\\n"))
    >>> arcs.names, arcs.tails.tolist(), notes[0]
    (('Ann', 'Bo'), [0, 1], 'the fields are separated by comma')
    """
    form = EdgeFormat() if form is None else form
    checks.instance("form", form, EdgeFormat), checks.integer("limit", limit)
    if not (isinstance(path, (str, Path)) or hasattr(path, "read")):
        raise TypeError(f"path must be a name or a file of bytes, got {path!r}")
    name = str(path) if isinstance(path, (str, Path)) else getattr(path, "name", "input")
    with opened(path) as stream:
        try:
            return _read(stream, form, watch)
        except ValueError as error:
            scan = error.args[0]
            if isinstance(scan, Scan) and scan.count:
                told = [f"{scan.count:,} bad lines"] * (scan.count > 1)
                told += [f"{name}, line {line.number}: {line.reason}" for line in scan.bad[:limit]]
                told += [f"{name}: and {scan.count - limit:,} more"] * (scan.count > limit)
            elif isinstance(scan, Scan):
                told = [f"{name}: expected at least one line 'source target [weight]', found none; "
                        f"comment lines: {scan.tally['comments']:,}"]
            else:
                told, scan = [f"{name}: {scan}"], None
            told += _remedies(stream, form, scan)
    raise EdgeListError("\n".join(told))


def _read(stream, asked: EdgeFormat, watch=iter, most: float = np.inf) -> tuple[ArcList, list[str]]:
    """Recognise, read, and look whether it could have been meant otherwise."""
    stream.seek(0)
    if re.match(rb"%{1,2}MatrixMarket\s", stream.readline(LONGEST).removeprefix(BOM), re.I):
        return _matrix(stream, asked)
    form, notes = recognise(stream, asked)
    scan = Scan(form, most + 1).run(stream, watch)
    guess = _first_line(scan) if form.first is None else form.first
    first = " ".join(scan.first or [])
    if form.first is None and guess in ("names", "counts"):
        what = "the numbers of nodes and arcs" if guess == "counts" else "the columns"
        notes.append(f"the first line '{first}' gives {what} and is no arc")
        scan = Scan(form._replace(first=guess), most).run(stream, watch)
    elif guess == "perhaps":
        notes.append(f"the first line '{first}' was read as an arc; --header skips column names")
    if scan.count or not scan.tails:
        raise ValueError(scan)
    if form.first == "names" and asked.first is None and set(_ends(scan)) & set(scan.number):
        raise ValueError(f"the first line '{first}' could name the columns (--header), "
                          "or be an arc (--first arc)")
    _refuse_accidents(scan, form)
    tails, heads, undirected = np.array(scan.tails), np.array(scan.heads), bool(form.undirected)
    if undirected and asked.undirected is None:  # as a comment says; are both directions there?
        keys = (np.unique(a * len(scan.number) + b) for a, b in ((tails, heads), (heads, tails)))
        undirected = not np.array_equal(*keys)
    arcs = ArcList(tails, heads, np.array(scan.values), tuple(scan.number), undirected)
    return arcs, notes + _notes(scan, form)


def _ends(scan: Scan) -> list[str]:
    """Return source and target of the first line."""
    return [scan.first[i] for i in (scan.form.places or (0, 1))[:2] if i < len(scan.first)]


def _first_line(scan: Scan) -> str:
    """Tell whether the first line is an arc, names of columns (perhaps), or counts."""
    first, lines, begun = scan.first or [], sum(scan.widths.values()), int(scan.first_is_arc)
    used = {*scan.tails[begun:], *scan.heads[begun:]}
    later = {name for name, number in scan.number.items() if number in used}
    digits = all(name.isdecimal() for name in later)
    if not later or not first:
        return "arc"
    if len(first) < 4 and all(field.isdecimal() for field in first) and not scan.form.places:
        n, m = int(first[0]), int(first[-1])
        fits = n >= len(later) and (len(first) == 1 or (m == lines and first[0] == first[-2]))
        beyond = not digits or max(map(int, later)) <= n < m
        if fits and (beyond or len(first) not in scan.widths):
            return "counts"
        if fits:
            raise ValueError(f"the first line '{' '.join(first)}' could be the numbers of nodes "
                              "and arcs (--first counts), or an arc (--first arc)")
    words = len(_ends(scan)) == 2 and all(re.match(r"[^\W\d]", end) for end in _ends(scan))
    if not words or later & set(_ends(scan)):
        return "arc"
    if digits or not scan.first_is_arc:
        return "names"
    return "perhaps" if len(first) == 2 or scan.form.places else "arc"


def _refuse_accidents(scan: Scan, form: EdgeFormat) -> None:
    """Refuse what fits 'source target [weight]' by accident."""
    for line in scan.named:
        sign = next(mark for mark in form.marks if line.text.lstrip().startswith(mark))
        if any(name.startswith(sign) for name in scan.number):
            raise ValueError(f"line {line.number} {line.text!r} could be a comment (--comment "
                              f"'{sign}'), or an arc, as names begin so (--comment '')")
    if form.weights != "optional" or form.places is not None:
        return
    values = np.unique(scan.values)
    if scan.widths.keys() >= {2, 3} and {f"{value:.15g}" for value in values} <= set(scan.number):
        raise ValueError("lines have two or three fields, all of them names of nodes: lists of "
                          "neighbours, which are not read, or weights (--columns 1,2,3)?")
    if len(values) > 1 and values[0] >= 1e8 and values[-1] < 5e12 and not (values % 1).any():
        raise ValueError("the third column could be times in seconds since 1970 (--unweighted), "
                          "or weights (--weighted)")


def _notes(scan: Scan, form: EdgeFormat) -> list[str]:
    """Say what was skipped, joined or filled in, how often, and which names look alike."""
    tally, lines = scan.tally, len(scan.tails) - scan.tally["both ways"]
    tally["missing"] *= tally["missing"] < lines and form.weights == "optional"
    notes = [f"{text}: {tally[what]:,}" for what, text in (
        ("comments", "comment lines skipped"), ("named", "of these could be arcs"),
        ("repeated", "lines skipped that name the columns again"),
        ("marked", "byte-order marks within the file taken off"),
        ("quoted", "lines whose quotation marks were taken off"),
        ("both ways", "lines of type Undirected or Mutual, walked both ways"),
        ("missing", "lines without a weight, which count 1"),
    ) if tally[what]]  # fmt: skip
    stated = re.search(r"nodes:?\s*(\d+)\s+edges:?\s*(\d+)", "\n".join(scan.comments), re.I)
    if stated and tuple(map(int, stated.groups())) != (len(scan.number), lines):
        notes.append("a comment says {} nodes and {} edges, ".format(*stated.groups())
                     + f"read were {len(scan.number)} and {lines} lines")
    seen, pairs = {}, []
    for name in scan.number:
        if (other := seen.setdefault(_shape(name), name)) != name:
            pairs.append(f"{other!r} and {name!r}")
    if pairs:
        notes.append(f"pairs of names that look alike and are different nodes: {len(pairs):,}, "
                     + ", ".join(pairs[:3]))
    return notes


def _shape(name: str) -> str:
    """Return a name without signs around it, and without what does not show."""
    if name.isascii() and name.isalnum():
        return name.lstrip("0") or "0" if name.isdecimal() else name
    shows = "".join(c for c in unicodedata.normalize("NFKC", name) if c.isprintable())
    return re.sub(r"(?<=\d)\.0+$", "", shows.strip(" \"'`,;:|")) or name


def _matrix(stream, form: EdgeFormat) -> tuple[ArcList, list[str]]:
    """Read the format Matrix Market: a line of sizes, symmetries mirrored."""
    from scipy.io import mmread

    if form.columns or form.first or form.decimal != ".":
        raise ValueError("a Matrix Market file itself says what its lines are, "
                         "got --columns, --first, --header or --decimal")
    stream.seek(0)
    banner = stream.readline().removeprefix(BOM).lstrip(b"%").lower()
    begin, rest = banner.replace(b"matrixmarket", b"%%MatrixMarket", 1), stream.read()
    try:
        if b" complex" not in banner and (odd := _odd_entry(banner, rest)):
            raise ValueError(f"expected other numbers, got {odd[0].decode('latin-1')[:60]!r}")
        tails, heads, weights, n = matrix_arcs(mmread(io.BytesIO(begin + rest)))
        if b"pattern" in banner and form.weights == "required":
            raise ValueError("expected weights, got a pattern without")
        if not len(tails) or not (np.isfinite(weights) & (weights > 0)).all():
            raise ValueError("expected entries, all of them positive, got none or others")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"Matrix Market: {error}") from error
    kept, ends = np.unique(np.concatenate([tails, heads]), return_inverse=True)
    notes = [f"Matrix Market: {banner.decode(errors='replace').split(None, 1)[-1].strip()}"]
    if len(kept) < n:
        notes.append(f"nodes left out, as they have no entry: {n - len(kept):,} of {n:,}")
    weights = np.ones(len(tails)) if form.weights == "ignored" else weights
    undirected = bool(form.undirected) and b" symmetric" not in banner
    names = tuple(str(u + 1) for u in kept.tolist())
    return ArcList(*np.split(ends, 2), weights, names, undirected), notes


def _odd_entry(banner: bytes, rest: bytes) -> re.Match | None:
    """Find a line of an entry whose end mmread would cut off."""
    value = rb"[-+]?\d+" if b" integer" in banner else rb"[-+.\deE]+"
    entry = [rb"\d+"] * 2 * (b" coordinate" in banner) + [value] * (b" pattern" not in banner)
    sizes = re.search(rb"^\s*[^%\s].*$", rest, re.M)
    right = rb"^(?![ \t]*%|[ \t]*" + rb"[ \t]+".join(entry) + rb"[ \t\r]*$)[ \t]*[^\s].*$"
    return sizes and re.compile(right, re.M).search(rest, sizes.end())


def _remedies(stream, asked: EdgeFormat, scan: Scan | None) -> list[str]:
    """Return a line with options under which the whole file was read, if all read the same."""
    found: dict = {}
    for words, form in _tries(asked, scan):
        try:
            arcs = _read(stream, form, most=0)[0]
        except ValueError:
            continue
        if not re.search(r"[\s,;|]", "".join(arcs.names)) or "--delimiter " not in words:
            found.setdefault((arcs.names, *(part.tobytes() for part in arcs[:3])), words)
    words, *more = found.values() or [""]
    thousands = re.compile(r"(^|\D)\d{1,3}(,\d{3})+\s*$")
    if "--decimal" in words and all(thousands.search(bad.text) for bad in scan.bad):
        words += " if these are decimal commas; commas between thousands are not read"
    widths = {*scan.widths, len(scan.first or [])} if scan else {0}
    weights = scan and (scan.tails or re.search(r"weight, got '.*\d", str(scan.bad)))
    empty = not (scan and (scan.count or scan.tails))
    if not (words or empty) and min(widths) > 2 + bool(weights) and asked.columns is None:
        return ["which fields are meant? --columns SOURCE,TARGET or SOURCE,TARGET,WEIGHT says it"
                + "; are there decimal commas?" * (scan.form.delimiter == ",")]
    return [f"try {words}"] if words and not more else []


def _tries(asked: EdgeFormat, scan: Scan | None):
    """Yield options that might help, and the format that they stand for."""
    if asked.delimiter is not None:
        yield "without --delimiter", asked._replace(delimiter=None)
    if scan is None:
        return
    for mark, name in ((asked.delimiter, ""), *SEPARATORS.items()):
        form, words = asked._replace(delimiter=mark), f"--delimiter {name} " * bool(name)
        yield from [(words.strip(), form)] * (form != asked)
        if mark != "," and asked.decimal == ".":
            yield f"{words}--decimal ','", form._replace(decimal=",")
    bad = scan.bad[0] if scan.bad else BadLine(0, "", "")
    words = all(re.match(r"[^\W\d]", field) for field in scan.first or [])
    if scan.count == 1 and "positive" in bad.reason and words and not scan.first_is_arc:
        yield "--header if the first line names the columns", asked._replace(first="names")
    names = scan.comments and all(re.match(r"\s*([#%]|//)\S", line) for line in scan.comments)
    if asked.comment is None and names and not scan.count:
        yield "--comment ''", asked._replace(comment="")
