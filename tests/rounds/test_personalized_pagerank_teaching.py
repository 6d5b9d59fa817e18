"""The chapter's exercises, quiz and explorer."""

from pathlib import Path

import numpy as np
import pytest

from paralg.rounds.personalized_pagerank import (
    best_gamma,
    explorer,
    pipeline_load,
    pipeline_rounds,
    refill_rounds,
)
from paralg.teach import check, objectives, quiz
from tests.figures.web import explorer_page, set_to, shown

pytest.importorskip("matplotlib")

ALPHAS = "Stopping probability α"
HERE = "ex-personalized-pagerank-"


def right_alias(weights):
    d = len(weights)
    t = [w * d / sum(weights) for w in weights]
    a = list(range(d))
    small = [i for i in range(d) if t[i] < 1]
    large = [i for i in range(d) if t[i] >= 1]
    while small and large:
        poor, rich = small.pop(), large[-1]
        a[poor] = rich
        t[rich] -= 1 - t[poor]
        if t[rich] < 1:
            small.append(large.pop())
    for i in small + large:
        t[i] = 1.0
    return t, a


def right_two_hops(P, alpha, u):
    alive, stopped = np.eye(len(P))[u], np.zeros(len(P))
    for _ in range(2):
        stopped = stopped + alpha * alive
        alive = (1 - alpha) * alive @ P
    return stopped, alive


def three_hops(P, alpha, u):
    stopped, alive = right_two_hops(P, alpha, u)
    return stopped + alpha * alive, (1 - alpha) * alive @ P


def right_births(live, waiting, cap, omega):
    return min(waiting, (cap - live) // omega * omega)


@pytest.mark.parametrize(
    ("label", "right", "wrong"),
    [
        ("hops", 4, [5, 0.2, "four"]),
        ("depth", 2, [3, 1000]),
        ("crossing", 100_000, [20_000, 1_000_000]),
        ("conveyor", 0.5, [0.45, 0.55]),
        ("alias", right_alias, [lambda w: ([1.0] * len(w), range(len(w))), lambda w: ([2.0], [0])]),
        ("twohops", right_two_hops, [three_hops, lambda P, a, u: (P[u], P[u])]),
        (
            "schedule",
            right_births,
            [
                lambda live, waiting, cap, omega: min(waiting, cap - live),
                lambda live, waiting, cap, omega: waiting,
                lambda live, waiting, cap, omega: 0,
                lambda live, waiting, cap, omega: min(waiting, omega) if live == 0 else 0,
                lambda live, waiting, cap, omega: 1 // 0,
            ],
        ),
    ],
)
def test_exercises(label, right, wrong):
    assert check(HERE + label, right).state == "passed"
    for answer in wrong:
        assert check(HERE + label, answer).state in ("failed", "raised")
    assert check(HERE + label, None).state == "unanswered"


@pytest.mark.parametrize("label", ["alias", "twohops", "schedule"])
def test_stubs_are_unanswered(label):
    def stub(*arguments):
        raise NotImplementedError

    assert check(HERE + label, stub).state == "unanswered"


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
    assert figure.html == explorer().html


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
