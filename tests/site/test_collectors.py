"""The small parts that gather tables for the site: claims, benchmarks, course."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import pytest
from benchmark_tables import duration, machine, read, spread
from claims_store import Chapter, claims_in, figure_of
from course_facts import Facts, facts_of, read_facts
from nbformat.v4 import new_code_cell, new_notebook, new_output
from notebook_store import Store
from prerequisite_graph import direct_needs, draw_graph
from quiz import draw_outputs

from paralg.core.claims import MIME
from paralg.core.static import DRAWN
from paralg.figures import use
from paralg.foundations.work_span import explorer
from paralg.teach import check, quiz
from paralg.teach.objectives import Page as TeachingPage
from paralg.teach.objectives import read_plan

ROOT = Path(__file__).resolve().parents[2]
ROW = {"what": "speed", "ours": "2x", "verdict": "reproduced", "why": "counted", "headline": True}


def notebook(*tables):
    data = [{MIME: table, "text/plain": "table"} for table in tables]
    outputs = [new_output("display_data", data=item) for item in data]
    return new_notebook(cells=[new_code_cell("claims", outputs=outputs)])


def test_claims_are_taken_out_and_the_rest_stays():
    table = {"chapter": "mamba", "rows": [ROW]}
    book = notebook(table, json.dumps(table))
    assert list(claims_in(book)) == [table, table]
    assert [dict(output.data) for output in book.cells[0].outputs] == [{"text/plain": "table"}] * 2
    assert list(claims_in(book)) == []


def test_the_headline_stands_for_the_chapter():
    assert Chapter("page", "mamba", ({"what": "a"}, ROW)).headline is ROW
    assert Chapter("page", "mamba", ()).headline is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (2, "2 s"), (0.0123, "12.3 ms"), (4.5e-6, "4.5 µs"), (3e-9, "3 ns")],
)
def test_durations_take_the_unit_that_reads_well(seconds, text):
    assert duration(seconds) == text


def test_an_interval_has_one_unit():
    assert spread(0.0002, 0.000255) == "200–255 µs"
    assert spread(0.9, 1.2) == "0.9–1.2 s"
    assert spread(None, 1.0) == ""


def test_the_machine_is_described_in_words():
    found = {"python": "3.11", "system": "Linux", "cores": 2, "load": 0.5, "packages": {"numpy": 2}}
    words = "Taken with Python 3.11, Linux, 2 cores, load 0.5 at the end, numpy 2."
    assert machine(found) == words
    assert machine({}) == "The machine was not recorded."


def test_results_are_read_with_and_without_their_record(tmp_path):
    (tmp_path / "bare.json").write_text("[1]")
    (tmp_path / "full.json").write_text('{"name": "n", "environment": {"cores": 2}, "rows": [2]}')
    assert read(tmp_path / "bare.json") == {"name": "bare", "environment": {}, "rows": [1]}
    assert read(tmp_path / "full.json")["environment"] == {"cores": 2}


PAGE = """
```{admonition} What you will be able to do
- **mamba.1** *rewrite* the {term}`recurrence <linear recurrence>` of $p$ states;
- **mamba.2** *count*.

**You need** {ref}`ch-primitives`, and the roofline of {ref}`work <ch-work-span>`.
**Time:** 70 minutes to read, 100 minutes for the exercises.
```
```{exercise} Padding (check, ★, 2 min; mamba.1)
:label: ex-mamba-a
```
```{exercise} Two (code, ★★, 20 min; mamba.1, mamba.2)
:label: ex-mamba-b
```
```{exercise} No particulars
```
"""


def test_the_facts_of_a_chapter_are_read_from_its_page_and_its_quiz():
    quiz = [{"id": "quiz-mamba-1", "objective": "mamba.2"}]
    facts = facts_of(read_plan(TeachingPage(PAGE, "", PAGE), "mamba", quiz))
    assert facts == Facts(
        {"mamba.1": "rewrite the recurrence of p states;", "mamba.2": "count."},
        ["ch-primitives", "ch-work-span"], [],
        {"mamba.1": ["ex-mamba-a", "ex-mamba-b"], "mamba.2": ["ex-mamba-b", "quiz-mamba-1"]},
        {"check": 1, "code": 1}, read=70, do=100,
    )  # fmt: skip


def test_a_foundation_page_is_text_and_a_chapter_a_notebook():
    for docname in ("book/foundations/work_span", "notebooks/recurrences/mamba"):
        facts = read_facts(ROOT, docname)
        assert set(facts.objectives) == set(facts.served)
        assert facts.read >= facts.do / 3 > 0


def test_the_graph_puts_what_is_needed_to_the_left():
    needs = {"a": [], "b": ["a"], "c": ["a", "b"]}
    titles = {"a": "First <1>: and more", "b": "Second", "c": "Third"}
    picture = draw_graph(needs, titles, {"b": "b.html"})
    assert picture.count('class="edge"') == 2  # that c needs a follows from the others
    assert "First &lt;1&gt;<" in picture
    assert picture.count("<a href=") == 1
    assert [f'x="{x}"' in picture for x in (10, 194, 378)] == [True] * 3


def test_an_arrow_over_whole_columns_runs_between_the_rows():
    needs = {"a": [], "b": ["a"], "c": ["b"], "lone": [], "d": ["c", "lone"]}
    assert direct_needs(needs) == needs
    picture = draw_graph(needs, dict.fromkeys(needs, "Title"))
    assert len(re.findall(r"\dH\d", picture)) == 1


def test_a_circle_of_prerequisites_is_drawn_and_does_not_hang():
    assert draw_graph({"a": ["b"], "b": ["a"]}, {"a": "A", "b": "B"}).count("<rect") == 2


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        ("3.08x on addition, 1.73x on text", None, "3.08× on addition, 1.73× on text"),
        ("2.9", "×", "2.9×"),
        ("4x4 grids of 2 × 2", "", "4x4 grids of 2 × 2"),
        (None, "x", ""),
    ],
)
def test_ratios_are_written_alike(value, unit, text):
    assert figure_of(value, unit) == text


def test_what_outputs_name_is_drawn_by_the_site(monkeypatch):
    monkeypatch.setenv("PARALG_STATIC", "1")
    with matplotlib.rc_context():
        use()
        shown = [explorer(), quiz("work_span"), check("ex-work-span-compose", ...)]
        expected = [one.html for one in shown]
    bundles = [one._repr_mimebundle_() for one in shown]
    assert [set(one) for one in bundles] == [{"text/plain", DRAWN}] * 3
    outputs = [new_output("display_data", data=one) for one in bundles]
    page = new_notebook(cells=[new_code_cell("shown", outputs=outputs)])
    draw_outputs(SimpleNamespace(paralg_store=Store(ROOT)), "page", page)
    texts = [output.data["text/html"] for output in page.cells[0].outputs]
    assert texts == expected
    assert not any(DRAWN in output.data for output in page.cells[0].outputs)
