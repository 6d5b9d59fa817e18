"""Quizzes in a real browser: answers explained, keyboard, themes, phone, print, no script."""

import pytest

from paralg.teach.quiz_html import render_quiz
from tests.figures.web import serious
from tests.teach.questions import questions

pytestmark = pytest.mark.site
HTML = render_quiz(questions(), name="sample")


def _status(page, number):
    return page.locator(f"#quiz-sample-{number} .pq-status").inner_text()


def _shown(page, number):
    return [
        text
        for text in page.locator(f"#quiz-sample-{number} .pq-feedback:visible").all_inner_texts()
    ]


def test_one_choice(open_page):
    page = open_page(HTML)
    check = page.locator("#quiz-sample-1 button")
    check.click()
    assert _status(page, 1) == "Choose an answer first."
    page.get_by_label("The work").check()
    check.click()
    assert _status(page, 1) == "✗ Not this one. Try again."
    assert _shown(page, 1) == ["✗ Wrong. Work is \\(W\\)."]
    page.get_by_label("The span").check()
    assert _status(page, 1) == ""
    check.click()
    assert _status(page, 1) == "✓ Right."
    assert len(_shown(page, 1)) == 3
    assert page.locator(".pq-score").inner_text() == "1 of 3 right."


def test_many_choices(open_page):
    page = open_page(HTML)
    check = page.locator("#quiz-sample-2 button")
    page.get_by_label("Maximum").check()
    page.get_by_label("Subtraction").check()
    check.click()
    assert _status(page, 2) == "✗ Not yet: 1 chosen wrongly, 1 missing."
    assert len(_shown(page, 2)) == 2
    page.get_by_label("Subtraction").uncheck()
    page.get_by_label("Composition").check()
    check.click()
    assert _status(page, 2) == "✓ Right."
    marks = [text.split(".")[0] for text in _shown(page, 2)]
    assert set(marks) == {"✓ Applies", "✗ Does not apply"}
    unchosen = page.locator("#quiz-sample-2 .pq-choice:not(:has(:checked))")
    assert {one.get_attribute("data-shown") for one in unchosen.all()} == {"other"}


@pytest.mark.parametrize(
    "typed,status,shown",
    [
        ("3", "✓ Right.", "✓ Right. \\(\\log_2 8\\)."),
        ("3,005", "✓ Right.", "✓ Right. \\(\\log_2 8\\)."),
        ("7.5", "✗ Not this number. Try again.", "✗ Wrong. That is the work."),
        ("−2", "✗ Not this number. Try again.", "✗ Wrong. Double until 8."),
        ("3,005.0", "✗ Not this number. Try again.", "✗ Wrong. Double until 8."),
        (" 3 . 0 ", "✓ Right.", "✓ Right. \\(\\log_2 8\\)."),
        ("many", "Enter a number first.", None),
        ("", "Enter a number first.", None),
    ],
)
def test_a_number(open_page, typed, status, shown):
    page = open_page(HTML)
    field = page.get_by_label("Your number")
    field.fill(typed)
    field.press("Enter")
    assert _status(page, 3) == status
    assert _shown(page, 3) == ([shown] if shown else [])
    assert "?" not in page.url


def test_by_keyboard_alone(open_page):
    page = open_page(HTML)
    for key in ("Tab", "ArrowDown", "ArrowDown", "Tab", "Enter"):
        page.keyboard.press(key)
    assert _status(page, 1) == "✓ Right."


@pytest.mark.weekly  # the site has every quiz, and is looked at
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page, theme):
    page = open_page(HTML, theme=theme)
    page.get_by_label("The work").check()
    page.locator("#quiz-sample-1 button").click()
    page.locator("summary").click()
    assert serious(page) == []


def test_a_phone_has_no_sideways_scrolling_and_large_targets(open_page):
    page = open_page(HTML, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for target in page.locator("label, button, summary").all():
        assert target.bounding_box()["height"] >= 24


def test_print_puts_the_answers_at_the_end(open_page):
    page = open_page(HTML)
    page.emulate_media(media="print")
    assert page.locator(".pq-answers li").first.is_visible()
    assert not page.locator("button").first.is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".pq-answers").get_attribute("open") is not None
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".pq-answers").get_attribute("open") is None


def test_without_script_the_answers_unfold(open_page):
    page = open_page(HTML, wait=None, java_script_enabled=False)
    assert not page.locator("button").first.is_visible()
    page.locator("summary").click()
    assert page.locator(".pq-answers li").first.is_visible()


def test_no_name_leaks_to_the_page(open_page):
    empty = open_page("<p>nothing</p>", wait=None)
    before = set(empty.evaluate("Object.keys(window)"))
    after = set(open_page(HTML).evaluate("Object.keys(window)"))
    assert after <= before
