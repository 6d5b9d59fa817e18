"""The chapter's explorer; exercises and quiz are tested with those of all chapters."""

import pytest

from paralg.decoding.freedave import freedave
from paralg.decoding.freedave.teaching.explorer import explorer
from paralg.decoding.tables import HashConditional
from tests.figures.web import explorer_page, set_to, shown

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def page(tmp_path_factory, chromium):
    return explorer_page(chromium, tmp_path_factory.mktemp("explorer"), explorer())


@pytest.mark.parametrize("d, eps", [(3, 0.2), (6, 1.0)])
def test_the_explorer_counts_what_the_library_counts(page, d, eps):
    set_to(page, "Draft steps d", d)
    set_to(page, "Coupling ε", eps)
    for k in (2, 3):
        step = page.get_by_label("Moment: next")
        while step.get_attribute("aria-disabled") != "true":
            step.focus()
            page.keyboard.press("Enter")
        result = freedave(HashConditional(4, 8, k, eps), [4] * 8, d)
        got = shown(page)
        assert got["Forwards"] == f"{result.forwards} of {result.forwards}"
        assert got["Rows"] == f"{result.cost.rows} of {result.cost.rows}"
        assert got["Committed"] == "8 of 8"
        end = page.evaluate("""() => [...document.querySelectorAll('.pe-picture g[data-look] text')]
                                  .slice(-8).map(t => t.textContent).join('')""")
        assert end == "".join("ABCD"[t] for t in result.tokens)
        page.get_by_label("Table k: next").click()
    for _ in range(2):
        page.get_by_label("Table k: previous").click()
    assert page.errors == []


def test_the_explorer_answers_to_arrow_keys(page):
    set_to(page, "Draft steps d", 4)
    page.get_by_label("Moment: next").focus()
    said = []
    for key in 9 * ["ArrowLeft"] + 2 * ["ArrowRight"]:
        page.keyboard.press(key)
        said.append(page.locator(".pe-status").first.inner_text())
    assert said[-1] != said[8]
    assert page.locator("g[data-draft]").count() >= 1
