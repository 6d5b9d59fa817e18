"""What the pages say holds: cells run, images and exercises are in form."""

import re

import pytest

from paralg.foundations import measuring, primitives, work_span
from paralg.teach import objectives, quiz
from tests.figures.web import serious
from tests.foundations.pages import FOLDER, NAMES, cells_of, solutions_of, text_of


@pytest.mark.weekly  # the build runs them, too, and stops at a warning
@pytest.mark.parametrize("name", NAMES)
def test_the_cells_hold_without_a_warning(name, recwarn):
    space = {}
    for options, code in cells_of(name):
        if "timing" not in options:
            exec(compile(code, f"<{name}>", "exec"), space)
    assert [str(w.message) for w in recwarn] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_code_exercise_prints_a_solution(name):
    page = objectives.read_page(FOLDER / f"{name}.md")
    plan = objectives.read_plan(page, name, quiz(name).items)
    code = {e.label for e in plan.exercises if e.kind == "code"}
    assert code <= set(solutions_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_words(name):
    for options, code in cells_of(name):
        if "plt.subplots" in code:
            alt = re.search(r'alt: "(.*)"', options)
            assert alt, code
            assert 30 <= len(alt[1]) <= 250
            assert "name: fig-" in options
            assert "dark-light" in options


@pytest.mark.parametrize("name", NAMES)
def test_clocks_are_read_in_cells_that_say_so(name):
    clocks = ("compare(", "perf_counter()", "perf_counter_ns()", "neighbour(")
    for options, code in cells_of(name):
        used = [c for c in clocks if c in code and "import" not in code]
        assert not used or "timing" in options, code


@pytest.mark.parametrize("name", NAMES)
def test_labels_belong_to_the_page_and_references_resolve(name):
    everything = "".join(map(text_of, NAMES))
    labels = set(re.findall(r"^:(?:label|name): (\S+)", everything, re.MULTILINE))
    labels |= set(re.findall(r"^\(([\w-]+)\)=", everything, re.MULTILINE))
    labels |= set(re.findall(r"name: (fig-\S+)", everything))
    labels |= set(re.findall(r"\((eq-[\w-]+)\)", everything))
    targets = re.findall(r"\{(?:ref|prf:ref|numref|eq)\}`(?:[^`<]*<)?([\w-]+)>?`", text_of(name))
    openers = "".join(path.read_text("utf-8") for path in (FOLDER.parent / "parts").glob("*.md"))
    labels |= set(re.findall(r"^\((part-[\w-]+)\)=", openers, re.MULTILINE))
    assert set(targets) <= labels


@pytest.mark.site
@pytest.mark.weekly  # the pages of the site have them, and are looked at there
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", [work_span, primitives, measuring])
def test_explorers_are_accessible_and_fit_a_phone(open_page, page, theme):
    opened = open_page(page.explorer().html, theme=theme, width=360)
    assert serious(opened) == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
