"""Tables as docutils nodes: what the scoreboard, the benchmarks and the course pages share."""

from __future__ import annotations

from collections.abc import Iterable

from docutils import nodes

__all__ = ["cell", "row", "table"]


def cell(content, **attributes) -> nodes.entry:
    """One entry of a text, a node or a list of nodes."""
    if isinstance(content, str):
        content = nodes.Text(content)
    inner = content if isinstance(content, list) else [content]
    return nodes.entry("", nodes.paragraph("", "", *inner), **attributes)


def row(contents: Iterable, **attributes) -> nodes.row:
    """One row; what is not an entry yet becomes one."""
    entries = [one if isinstance(one, nodes.entry) else cell(one) for one in contents]
    return nodes.row("", *entries, **attributes)


def table(head: tuple[str, ...], rows: Iterable[nodes.row], *classes: str) -> nodes.table:
    """A table whose first column names its rows."""
    made = nodes.table(classes=["paralg-table", *classes])
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1, stub=int(i == 0)) for i in range(len(head))]
    group += [nodes.thead("", row(head)), nodes.tbody("", *rows)]
    made += group
    return made
