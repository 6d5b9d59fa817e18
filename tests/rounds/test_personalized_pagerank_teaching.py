"""The chapter's explorer; exercises and quiz are tested with those of all chapters."""

import pytest

import paralg.rounds.personalized_pagerank as pr
from tests.figures.web import explorer_page, set_to, shown

pytest.importorskip("matplotlib")

ALPHAS = "Stopping probability α"


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), pr.explorer())


@pytest.mark.parametrize("alpha, gamma, cap", [(0.05, 1, 200), (0.5, 60, 3000)])
def test_the_explorer_says_what_the_library_says(page, alpha, gamma, cap):
    for label, value in ((ALPHAS, alpha), ("Batch γ", gamma), ("Memory cap M", cap)):
        set_to(page, label, value)
    page.get_by_label("a pipeline each round").check()
    got = {name: value.replace("\u202f", "") for name, value in shown(page).items()}
    assert int(got["Peak of live walks"]) == round(pr.pipeline_load(50, 60, gamma, alpha, 60).max())
    assert int(got["Rounds"]) == round(pr.pipeline_rounds(50, 60, gamma, alpha))
    best = pr.best_gamma(cap, 50, 60, alpha) if alpha * cap >= 50 else "none"
    assert got["Best γ under the cap"] == str(best)
    page.get_by_label("as many as stopped").check()
    got = {name: value.replace("\u202f", "") for name, value in shown(page).items()}
    assert int(got["Peak of live walks"]) == min(cap, 3000)
    assert int(got["Rounds"]) == pytest.approx(pr.refill_rounds(50, 60, cap, alpha), abs=1.5)
    assert page.errors == []
