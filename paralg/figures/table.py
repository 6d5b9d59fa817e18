"""A small table: aligned text in a terminal, cells with headers on a page."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from paralg.core import checks

__all__ = ["Table"]


class Table:
    """Rows under named columns; displays itself when it is last in a notebook's cell.

    Parameters
    ----------
    header : sequence of str, length k
        Names of the columns.
    rows : iterable of sequences of length k
        The first cell names the row. Text is shown as it is, floats with six digits. Afterwards
        both are tuples of text.
    caption : str
        What the table shows, in a few words.

    Examples
    --------
    >>> Table(("method", "work", "span"), [("loop", 7, 7), ("tree", 7, 3)])
    method  work  span
    loop    7     7
    tree    7     3
    """

    def __init__(self, header: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = ""):
        checks.instance("header", header, Sequence), checks.instance("rows", rows, Iterable)
        checks.instance("caption", caption, str)
        self.header = tuple(map(cell_text, header))
        self.rows = tuple(tuple(map(cell_text, row)) for row in rows)
        self.caption = caption
        if not self.header:
            raise ValueError("header must name at least one column, got none")
        check_rows(self.header, self.rows)

    def __repr__(self) -> str:
        lines = (self.header, *self.rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        text = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
        return "\n".join([self.caption, *text] if self.caption else text)

    def _repr_html_(self) -> str:
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        body = head_and_body(self.header, self.rows)
        return f'<table class="paralg-table">{caption}{body}</table>'


def cell_text(value: Any) -> str:
    """Return a cell as text, numbers of numpy like Python's."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def check_rows(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """Refuse rows that have not one cell a column."""
    for row in rows:
        checks.instance("a row", row, Sequence, np.ndarray)
        if len(row) != len(header):
            raise ValueError(f"table rows must have {len(header)} cells, got {len(row)}: {row!r}")


def head_and_body(header: Iterable[Any], rows: Iterable[Sequence[Any]]) -> str:
    """Return the HTML inside a table: column headers, and rows whose first cell is a header."""
    names = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in header)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    return f"<thead><tr>{names}</tr></thead><tbody>{body}</tbody>"


def _cells(row: Sequence[Any]) -> str:
    first, *rest = [html.escape(cell_text(value)) for value in row]
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{value}</td>" for value in rest)
