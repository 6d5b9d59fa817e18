"""What a reader of a chapter sees first: the idea as a picture, and soon the explorer."""

import pytest

from tests import cost

CHAPTERS = cost.chapters()
SCREENS, EXPLORER_BY = 25, 5
MEASURE = """(name) => {
    const box = node => node ? node.getBoundingClientRect() : null
    const hero = box(document.getElementById(name).querySelector('img'))
    const explorer = box(document.querySelector('article figure.paralg-explorer'))
    const code = [...document.querySelectorAll('article div.cell_input')]
        .filter(node => !node.closest('details')).map(node => box(node).top)
    return {
        hero: hero.bottom + scrollY,
        explorer: explorer.top + scrollY,
        code: Math.min(...code, 1e9) + scrollY,
        height: document.documentElement.scrollHeight,
    }
}"""


@pytest.fixture(scope="module")
def windows(chromium):
    contexts = [
        chromium.new_context(viewport={"width": w, "height": h}, reduced_motion="reduce")
        for w, h in ((1280, 800), (1440, 900))
    ]
    yield [context.new_page() for context in contexts]
    for context in contexts:
        context.close()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_the_first_screen_has_the_idea_and_the_page_is_short(address, windows, chapter):
    small, large = windows
    page = f"{address}notebooks/{chapter.parent.name}/{chapter.name}.html"
    name = f"fig-{chapter.name.replace('_', '-')}-hero"
    for window in windows:
        window.goto(page, wait_until="load")
        window.wait_for_function("document.querySelector('figure[data-ready=\"true\"]')")
    first = small.evaluate(MEASURE, name)
    assert first["hero"] <= 800, "the hero figure is in view at 1280 x 800"
    assert first["code"] > first["hero"], "no code stands before it"
    whole = large.evaluate(MEASURE, name)
    assert whole["explorer"] <= EXPLORER_BY * 900, "the explorer comes too late"
    assert whole["height"] <= SCREENS * 900, f"{whole['height'] / 900:.1f} screens"
