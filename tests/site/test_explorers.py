"""Every explorer of every page answers to the mouse and to the keyboard."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.site

CONTROLS = (
    "input[type=range], input[type=radio], input[type=checkbox], select, button, [tabindex='0']"
)
STATE = "(figure) => figure.innerText + [...figure.querySelectorAll('svg')].map(s => s.outerHTML)"


def pages_with_explorers(site, pages: list[str]) -> list[str]:
    return [name for name in pages if "paralg-explorer" in (site / name).read_text("utf-8")]


def by_mouse(control) -> None:
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


def by_keyboard(page, control) -> None:
    """Focus a control and press the keys that its kind answers to."""
    control.focus()
    kind = control.get_attribute("type") or control.evaluate("e => e.tagName.toLowerCase()")
    keys = {
        "range": ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowLeft"],
        "radio": ["ArrowDown"],
        "checkbox": ["Space"],
        "select": ["ArrowDown"],
        "button": ["Enter"],
    }.get(kind, ["ArrowRight", "ArrowDown", "Enter", "Space"])
    for key in keys:
        page.keyboard.press(key)
        yield key


def answers(figure, act) -> bool:
    """Whether the figure shows something else after ``act`` on any of its controls."""
    for control in figure.locator(CONTROLS).all():
        if not control.is_visible() or not control.is_enabled():
            continue
        before = figure.evaluate(STATE)
        for _ in act(control) or [None]:
            figure.page.wait_for_timeout(60)
            if figure.evaluate(STATE) != before:
                return True
    return False


def nameless_controls(page) -> list[str]:
    """Controls of explorers that a screen reader could not announce."""
    controls = page.locator("figure.paralg-explorer :is(input, select, button)").all()
    named = "e => e.labels?.length || e.ariaLabel || e.textContent.trim()"
    return [one.evaluate("e => e.outerHTML")[:120] for one in controls if not one.evaluate(named)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_every_explorer_answers_and_its_controls_have_names(way, site, pages, visit):
    silent, nameless, seen, opened = [], [], 0, visit()
    for name in pages_with_explorers(site, pages):
        page = opened.open(name)
        if way == "keyboard":
            nameless += [(name, control) for control in nameless_controls(page)]
        for figure in page.locator("figure.paralg-explorer").all():
            seen += 1
            act = by_mouse if way == "mouse" else (lambda c, page=page: by_keyboard(page, c))
            if not answers(figure, act):
                silent.append(f"{name}: {figure.get_attribute('aria-label') or 'explorer'}")
        assert not opened.problems
    assert seen, "no page of the book has an explorer"
    assert not silent
    assert not nameless


def test_every_chapter_and_foundation_page_has_an_explorer(site, pages):
    chapters = [n for n in pages if n.startswith(("notebooks/", "book/foundations/"))]
    assert chapters
    assert set(chapters) <= set(pages_with_explorers(site, pages))


def test_explorers_work_from_a_folder_without_a_server(site, pages, chromium):
    context = chromium.new_context()
    page = context.new_page()
    for name in pages_with_explorers(site, pages)[:3]:
        page.goto((site / name).as_uri(), wait_until="load")
        page.wait_for_function(
            "[...document.querySelectorAll('figure.paralg-explorer')]"
            ".every((figure) => figure.dataset.ready === 'true')",
            timeout=10_000,
        )
    context.close()
