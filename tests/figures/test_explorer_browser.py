"""Explorers in a real browser: over file:// and http://, mouse, keyboard, themes, phone, print."""

import pytest

from tests.figures.demo import bound, explorer
from tests.figures.web import serious, served

pytestmark = pytest.mark.site


@pytest.fixture(scope="module")
def html():
    import matplotlib

    from paralg.figures import rc

    matplotlib.use("agg")
    with matplotlib.rc_context(rc()):
        return explorer().html


def _number(page, name):
    return page.locator(f".pe-numbers div:has(dt:text-is('{name}')) dd").inner_text()


def test_alive_from_a_file_and_by_keyboard(open_page, html):
    page = open_page(html)
    assert _number(page, "Workers") == "8"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert _number(page, "Workers") == "9"
    assert _number(page, "Speed-up") == f"{bound(9):.3g}×"
    assert "9 workers" in page.get_by_role("status").inner_text()
    assert page.get_by_role("slider", name="Workers p").get_attribute("aria-valuetext") == "9"


def test_alive_over_http_in_two_figures_of_a_page(open_page, html, tmp_path):
    both = html + html.replace("explorer-demo", "explorer-again").replace(
        '"work": 4096', '"work": 512'
    )
    with served(tmp_path) as address:
        page = open_page(both, address=lambda path: f"{address}/{path.name}")
        page.wait_for_function("document.querySelectorAll('[data-ready=true]').length === 2")
        page.locator("#explorer-again").get_by_role("slider").fill("32")
        assert page.locator("#explorer-demo .pe-numbers dd").first.inner_text() == "8"
        assert page.locator("#explorer-again .pe-numbers dd").first.inner_text() == "32"


def test_every_control_answers_to_mouse_and_keyboard(open_page, html):
    page = open_page(html)
    say = page.get_by_role("status")
    page.get_by_label("seconds").check()
    assert "faster in seconds" in say.inner_text()
    page.get_by_label("seconds").press("ArrowLeft")
    assert "faster in steps" in say.inner_text()
    page.get_by_role("button", name="Round: next").click()
    assert "round 1" in say.inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert "round 3" in say.inner_text()
    assert page.get_by_role("button", name="Round: next").get_attribute("aria-disabled") == "true"
    page.get_by_label("Show the point").uncheck()
    assert page.locator("circle").get_attribute("visibility") == "hidden"


def test_controls_keep_their_keys_in_jupyterlab(open_page, html):
    page = open_page(html)
    bare = page.locator(":is(.pe-live input, .pe-live button):not([data-lm-suppress-shortcuts])")
    assert bare.count() == 0


def test_play_runs_to_the_end_and_escape_stops_it(open_page, html):
    page = open_page(html)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.pe-numbers dd').textContent > 9")
    page.keyboard.press("Escape")
    assert page.get_by_role("button", name="Play").is_visible()
    stopped = _number(page, "Workers")
    page.wait_for_timeout(200)
    assert _number(page, "Workers") == stopped
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('.pe-numbers dd').textContent === '32'")
    page.get_by_role("button", name="Play").wait_for()


def test_reduced_motion_steps_instead(open_page, html):
    page = open_page(html, reduced_motion="reduce")
    page.get_by_role("button", name="Step").click()
    assert _number(page, "Workers") == "9"
    page.wait_for_timeout(200)
    assert _number(page, "Workers") == "9"


def test_focus_walks_in_and_out(open_page, html):
    page = open_page(html + '<a href="#end" id="end">after</a>')
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        if seen[-1] == "end":
            break
    assert seen[-1] == "end", f"the keyboard is trapped: {seen}"
    assert len(seen) >= 7


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page, html, theme):
    page = open_page(html, theme=theme)
    page.locator("summary").click()
    assert serious(page) == []


def test_a_phone_has_no_sideways_scrolling_and_large_targets(open_page, html):
    page = open_page(html, width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    targets = ".pe-button, .pe-choice label, .pe-toggle, .pe-live input[type=range], summary"
    for target in page.locator(targets).all():
        box = target.bounding_box()
        assert min(box["width"], box["height"]) >= 24, target.inner_text()
    size = page.locator(".pe-axis text").first.evaluate("t => t.getBoundingClientRect().height")
    assert size >= 9


def test_print_shows_the_still(open_page, html):
    page = open_page(html)
    assert not page.locator(".pe-still").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".pe-still svg").is_visible()
    assert not page.locator(".pe-live").is_visible()
    assert page.locator("figcaption").is_visible()


def test_without_script_the_still_and_the_data_remain(open_page, html):
    page = open_page(html, wait=None, java_script_enabled=False)
    assert page.locator(".pe-still svg").is_visible()
    assert page.locator("noscript").inner_text() == "With JavaScript this figure is interactive."
    page.locator("summary").click()
    assert page.locator("td").first.inner_text() == "1"


def test_a_failing_script_leaves_the_still(chromium, tmp_path):
    from tests.figures.test_explorer import tiny
    from tests.figures.web import page_of

    logged = []
    broken = tiny(script="export default { render() { throw new Error('broken'); } }")
    path = tmp_path / "broken.html"
    path.write_text(page_of(broken.html))
    page = chromium.new_page()
    page.on("console", lambda message: logged.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector("[data-ready=failed]")
    assert page.locator(".pe-still").is_visible()
    assert "broken" in logged[0]


@pytest.mark.parametrize(
    "expression,text",
    [
        ("kit.number(0)", "0"),
        ("kit.number(1234567)", "1\u202f234\u202f567"),
        ("kit.number(4096)", "4096"),
        ("kit.number(3.14159)", "3.14"),
        ("kit.number(-0.5)", "−0.5"),
        ("kit.number(0.000012345)", "1.23·10⁻⁵"),
        ("kit.number(2.5e12)", "2.50·10¹²"),
        ("kit.number(Infinity)", "∞"),
        ("kit.number(NaN)", "–"),
        ("kit.percent(0.1234)", "12.3\u202f%"),
        ("kit.times(5)", "5×"),
        ("kit.plural(1, 'round')", "1 round"),
        ("kit.plural(3, 'query', 'queries')", "3 queries"),
        ("kit.ticks(0, 16, 4).join()", "0,5,10,15"),
        ("kit.ticks(3, 3).join()", "3"),
        ("String(kit.log([1, 16], [0, 4])(8))", "3"),
        ("String(kit.linear([0, 0], [5, 9])(0))", "5"),
    ],
)
def test_numbers_of_the_kit(kit, expression, text):
    assert kit(expression) == text


@pytest.fixture(scope="module")
def kit(chromium):
    from paralg.figures.explorer import _read

    page = chromium.new_page()
    page.add_script_tag(content=_read("explorer_kit.js").replace("const kit =", "window.kit ="))
    yield page.evaluate
    page.close()


def test_kit_refuses_unknown_names(kit):
    unknown = "() => { try { %s; return 'nothing' } catch (error) { return error.message } }"
    assert kit(unknown % "kit.numbers(['a']).set({b: 1})") == 'no number is called "b"'
    made = "kit.choice({label: 'c', options: [1, 2]}).set(3)"
    assert kit(unknown % made) == 'choice "c" has no option 3'
