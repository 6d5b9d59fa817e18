"""Docstrings become reST that reads well and warns about nothing."""

from __future__ import annotations

import pytest
from numpydoc_text import to_rest


def rest(text: str, citations=frozenset()) -> list[str]:
    lines = to_rest(text.strip("\n").splitlines(), frozenset(citations))
    return [line for line in lines if line.strip()]


def test_an_empty_docstring_stays_empty():
    assert rest("") == []


def test_text_without_sections_is_kept():
    assert rest("Add two numbers.\n\nThen stop.") == ["Add two numbers.", "Then stop."]


def test_parameters_become_a_definition_list_with_plain_types():
    assert rest(
        """
Parameters
----------
a, b : ndarray, shape (n,)
    Two of them.
*rest : int
flag : {"x", "y"}
"""
    ) == [
        ".. rubric:: Parameters",
        "   :class: paralg-rubric",
        "``a``, ``b`` : ndarray, shape (n,)",
        "    Two of them.",
        "``*rest`` : int",
        "   ..",
        '``flag`` : {"x", "y"}',
        "   ..",
    ]


def test_a_paragraph_after_the_entries_is_no_entry():
    lines = rest("Parameters\n----------\nn : int\n    Size.\n\nAn n below 1, or none, is refused.")
    assert lines[2:] == ["``n`` : int", "    Size.", "An n below 1, or none, is refused."]


def test_a_bare_return_type_is_set_in_italics():
    lines = rest("Returns\n-------\nndarray, shape (n,)\n    The values.")
    assert lines[2:] == ["*ndarray, shape (n,)*", "    The values."]


def test_the_cost_section_is_a_section():
    lines = rest("Cost\n----\nWork $O(n)$, span $O(\\log n)$.")
    assert lines[0] == ".. rubric:: Cost"
    assert lines[2] == "Work :math:`O(n)`, span :math:`O(\\log n)`."


@pytest.mark.parametrize(
    "line", ["costs $5 and $6", "``$x$`` stays", ">>> price = '$x$'", r"escaped \$x$ here"]
)
def test_dollars_that_are_not_mathematics_stay(line):
    assert rest(line) == [line]


def test_literal_blocks_are_left_alone():
    text = 'As JSON::\n\n    {"question": "Why $p$?"}\n\nand $p$ again.'
    assert rest(text) == ["As JSON::", '    {"question": "Why $p$?"}', "and :math:`p` again."]


def test_bars_are_absolute_values_and_never_substitutions():
    assert rest("Half of |p - q|.") == [r"Half of \|p - q\|."]
    assert rest("$|p - q|$") == [":math:`|p - q|`"]


def test_references_become_a_list_without_numbers():
    lines = rest(
        "References\n----------\n.. [1] First,\n   page 2.\n[gu-2023-mamba] Algorithm 2.",
        {"gu-2023-mamba"},
    )
    assert lines[2:] == ["* First,", "  page 2.", "* :cite:t:`gu-2023-mamba` Algorithm 2."]


def test_a_key_that_no_bibliography_has_stays_text():
    assert rest("See [nobody-1900-nothing].") == ["See [nobody-1900-nothing]."]


def test_see_also_becomes_a_list():
    assert rest("See Also\n--------\nscan : all prefixes\nreduce")[2:] == [
        "* ``scan``: all prefixes",
        "* ``reduce``",
    ]
