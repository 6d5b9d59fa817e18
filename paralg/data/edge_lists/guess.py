"""How an edge list is written, recognised from its first lines; two readings are refused."""

import re
from itertools import islice

from paralg.data.edge_lists.lines import BOM, WHITE, EdgeFormat, Scan, split

__all__ = ["SEPARATORS", "recognise"]

SEPARATORS = {WHITE: "white", ",": "comma", ";": "';'", "\t": "tab", "|": "'|'"}
_SAMPLE = 1000
_PAIRS = (
    "source target", "src dst", "src dest", "from to", "tail head", "start end", "node1 node2",
    "nodea nodeb", "id1 id2", "user1 user2", "vertex1 vertex2", "v1 v2", "sender receiver",
    "citing cited", "follower followee", "parent child", "origin destination", "subject object",
)  # fmt: skip
_WEIGHTS = "weight weights w wt value val count counts strength freq frequency multiplicity n"


def recognise(stream, form: EdgeFormat) -> tuple[EdgeFormat, list[str]]:
    """Return the format with all that its first lines tell, and notes on what was guessed."""
    stream.seek(0)
    begin = stream.readline(200).removeprefix(BOM).decode(errors="replace").lower()
    konect = re.match(r"%\s*(sym|asym|bip)\s+(\w+)\s*$", begin)
    marks = ("#", "%", "//") if form.comment is None else (form.comment,) * bool(form.comment)
    form, notes = form._replace(marks=(*marks, "%") if konect else marks), []
    stream.seek(0)
    scan = Scan(form)
    lines = [text for _, text in islice(scan.lines(stream), _SAMPLE + 1)]
    if konect and lines:
        return _konect(form, *konect.groups(), lines, notes), notes
    if form.delimiter is None:
        form = form._replace(delimiter=_delimiter(lines, form) if lines else WHITE)
        if form.delimiter != WHITE:
            notes.append(f"the fields are separated by {SEPARATORS[form.delimiter]}")
    if form.undirected is None and any("undirected graph" in c.lower() for c in scan.comments):
        form = form._replace(undirected=True)
        notes.append("'Undirected graph': each line is walked both ways, unless --directed")
    return _header(form, lines, notes) if lines else form, notes


def _konect(form, kind, weights, lines, notes) -> EdgeFormat:
    """Fill in what the first line of a KONECT file says."""
    if kind == "bip":
        raise ValueError("the sides of a bipartite KONECT network need names that differ")
    white = form._replace(delimiter=WHITE, first=form.first or "arc")
    if form.delimiter and any(split(text, form) != split(text, white) for text in lines):
        name = SEPARATORS.get(form.delimiter, form.delimiter)
        raise ValueError(f"KONECT has blanks and tabs between fields, got --delimiter {name}")
    width = max(len(split(text, white)) for text in lines)
    used = f"source, target{', weight' * (width > 2)}"
    notes.append(f"KONECT, {kind} {weights}, {width} columns: the first are {used}")
    undirected = kind == "sym" if form.undirected is None else form.undirected
    white = white._replace(undirected=undirected)
    if form.columns is not None:
        return _header(white, lines, notes)
    return white._replace(places=(0, 1, 2 if width > 2 else None, None))


def _delimiter(lines: list[str], form: EdgeFormat) -> str:
    """Return the separator at which all lines are arcs whose names hold no other separator."""
    forms = {mark: form._replace(delimiter=mark) for mark in SEPARATORS}
    head, lines = lines[0], lines[1:] or lines
    for mark in list(forms)[1:]:
        if _named(split(head, forms[mark])) and all(split(x, forms[mark])[1:] for x in lines):
            return mark
    fits = {mark: _fit(lines, forms[mark]) for mark in forms}
    arcs = {mark: loose for mark, (good, _, loose) in fits.items() if good == len(lines)}
    wide = [mark for mark, (_, width, loose) in fits.items() if width > 3 and not loose]
    clean = [mark for mark, loose in arcs.items() if not loose]
    if wide and not any(re.search(r"[^\W\d]", name) for loose in arcs.values() for name in loose):
        clean += wide  # names such as '2 1' are none
    if clean or len(arcs) == 1:
        return (clean or list(arcs))[0]
    if arcs:
        ways = [" → ".join(map(repr, split(lines[0], forms[mark])[:2])) for mark in arcs]
        ways = [f"{way} (--delimiter {SEPARATORS[m]})" for way, m in zip(ways, arcs, strict=True)]
        parts = [re.split(r"\s*[\s,;|]\s*", text.strip()) for text in lines]
        if all(len(fields) == 3 and all(fields) and _is_number(fields[2]) for fields in parts):
            ways = [way.partition(" (")[0] for way in ways]  # no option is right for the third
            ways.append("{!r} → {!r}, weight {}, by signs that change, which is not read".format(
                *parts[0]))  # fmt: skip
        raise ValueError(f"{lines[0]!r} could be split in several ways: {' or '.join(ways)}")
    most = max(fits, key=lambda mark: (fits[mark][0], fits[mark][1] > 1))
    return most if 2 * fits[most][0] > len(lines) or fits[most][1] > 1 else WHITE


