"""One visit to every page, in a Chromium that cannot reach a network.

On a desk in the light: errors, requests, width, every explorer by mouse and by keyboard; of a
chapter what is seen first, and how long the page is. Then the same page becomes a phone: width,
formulas that are cut off. Then axe, on the desk, and its colours on the phone in the dark.
What was found is kept (:mod:`tests.verdicts`): a page is visited again when it shows something
else, and axe looks at it again when it is made of something else.
"""

from pathlib import Path

import pytest

from tests import cost, verdicts
from tests.site.conftest import ROOT, SITE

pytestmark = [pytest.mark.site, pytest.mark.timeout(300)]

DESK, LARGE, PHONE = (
    {"width": width, "height": height} for width, height in ((1280, 900), (1440, 900), (360, 740))
)
FIRST_SCREEN, SCREENS, EXPLORER_BY = 800, 25, 5
HEROES = {
    f"notebooks/{chapter.parent.name}/{chapter.name}.html":
        f"fig-{chapter.name.replace('_', '-')}-hero"
    for chapter in cost.chapters()
}  # fmt: skip
HEROES |= {
    "book/foundations/work_span.html": "fig-work-span-sums",
    "book/foundations/primitives.html": "fig-primitives-network",
    "book/foundations/measuring.html": "fig-measuring-order",
}
MEASURE = """(name) => {
  const box = (node) => node ? node.getBoundingClientRect() : null;
  const hero = box(document.getElementById(name).querySelector('img'));
  const explorer = box(document.querySelector('article figure.paralg-explorer'));
  const code = [...document.querySelectorAll('article div.cell_input')]
    .filter((node) => !node.closest('details')).map((node) => box(node).top);
  return {
    hero: hero.bottom + scrollY,
    explorer: explorer.top + scrollY,
    code: Math.min(...code, 1e9) + scrollY,
    height: document.documentElement.scrollHeight,
  };
}"""
NAMELESS = """() => {
  const controls = 'figure.paralg-explorer :is(input, select, button)';
  return [...document.querySelectorAll(controls)]
    .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim()))
    .map((e) => e.outerHTML.slice(0, 120));
}"""
ALL_RULES = {"resultTypes": ["violations"], "preload": False}
COLOURS = {**ALL_RULES, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
FORMULAS_AS_WORDS = """() => {
  for (const formula of document.querySelectorAll('mjx-container'))
    formula.replaceWith(document.createTextNode('formula'));
}"""
ONE_OF_A_KIND = """() => {
  const seen = new Set();
  for (const code of document.querySelectorAll('.highlight pre')) {
    let box = code;
    while (box.parentElement && getComputedStyle(box).backgroundColor === 'rgba(0, 0, 0, 0)')
      box = box.parentElement;
    const behind = getComputedStyle(box).backgroundColor + getComputedStyle(code).fontSize;
    for (const word of code.querySelectorAll('span[class]:not(:has(span))')) {
      const kind = word.className + behind;
      if (seen.has(kind)) word.replaceWith(document.createTextNode(word.textContent));
      else seen.add(kind);
    }
  }
  const count = {};
  for (const entry of document.querySelectorAll('dl.py'))
    if ((count[entry.className] = (count[entry.className] || 0) + 1) > 8) entry.remove();
  for (const table of document.querySelectorAll('table'))
    [...table.rows].slice(16).forEach((row) => row.remove());
}"""
WIDEST = """() => [...document.querySelectorAll('.bd-article *')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1
                 && !e.closest('pre, .pst-scrollable-table-container, .math, .paralg-graph'))
  .slice(0, 5).map((e) => e.tagName + '.' + e.className)"""
CUT_OFF = """() => {
  document.querySelectorAll('details').forEach((fold) => { fold.open = true; });
  document.querySelectorAll('.toggle-hidden').forEach((f) => f.classList.remove('toggle-hidden'));
  dispatchEvent(new Event('resize'));
  const moves = (node) => node && node !== document.body
    && (/auto|scroll/.test(getComputedStyle(node).overflowX) || moves(node.parentElement));
  return [...document.querySelectorAll('article :is(mjx-container, table, pre, img)')]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 2 && !moves(e))
    .map((e) => `${e.tagName} ${e.textContent.slice(0, 40)}`);
}"""
CONTROLS = (
    "input[type=range], input[type=radio], input[type=checkbox], select, button, [tabindex='0']"
)
STATE = "(figure) => figure.innerText + [...figure.querySelectorAll('svg')].map(s => s.outerHTML)"
CHANGES = f"""async (figure, before) => {{
  const state = {STATE};
  for (const until = performance.now() + 1000; performance.now() < until;) {{
    await new Promise((done) => setTimeout(done, 20));
    if (state(figure) !== before) return true;
  }}
  return false;
}}"""
"""Whether a figure changes within a second: it waits no longer than it must."""
KEYS = {
    "range": ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft"],
    "radio": ["ArrowDown"],
    "checkbox": ["Space"],
    "select": ["ArrowDown"],
    "button": ["Enter"],
}


def _names() -> list[str]:
    """Every page of the table of contents, and the two that the site adds."""
    from build import pages

    names = [path.relative_to(ROOT).with_suffix(".html").as_posix() for path in pages()]
    return [*names, "search.html", "genindex.html"]


def _explorers(page):
    return page.locator("figure.paralg-explorer").all()


@pytest.fixture(scope="module")
def window(chromium, address):
    """One window for all pages: what the site's scripts share is read once."""
    from tests.site.conftest import Visit

    visit = Visit(chromium, address)
    yield visit
    visit.context.close()


@pytest.mark.parametrize("name", _names())
def test_a_visit(name, request, record_property):
    page = SITE / name
    made_of = verdicts.made_of(page, SITE)
    shown = verdicts.shown(page, made_of, Path(__file__))
    if verdicts.passed("axe", name, made_of) and verdicts.passed("visit", name, shown):
        record_property("kept", True)
        return
    look(request.getfixturevalue("window"), name, made_of, record_property)
    verdicts.note("visit", name, shown)


def look(window, name, made_of, record_property):
    """Open a page and ask all that is asked of it."""
    page = window.page
    page.set_viewport_size(DESK)
    window.open(name)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert too_wide(page) == []
    assert page.evaluate(NAMELESS) == [], "controls that a screen reader could not announce"
    if name in HEROES:
        check_the_first_screen(page, HEROES[name], long=name.startswith("book/"))
    for figure in _explorers(page):
        who = figure.get_attribute("aria-label") or "an explorer"
        assert answers(figure, by_mouse), f"{who} does not answer to the mouse"
        assert answers(figure, by_keyboard), f"{who} does not answer to the keyboard"
    page.set_viewport_size(PHONE)
    assert too_wide(page) == []
    assert page.evaluate(CUT_OFF) == []
    if not verdicts.passed("axe", name, made_of):
        before = cost.processor_seconds()
        page.evaluate(FORMULAS_AS_WORDS)
        page.evaluate(ONE_OF_A_KIND)
        page.set_viewport_size(DESK)
        assert findings(page, ALL_RULES) == []
        page.set_viewport_size(PHONE)
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        assert findings(page, COLOURS) == []
        record_property("axe", cost.processor_seconds() - before)
        verdicts.note("axe", name, made_of)
    assert window.problems == []


def check_the_first_screen(page, hero, long=False):
    """The idea as a picture comes first, the explorer soon, and a chapter's page is short."""
    first = page.evaluate(MEASURE, hero)
    assert first["hero"] <= FIRST_SCREEN, "the hero figure is in view at 1280 x 800"
    assert first["code"] > first["hero"], "no code stands before it"
    page.set_viewport_size(LARGE)
    whole = page.evaluate(MEASURE, hero)
    page.set_viewport_size(DESK)
    assert whole["explorer"] <= EXPLORER_BY * 900, "the explorer comes too late"
    assert long or whole["height"] <= SCREENS * 900, f"{whole['height'] / 900:.1f} screens"


def too_wide(page) -> list[str]:
    """What makes a page wider than its window, if anything does."""
    page.wait_for_function("new Promise((done) => requestAnimationFrame(() => done(true)))")
    width = page.viewport_size["width"]
    if page.evaluate("document.documentElement.scrollWidth") <= width:
        return []
    return [f"wider than {width} pixels", *page.evaluate(WIDEST)]


def findings(page, rules: dict) -> list[str]:
    """Serious and critical findings of axe, one line for each rule.

    Formulas, thousands of elements that MathJax answers for, are taken out beforehand; of the
    coloured words of code, thousands more, one of each kind stays on each kind of ground; so do
    eight entries of each kind on a page of the library, and sixteen rows of a table.
    """
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{found['impact']} {found['id']} ({len(found['nodes'])}): {_example(found['nodes'][0])}"
        for found in Axe().run(page, options=rules).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def _example(node: dict) -> str:
    return f"{node['target']} {' '.join(node.get('failureSummary', '').split())[:240]}"


def by_mouse(control) -> list[None]:
    """Click a control where a person would: a slider away from its thumb."""
    box = control.bounding_box()
    if control.get_attribute("type") == "range":
        low, high, value = (
            float(control.evaluate(f"e => e.{name} || {default}"))
            for name, default in (("min", 0), ("max", 100), ("value", 50))
        )
        share = 0.85 if (value - low) <= (high - low) / 2 else 0.15
        control.click(position={"x": box["width"] * share, "y": box["height"] / 2})
    else:
        control.click()
    return [None]


def by_keyboard(control):
    """Focus a control and press the keys that its kind answers to, one at a time."""
    control.focus()
    kind = control.get_attribute("type") or control.evaluate("e => e.tagName.toLowerCase()")
    for key in KEYS.get(kind, ["ArrowRight", "ArrowDown", "Enter", "Space"]):
        control.page.keyboard.press(key)
        yield key


def answers(figure, act) -> bool:
    """Whether the figure shows something else after ``act`` on any of its controls."""
    for control in figure.locator(CONTROLS).all():
        if not control.is_visible() or not control.is_enabled():
            continue
        before = figure.evaluate(STATE)
        if any(figure.evaluate(CHANGES, before) for _ in act(control)):
            return True
    return False


def pages_with_explorers(pages: list[str]) -> list[str]:
    """Pages that carry an explorer."""
    return [name for name in pages if "paralg-explorer" in (SITE / name).read_text("utf-8")]


def test_every_page_is_visited(pages):
    assert set(pages) - {"index.html"} == set(_names())


def test_every_chapter_and_foundation_page_has_an_explorer(pages):
    chapters = [n for n in pages if n.startswith(("notebooks/", "book/foundations/"))]
    chapters = [n for n in chapters if not n.endswith("_experiments.html")]
    assert chapters
    assert set(chapters) <= set(pages_with_explorers(pages))


def test_explorers_work_from_a_folder_without_a_server(pages, chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/vendor/mathjax/**", lambda route: route.abort())  # no part of an explorer
    for name in pages_with_explorers(pages)[:3]:
        page.goto((SITE / name).as_uri(), wait_until="load")
        page.wait_for_function(
            "[...document.querySelectorAll('figure.paralg-explorer')]"
            ".every((figure) => figure.dataset.ready === 'true')"
        )
    context.close()


def test_a_changed_element_or_style_is_examined_again_and_a_number_is_not(tmp_path):
    site = tmp_path / "site"
    (site / "_static").mkdir(parents=True)
    page, style = site / "a.html", site / "_static" / "a.css"
    style.write_text("p {color: #777}")

    def key(body):
        page.write_text(f"<html><body>{body}</body></html>")
        verdicts._FURNITURE.clear()
        return verdicts.made_of(page, site)

    first = key("<p>3.1 seconds</p><p>4.0</p>")
    assert key("<p>2.9 seconds</p>") == first
    assert key("<p>2.9 seconds</p><img src='a'>") != first
    assert key("<p class='pale'>2.9 seconds</p>") != first
    assert key("<p></p>") != first
    assert key("<p>1<script>draw()</script></p>") != key("<p>1<script>paint()</script></p>")
    before = key("<p>1</p>")
    style.write_text("p {color: #888}")
    assert key("<p>1</p>") != before
    verdicts._FURNITURE.clear()


def test_a_changed_number_is_visited_again_and_a_name_in_the_menu_is_not(tmp_path):
    page = tmp_path / "a.html"

    def key(body, made_of="kinds", *looked_at_by):
        page.write_text(f'<nav class="bd-links">{body}')
        return verdicts.shown(page, made_of, *looked_at_by)

    first = key("<a>One</a></nav><p>3.1</p>")
    assert key("<a>One</a><a>Two</a></nav><p>3.1</p>") == first
    assert key("<a>One</a></nav><p>3.2</p>") != first
    assert key("<a>One</a></nav><p>3.1</p>", "other kinds") != first
    assert key("<a>One</a></nav><p>3.1</p>", "kinds", Path(__file__)) != first
