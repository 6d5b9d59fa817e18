"""Small tables: text and HTML, captions, what is refused."""

import doctest

import numpy as np
import pytest

from paralg import figures
from paralg.figures import Table, table


def test_examples_run():
    assert doctest.testmod(table).failed == 0


def test_a_page_gets_headers_caption_and_no_markup_from_cells():
    made = Table(("a < b", "c"), [("<x>", np.float32(0.5)), ("y & z", np.int64(7))], "Two & two")
    assert made._repr_html_() == (
        '<table class="paralg-table"><caption>Two &amp; two</caption>'
        '<thead><tr><th scope="col">a &lt; b</th><th scope="col">c</th></tr></thead><tbody>'
        '<tr><th scope="row">&lt;x&gt;</th><td>0.5</td></tr>'
        '<tr><th scope="row">y &amp; z</th><td>7</td></tr></tbody></table>'
    )


@pytest.mark.parametrize(
    "rows, text",
    [
        ([], "n  work"),
        ([(1, None)], "n  work\n1  None"),
        ([("long", 2.0), ("", 1 / 3)], "n     work\nlong  2\n      0.333333"),
    ],
)
def test_a_terminal_gets_aligned_columns(rows, text):
    assert repr(Table(("n", "work"), rows)) == text
    assert repr(Table(("n", "work"), iter(rows), "Counts")) == f"Counts\n{text}"


def test_without_a_caption_there_is_none():
    assert "caption" not in Table(("n",), [(1,)])._repr_html_()


def test_tables_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"table rows must have 2 cells, got 1: \('1',\)"):
        Table(("n", "work"), [(1,)])
    with pytest.raises(ValueError, match="header must name at least one column, got none"):
        Table((), [])


def test_it_is_one_of_the_figures():
    assert figures.Table is Table
