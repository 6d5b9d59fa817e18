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


SEARCH_ENDED = "document.querySelector('#search-results ul')?.dataset.ended === 'true'"


def found(opened, query: str) -> list[tuple[str, str]]:
    """Addresses and words of what the search page finds, best first."""
    page = opened.open(f"search.html?q={query}")
    page.wait_for_function(SEARCH_ENDED)
    links = page.locator("#search-results li > a")
    return links.evaluate_all("all => all.map((a) => [a.getAttribute('href'), a.textContent])")


def test_search_finds_prose_before_the_library_and_leads_to_sections(visit):
    opened = visit()
    links = found(opened, "scan")
    in_api = ["/api/" in href for href, _ in links]
    assert in_api == sorted(in_api)
    assert 0 < sum(in_api) < len(links)
    assert all("#" in href for href, _ in links[:10])
    assert any("Glossary" in text for text in opened.page.locator("li").all_inner_texts())
    opened.page.locator("#search-results li > a").first.click()
    opened.page.wait_for_url("**#*")
    there = "!!document.getElementById(decodeURIComponent(location.hash).slice(1))"
    assert opened.page.evaluate(there)
    assert "/api/" in found(opened, "primitives.scan")[0][0]
    assert not opened.problems


def test_search_knows_other_words_for_the_same(visit):
    opened = visit()
    for query, also, place in (("speedup", "speed up", "foundations/"), ("GPU", "cuda", "html"),
                               ("prefix sum", "scan", "primitives.html"),
                               ("personalized", "personalised", "pagerank")):  # fmt: skip
        links = found(opened, query)
        assert also in opened.page.locator(".paralg-also").inner_text()
        assert any(place in href for href, _ in links[:8]), (query, links[:8])


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


def test_the_home_page_is_three_screens_and_its_figure_steps_by_keyboard(visit):
    page = visit("light", 1440).open("book/index.html")
    assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 900
    slider = page.locator(".paralg-hero-figure input[type=range]")
    assert slider.bounding_box()["y"] < 900
    for _ in range(4):
        slider.press("ArrowRight")
    assert "16 of 16" in page.locator(".paralg-hero-figure .pe-numbers").inner_text()
    cards = page.locator(".paralg-cards > li")
    assert cards.count() >= 6
    assert page.locator(".paralg-cards img").count() == cards.count()
    rest = page.locator("article details.sd-dropdown > summary")
    assert not page.locator("ul.paralg-papers").first.is_visible()
    rest.focus()
    rest.press("Enter")
    assert page.locator("ul.paralg-papers").first.is_visible()


def test_a_guess_is_asked_before_the_answer_which_opens_by_keyboard(visit):
    page = visit().open("book/how_to_use.html")
    box = page.locator(".admonition.predict").first
    assert box.evaluate("e => getComputedStyle(e.querySelector('p'), '::before').content") != "none"
    answer, button = box.locator(".admonition p").last, box.locator("button")
    assert not answer.is_visible()
    assert button.get_attribute("aria-label") == "Show or hide: Answer"
    button.focus()
    page.keyboard.press("Enter")
    assert answer.is_visible()
    page.keyboard.press("Space")
    assert not answer.is_visible()


def test_paper_has_what_is_folded_and_no_furniture(visit):
    page = visit().open("book/foundations/primitives.html")
    page.emulate_media(media="print")
    for gone in (".skip-link", ".bd-sidebar-primary", ".bd-sidebar-secondary", "details.hide",
                 "button", ".bd-header-article", ".prev-next-footer", ".pe-live"):  # fmt: skip
        assert page.locator(gone).filter(visible=True).count() == 0, gone
    for kept in ("h1", ".pe-still svg", ".solution section > p", ".pq-answers li"):
        shown = page.locator(kept)
        assert shown.filter(visible=True).count() == shown.count() > 0, kept
    assert page.locator("article").bounding_box()["x"] < 40


def test_copy_buttons_take_code_without_prompts_and_outputs(visit):
    opened = visit()
    for name in ("book/how_to_use.html", "book/foundations/primitives.html", "book/api/core.html"):
        page = opened.open(name)
        copied = page.evaluate("""() => { const all = [];
          document.execCommand = () => all.push(document.activeElement.value) > 0;
          const code = [...document.querySelectorAll('div.highlight:has(> button.copybtn)')];
          const some = code.filter((e, i) => i < 3 || /up . down/.test(e.textContent));
          some.forEach((one) => one.querySelector('button').click());
          return all; }""")
        assert copied
        assert all(text.strip() for text in copied)
        assert not [text for text in copied if re.search(r"^(>>>|\.\.\.|\$)( |$)", text, re.M)]
        assert page.locator(".cell_output button.copybtn").count() == 0
    (block,) = [text for text in copied if "print(up + down)" in text]
    assert "up | down" in block
    assert "work=11" not in block  # what it printed


def test_wide_windows_give_code_the_room_beside_the_prose(visit):
    page = visit("light", 1440).open("notebooks/recurrences/mamba.html")
    width = "(where) => document.querySelector(where).clientWidth"
    code, prose = (page.evaluate(width, w) for w in ("article .cell_input", "article section > p"))
    assert code > prose + 60
    room = """() => { const pre = document.querySelector('article .cell_input pre');
      const word = pre.appendChild(document.createElement('span'));
      word.textContent = 'x'.repeat(76);
      return [word.getBoundingClientRect().width, pre.clientWidth - 32]; }"""
    needed, given = page.evaluate(room)
    assert needed <= given