def _fit(lines: list[str], form: EdgeFormat) -> tuple[int, int, list[str]]:
    """Return how many lines are arcs, a width that all have, names that hold other separators."""
    good, loose, rows = 0, [], [split(text, form) for text in lines]
    for text, fields in zip(lines, rows, strict=True):
        third = [field for field in fields[2:3] if field and not _is_number(field)]
        arc = 1 < len(fields) < 4 and fields[0] and fields[1] and not third
        good += bool(arc or (form.columns and fields[1:]))
        names = [*fields[:2], *(field for field in fields[2:] if not _is_number(field))]
        loose += [name for name in names if re.search(r"[\s,;|]", name)
                  and not (form.quote and form.quote + name in text)]  # fmt: skip
    return good, len(rows[0]) if len({*map(len, rows)}) == 1 else 0, loose


def _is_number(text: str) -> bool:
    """Tell what is meant as a weight, also with a decimal comma or thousands set off."""
    return bool(re.fullmatch(r"[-+]?(\d+([.,' _]\d*)*|\.\d+)(e[-+]?\d+)?", text, re.I))


def _header(form: EdgeFormat, lines: list[str], notes: list[str]) -> EdgeFormat:
    """Find the columns by number or by name, and a first line of names that are known."""
    first, rest = split(lines[0], form), [split(text, form) for text in lines[1:]]
    named = _named(first)
    if form.columns is not None:
        numbers = all(name.isdecimal() for name in form.columns)
        names = [str(i + 1) if numbers else name.lower() for i, name in enumerate(first)]
        for name in form.columns:
            if names.count(name.lower()) != 1:
                raise ValueError(f"expected a column {name!r} once in the first line, got {first}")
        places = [*(names.index(name.lower()) for name in form.columns), None, None][:4]
        guess = "names" if named or not numbers else None
        return form._replace(places=tuple(places), first=form.first or guess)
    if form.first is None and [name.lower() for name in first[:2]] == ["id", "label"]:
        raise ValueError(f"expected arcs, got a table of nodes: its columns are {', '.join(first)}")
    if form.first in ("arc", "counts") or not named:
        return form
    tail, head, weight, kind = named
    if weight is None and {tail, head} == {0, 1} and len(first) < 4 and form.weights != "ignored":
        known = len(first) == 2 or form.weights == "required"
        if not known and any(fields[2:] and _is_number(fields[2]) for fields in rest):
            ends = ",".join(first[:2])
            raise ValueError(f"column 3 is named {first[2]!r}: a weight "
                              f"(--columns {ends},{first[2]}) or none (--columns {ends})?")
        weight = 2 if known else None
    used = [first[i] for i in (tail, head, weight, kind) if i is not None and i < len(first)]
    unused = [name for name in first if name not in used]
    notes.append(f"the first line names the columns; used are {', '.join(used)}"
                 + f", and not {', '.join(unused)}" * bool(unused))  # fmt: skip
    return form._replace(first="names", places=(tail, head, weight, kind))


def _named(fields: list[str]) -> tuple[int, int, int | None, int | None] | None:
    """Return the places of source, target, weight and type; None where no pair is known."""
    words = [re.sub(r"[\W_]", "", field.lower()) for field in fields]
    short = [re.sub(r"^(node|vertex)(?=[a-z]{2})|(?<=[a-z])(node)?(id|name|label)$", "", word)
             for word in words]  # fmt: skip
    weight = next((i for i, word in enumerate(words) if word in _WEIGHTS.split()), None)
    kind = words.index("type") if "type" in words else None
    pairs = ((found, *pair.split()) for pair in _PAIRS for found in (words, short))
    at = ((found.index(tail), found.index(head), weight, kind) for found, tail, head in pairs
          if found.count(tail) == 1 == found.count(head))  # fmt: skip
    return next(at, None)
