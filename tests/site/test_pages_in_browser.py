"""What the site does in a real Chromium: themes, print, search, without script, without network."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.site

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
