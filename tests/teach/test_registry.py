"""`check`: from a label to a verdict in words, never a traceback."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from paralg.core.static import DRAWN
from paralg.teach import Verdict, chapters, check

CHECKS = """
    import numpy as np
    from paralg.teach.checking import close_to, equal_to_oracle, exercise, require

    @exercise("ex-sample-sum")
    def total(answer):
        return equal_to_oracle(answer, sum, [[1] * n for n in range(1, 6)])

    @exercise("ex-sample-span")
    def span(answer):
        close_to(answer, 3, name="the span", wrong={7: "that is the work"})

    @exercise("ex-sample-shape")
    def shape(answer):
        require(answer.shape == (2,), "has shape (2,)", got=answer.shape)

    @exercise("ex-sample-direct")
    def direct(answer):
        return answer([1])
"""


@pytest.fixture(autouse=True)
def sample(chapter):
    return chapter("sample", CHECKS)


def test_right():
    verdict = check("ex-sample-sum", sum)
    assert verdict
    assert repr(verdict) == "✓ ex-sample-sum: Right: equals the reference on 5 inputs."
    assert repr(check("ex-sample-span", 3)) == "✓ ex-sample-span: Right."


def test_wrong_shows_the_smallest_input():
    verdict = check("ex-sample-sum", lambda xs: 0)
    assert not verdict
    assert repr(verdict).splitlines() == [
        "✗ ex-sample-sum: Expected: equals the reference; shown is the smallest input that breaks "
        "it.",
        "    input     [1]",
        "    expected  1",
        "    got       0",
    ]


def test_known_wrong_idea_gets_its_explanation():
    assert ("note", "that is the work") in check("ex-sample-span", 7).details


@pytest.mark.parametrize("answer", [None, ...])
def test_nothing_is_no_answer(answer):
    verdict = check("ex-sample-span", answer)
    assert repr(verdict) == "○ ex-sample-span: Not answered yet."
    assert not verdict


def test_a_stub_is_no_answer():
    def stub(xs):
        raise NotImplementedError

    assert check("ex-sample-sum", stub).state == "unanswered"


def test_an_exception_is_told_with_its_line():
    def answer(xs):
        return xs[9]

    verdict = check("ex-sample-sum", answer)
    shown = dict(verdict.details)
    assert verdict.state == "raised"
    assert verdict.summary == "The answer raised IndexError."
    assert shown["input"] == "[1]"
    assert shown["message"] == "list index out of range"
    assert shown["in"].endswith("of answer: return xs[9]")


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("label", ["ex-sample-sum", "ex-sample-direct"])
def test_an_answer_that_wants_to_leave_is_told_and_nothing_ends(label, error):
    def answer(xs):
        raise error

    verdict = check(label, answer)
    assert verdict.state == "raised"
    assert verdict.summary == f"The answer raised {type(error).__name__}."
    assert "of answer: raise error" in repr(verdict)


def test_exit_of_ipython_does_not_end_the_kernel(monkeypatch):
    class Shell:
        def ask_exit(self):
            pytest.fail("the kernel ends")

    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    verdict = check("ex-sample-sum", lambda xs: shell.ask_exit())
    assert verdict.summary == "The answer raised SystemExit."
    assert vars(shell) == {}


def test_prints_of_all_trial_calls_are_shown_once(capsys):
    def answer(xs):
        print("so far", min(len(xs), 2))
        print("done")
        return sum(xs)

    shown = dict(check("ex-sample-sum", answer).details)["printed"].splitlines()
    assert shown[:3] == ["so far 1", "done", "so far 2"]
    assert shown[3:] == ["(10 lines over all trial calls; each is shown once)"]
    assert capsys.readouterr().out == ""
    lines = repr(check("ex-sample-sum", answer)).splitlines()
    assert lines[2] == "             done"


def test_a_flood_of_prints_is_counted_and_not_kept():
    def answer(xs):
        for i in range(100_000):
            print(i)
        return sum(xs)

    shown = dict(check("ex-sample-sum", answer).details)["printed"]
    assert len(shown) < 200
    assert "500,000 lines" in shown


def test_an_answer_of_the_wrong_type_is_told():
    verdict = check("ex-sample-shape", 3)
    assert verdict.summary == "The answer raised AttributeError."
    assert "'int' object has no attribute 'shape'" in repr(verdict)


def test_the_line_told_is_the_readers_own_and_not_numpys():
    import numpy as np

    def solve(xs):
        return np.linalg.inv(np.zeros((2, 2)))

    lines = dict(check("ex-sample-sum", solve).details)
    assert lines["in"].endswith("of solve: return np.linalg.inv(np.zeros((2, 2)))")


def test_unknown_label_lists_the_known():
    with pytest.raises(KeyError, match="did you mean 'ex-sample-sum'") as error:
        check("ex-sample-sun", sum)
    assert "ex-sample-sum, ex-sample-span, ex-sample-shape" in str(error.value)


def test_unknown_chapter_lists_the_known():
    with pytest.raises(
        KeyError, match="label must be 'ex-<chapter>-…' of .*sample"
    ):
        check("ex-nowhere-sum", sum)


def test_chapter_without_checks(chapter):
    made = chapter("sample_bare")
    (made.teaching / "checks.py").unlink()
    with pytest.raises(KeyError, match="Chapter 'sample-bare' has: none"):
        check("ex-sample-bare-sum", sum)


def test_the_longer_chapter_name_wins(chapter):
    chapter("sample_two", CHECKS.replace("ex-sample-", "ex-sample-two-"))
    assert check("ex-sample-two-sum", sum)


def test_html_escapes_and_names_the_state():
    html = Verdict("ex-a-b", "failed", "Expected: a < b", (("got", "<b>"),)).html
    assert "a &lt; b" in html
    assert "&lt;b&gt;" in html
    assert 'data-verdict="failed"' in html
    assert 'role="status"' in html
    assert "✗" in html


def test_find():
    assert chapters.find("sample").module == "paralg.rounds.sample"
    with pytest.raises(KeyError, match="no chapter is called 'none'; there are: .*sample"):
        chapters.find("none")


def test_find_all_sees_the_real_chapters(monkeypatch):
    monkeypatch.undo()
    found = chapters.find_all()
    assert {chapter.part for chapter in found.values()} <= set(chapters.PARTS)
    assert found["personalized_pagerank"].slug == "personalized-pagerank"


def _stub(xs):
    first = xs[0]
    raise NotImplementedError(first)


@pytest.mark.parametrize("answer", [None, ..., {"a": 1, "b": ...}, (1, [...]), _stub])
def test_a_page_of_the_site_shows_an_open_exercise_whatever_its_check_is(monkeypatch, answer):
    monkeypatch.setenv("PARALG_STATIC", "1")
    verdict = check("ex-sample-nothing-knows-this", answer)
    assert verdict.state == "unanswered"
    assert set(verdict._repr_mimebundle_()) == {"text/plain", DRAWN}
    monkeypatch.delenv("PARALG_STATIC")
    assert set(verdict._repr_mimebundle_()) == {"text/plain", "text/html"}


@pytest.mark.parametrize("answer", [0, {"a": 1}, sum, lambda xs: xs, [], np.zeros(2)])
def test_a_page_of_the_site_may_not_answer_its_exercises(monkeypatch, answer):
    monkeypatch.setenv("PARALG_STATIC", "1")
    with pytest.raises(ValueError, match="leaves its exercises open, got an answer to 'ex-sample"):
        check("ex-sample-sum", answer)
