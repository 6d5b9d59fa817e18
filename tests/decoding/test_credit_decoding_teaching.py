"""The chapter's explorer; exercises and quiz are tested with those of all chapters."""

import itertools

import numpy as np
import pytest

from paralg.decoding.credit_decoding import TraceCredit, first_look
from paralg.decoding.credit_decoding.teaching.explorer import PRESETS, explorer, trace
from tests.figures.web import explorer_page, set_to, shown

pytest.importorskip("matplotlib")
WORDS = {"plain": "Plain τ commits", "credit": "Credit commits", "lower": "Plain τ₁ commits"}


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), explorer())


def told(commit):
    return "never" if commit is None else f"{'ABC'[commit[1]]} in round {commit[0]}"


def test_the_presets_show_what_they_are_called():
    commits = {name: trace(logits, TraceCredit(), 0.9)["commits"]
               for name, logits in PRESETS.items()}  # fmt: skip
    rise, dip, wrong = (commits[name] for name in ("slow rise", "a dip", "a wrong start"))
    assert rise["credit"][0] < rise["lower"][0] < rise["plain"][0]
    assert dip["plain"][1] == 1 and dip["credit"][1] == 0  # noqa: PT018
    assert wrong["plain"][1] == 1 and wrong["credit"][1] == 0  # noqa: PT018
    assert set(commits["two that alternate"].values()) == {None}


def test_the_explorer_computes_what_the_library_computes(page):
    for preset, (alpha, beta, tau) in itertools.product(
        PRESETS, [(0.65, 0.7, 0.9), (1.2, 0.0, 0.8), (1.5, 0.9, 0.85)]
    ):
        page.get_by_label(preset, exact=True).check()
        for label, value in (("Weight α", alpha), ("Decay β", beta), ("Threshold τ", tau)):
            set_to(page, label, value)
        credit = TraceCredit(alpha, beta, 0.2)
        found, got = trace(PRESETS[preset], credit, tau), shown(page)
        for name, commit in found["commits"].items():
            assert got[WORDS[name]] == told(commit), (preset, credit, tau)
        assert float(got["τ₁"]) == pytest.approx(first_look(tau, credit), abs=6e-4)
        drawn = page.locator("rect[data-credit]").evaluate_all(
            "nodes => nodes.map((n) => Number(n.dataset.credit))")  # fmt: skip
        np.testing.assert_allclose(drawn, found["C"].ravel(), atol=1e-6)
        same = beta == 0
        assert not same or found["commits"]["credit"] == found["commits"]["lower"]
    assert page.errors == []


def test_a_bar_answers_to_keys(page):
    page.get_by_label("slow rise", exact=True).check()
    page.get_by_label("Bar: next").focus()
    page.keyboard.press("ArrowRight")
    before = shown(page)
    page.get_by_label("Logit of this bar").focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    assert shown(page) != before
    assert page.get_by_label("own", exact=True).is_checked()
