"""What to tell a user whose edge list was not understood, or perhaps misunderstood."""

from __future__ import annotations

import re

from paralg.rounds.personalized_pagerank.command.edges import BadLine, EdgeListError
from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = ["column_names", "explain"]

_SEPARATORS = {",": "comma", "\t": "tab", ";": "';'", "|": "'|'"}
_TAILS = {"source", "src", "from", "fromnodeid", "from_id", "source_id", "tail", "node1"}
_HEADS = {"target", "dst", "to", "tonodeid", "to_id", "target_id", "head", "node2", "dest"}


def explain(error: EdgeListError, delimiter: str | None) -> str:
    """Return the error with the number of bad lines before it and, where one is known, a
    remedy."""
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
