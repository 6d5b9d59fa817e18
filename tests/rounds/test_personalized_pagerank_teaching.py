"""The chapter's exercises, quiz and explorer."""

from pathlib import Path

import pytest

from paralg.rounds.personalized_pagerank import (
    best_gamma,
    explorer,
    pipeline_load,
    pipeline_rounds,
    refill_rounds,
)
from paralg.teach import objectives, quiz
from tests.figures.web import explorer_page, set_to, shown

pytest.importorskip("matplotlib")

ALPHAS = "Stopping probability α"


def test_quiz():
    items = quiz("personalized_pagerank").items
    assert len(items) >= 6
    assert sum("about" in item for item in items) >= 2
    served = {item["objective"] for item in items}
    assert served == {f"personalized_pagerank.{i}" for i in range(1, 6)}


@pytest.fixture(scope="module")
def figure():
    return explorer()


def test_the_explorer_is_an_html_page_of_its_own(figure):
    assert 'id="explorer-pagerank-conveyor"' in figure.html
    assert "http://" not in figure.html.replace("http://www.w3.org", "")


@pytest.fixture(scope="module")
def page(tmp_path_factory, figure, chromium):
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), figure)


def digits(page):
    """Return the numbers that the explorer shows, without the spaces between their groups."""
    return {name: value.replace("\u202f", "") for name, value in shown(page).items()}


@pytest.mark.parametrize("alpha, gamma, cap", [(0.2, 4, 1000), (0.05, 1, 200), (0.5, 60, 3000)])
def test_the_explorer_says_what_the_library_says(page, alpha, gamma, cap):
    for label, value in ((ALPHAS, alpha), ("Batch γ", gamma), ("Memory cap M", cap)):
        set_to(page, label, value)
    page.get_by_label("a pipeline each round").check()
    got = digits(page)
    assert int(got["Peak of live walks"]) == round(pipeline_load(50, 60, gamma, alpha, 60).max())
    assert int(got["Rounds"]) == round(pipeline_rounds(50, 60, gamma, alpha))
    best = best_gamma(cap, 50, 60, alpha) if alpha * cap >= 50 else "none"
    assert got["Best γ under the cap"] == str(best)
    page.get_by_label("as many as stopped").check()
    got = digits(page)
    assert int(got["Peak of live walks"]) == min(cap, 3000)
    assert int(got["Rounds"]) == pytest.approx(refill_rounds(50, 60, cap, alpha), abs=1.5)
    assert page.errors == []


def test_the_keyboard_moves_the_round(page):
    slider = page.get_by_role("slider", name="Round")
    before = 3
    slider.evaluate("(e) => { e.value = 3; e.dispatchEvent(new Event('input')); }")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert int(slider.input_value()) == before + 1
    assert f"Round {before + 1}:" in page.locator(".pe-status").inner_text()


def test_the_page_serves_its_objectives():
    page = Path(__file__).parents[2] / "notebooks" / "rounds" / "personalized_pagerank.ipynb"
    items = quiz("personalized_pagerank").items
    plan = objectives.read_plan(objectives.read_page(page), "personalized_pagerank", items)
    assert objectives.problems(plan) == []
