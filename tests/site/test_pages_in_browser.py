"""Every page in a real Chromium that cannot reach a network."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.site

PHONE = 390
ALL_RULES = {"resultTypes": ["violations"], "preload": False}
COLOURS = {**ALL_RULES, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
ONE_OF_A_KIND = """() => {
  for (const formula of document.querySelectorAll('mjx-container'))
    formula.replaceWith(document.createTextNode('formula'));
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


def worth_opening(pages: list[str]) -> list[str]:
    """All pages but the redirect at the root, which leads away at once."""
    return [name for name in pages if name != "index.html"]


def findings(page, theme: str) -> list[str]:
    """Serious and critical findings of axe, one line for each rule.

    The structure of a page is the same in both themes, so dark is asked for its colours only.
    Formulas, thousands of elements that MathJax answers for, are taken out beforehand; of the
    coloured words of code, thousands more, one of each kind stays on each kind of ground; so do
    eight entries of each kind on a page of the library, and sixteen rows of a table.
    """
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(ONE_OF_A_KIND)
    response = Axe().run(page, options=ALL_RULES if theme == "light" else COLOURS).response
    return [
        f"{found['impact']} {found['id']} ({len(found['nodes'])}): {_example(found['nodes'][0])}"
        for found in response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


def _example(node: dict) -> str:
    return f"{node['target']} {' '.join(node.get('failureSummary', '').split())[:240]}"


def reports(opened, theme: str, pages: list[str]) -> list[str]:
    """What goes wrong on any page in one theme: errors, outside requests, findings of axe."""
    found = []
    for name in pages:
        page = opened.open(name)
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        width = opened.page.viewport_size["width"]
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{name}: wider than {width} pixels: {page.evaluate(WIDEST)}")
        found += [f"{name}: {line}" for line in opened.problems + findings(page, theme)]
    return found


WIDEST = """() => [...document.querySelectorAll('.bd-article *')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1
                 && !e.closest('pre, .pst-scrollable-table-container, .math, .paralg-graph'))
  .slice(0, 5).map((e) => e.tagName + '.' + e.className)"""


def one_of_each_kind(pages: list[str]) -> list[str]:
    """The shortest page of every folder of the site: it has the furniture of all."""
    from tests.site.conftest import SITE

    shortest: dict[str, str] = {}
    for name in sorted(worth_opening(pages), key=lambda name: -(SITE / name).stat().st_size):
        shortest[name.rpartition("/")[0]] = name
    return sorted(shortest.values())


# Every page is opened twice, on a desk in the light and on a phone in the dark; what the other
# two combinations could add, the furniture of the desk in the dark, is the same on all pages.
# Two classes, so that two workers can share the work.


class TestLightOnADesk:
    @pytest.mark.timeout(900)
    def test_no_page_errs_asks_the_network_overflows_or_fails_axe(self, pages, visit):
        assert reports(visit("light"), "light", worth_opening(pages)) == []


class TestDarkOnAPhone:
    @pytest.mark.timeout(900)
    def test_no_page_errs_asks_the_network_overflows_or_fails_axe(self, pages, visit):
        assert reports(visit("dark", width=PHONE), "dark", worth_opening(pages)) == []

    @pytest.mark.timeout(300)
    def test_nor_does_one_of_each_kind_on_a_desk(self, pages, visit):
        kinds = one_of_each_kind(pages)
        assert len(kinds) >= 5
        assert reports(visit("dark"), "dark", kinds) == []


def test_a_page_that_asks_the_network_is_noticed_and_gets_nothing(visit):
    opened = visit()
    page = opened.open("book/notation.html")
    assert opened.problems == []
    failed = page.evaluate("fetch('http://example.org/x.js').then(() => 'fetched', () => 'failed')")
    assert failed == "failed"
    assert "asked the network: http://example.org/x.js" in opened.problems


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_button_switches_and_remembers(theme, visit):
    opened = visit(theme)
    page = opened.open("book/index.html")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    other = {"light": "dark", "dark": "light"}[theme]
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.theme") == other:
            break
        page.locator("button.theme-switch-button").first.click()
    assert page.evaluate("document.documentElement.dataset.theme") == other
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_a_page_of_the_dark_theme_is_printed_in_the_colours_of_the_light_one(visit):
    page = visit("dark").open("book/foundations/measuring.html")
    page.emulate_media(media="print")
    luminance = """(where) => getComputedStyle(document.querySelector(where[0]))[where[1]]
      .match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b) / 3"""
    for where, light in ((["body", "backgroundColor"], True), (["article h2", "color"], False),
                         (["article p", "color"], False)):  # fmt: skip
        assert (page.evaluate(luminance, where) > 128) == light, where
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_way_past_the_menus_comes_first_and_can_be_read(theme, visit):
    opened = visit(theme)
    page = opened.open("book/notation.html")
    page.keyboard.press("Tab")
    link = page.locator(".skip-link a")
    assert link.evaluate("link => link === document.activeElement")
    colours = "e => [getComputedStyle(e).color, getComputedStyle(e.parentElement).backgroundColor]"
    assert contrast(*link.evaluate(colours)) >= 4.5


def contrast(*colours: str) -> float:
    """Contrast of two opaque colours as a browser writes them, ``rgb(1, 2, 3)``."""
    from tests.site.test_book_sources import contrast as of_hex

    hexes = ("#" + "".join(f"{int(n):02x}" for n in re.findall(r"\d+", c)[:3]) for c in colours)
    return of_hex(*hexes)


# Results are shown one by one; the line above them is written when all are there.
SEARCH_ENDED = "document.querySelector('.search-summary')?.innerText.includes('found')"


def test_search_finds_a_function_a_term_and_a_chapter(visit):
    opened = visit()
    page = opened.open("search.html?q=scan")
    page.wait_for_function(SEARCH_ENDED)
    text = page.locator("#search-results").inner_text()
    assert "paralg.core.primitives.scan" in text
    assert "Glossary" in text
    assert not opened.problems


def test_the_search_box_opens_by_keyboard(visit):
    opened = visit()
    page = opened.open("book/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("shuffle")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=shuffle*")
    page.wait_for_function("document.querySelectorAll('#search-results li').length > 0")


def test_the_scoreboard_filters_without_script(chromium, address):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "book/scoreboard.html")
    rows = page.locator("table.paralg-scoreboard tbody tr:not(.paralg-chapter)")
    everything = rows.filter(visible=True).count()
    page.locator("input[name='paralg-verdict'][value='reproduced']").check()
    chosen = page.locator("table.paralg-scoreboard tr.verdict-reproduced").count()
    assert rows.filter(visible=True).count() == chosen <= everything
    context.close()


def test_a_chapter_is_readable_without_script(chromium, address, pages):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    for name in [n for n in pages if n.startswith("notebooks/")]:
        page.goto(address + name)
        for figure in page.locator("figure.paralg-explorer").all():
            still = figure.locator("svg, img").filter(visible=True)
            assert still.count() > 0, f"{name}: an explorer without a still"
    context.close()
