"""Quizzes as data and as text: clear errors, complete HTML, the same at every run."""

import json
import math
import re

import pytest

from paralg.teach import quiz
from paralg.teach.quiz_html import has_math, render_quiz, rich
from paralg.teach.quizzes import validate
from tests.teach.questions import questions


def test_questions_in_form():
    assert validate(questions(), "sample") == []
    assert validate([], "sample") == []


def _broken(index, **changes):
    items = questions()
    items[index].update(changes)
    return validate(items, "sample")


CHOICE = {"answer": "a", "correct": True, "feedback": "b"}
NUMBER = {"type": "value", "value": 1, "correct": True, "feedback": "b"}


@pytest.mark.parametrize(
    "index,changes,message",
    [
        (0, {"id": "quiz-other-1"}, "id should be 'quiz-sample-<number>', got 'quiz-other-1'"),
        (0, {"id": "quiz-sample-2"}, "quiz-sample-2: id should be used once, got it again"),
        (0, {"question": " "}, "question should be a text, got none"),
        (0, {"type": "essay"}, "type should be one of multiple_choice, many_choice, numeric"),
        (0, {"objective": None}, "objective should name one, such as 'sample.1', got None"),
        (0, {"hint": "x"}, "unknown key 'hint'"),
        (0, {"answers": "x"}, "answers should be a list of objects"),
        (0, {"answers": [CHOICE]}, "should have at least 2 choices, got 1"),
        (0, {"answers": [CHOICE, CHOICE]}, "multiple_choice should have 1 right choice, got 2"),
        (0, {"answers": [CHOICE, CHOICE | {"feedback": ""}]}, "choice 2 has no feedback"),
        (0, {"answers": [CHOICE, CHOICE | {"answer": ""}]}, "choice 2 has no text"),
        (
            0,
            {"answers": [CHOICE, CHOICE | {"correct": 1}]},
            "correct should be true or false, got 1",
        ),
        (
            1,
            {"answers": [CHOICE | {"correct": False}] * 2},
            "many_choice should have a right choice",
        ),
        (2, {"answers": [NUMBER]}, "numeric should have a 'default' answer"),
        (
            2,
            {"answers": [{"type": "default", "feedback": "x"}]},
            "should have a right value or range",
        ),
        (2, {"answers": [NUMBER | {"value": "3"}]}, "value should be a number, got '3'"),
        (2, {"answers": [NUMBER | {"type": "range"}]}, r"range should be [low, high], got None"),
        (2, {"answers": [NUMBER | {"type": "text"}]}, "type should be value, range or default"),
        (2, {"answers": [NUMBER | {"feedback": None}]}, "answer 1 has no feedback"),
        (2, {"answers": [NUMBER | {"value": math.nan}]}, "value should be a number, got nan"),
        (2, {"answers": [NUMBER | {"type": "range", "range": [8, 7]}]}, "got [8, 7]"),
        (
            2,
            {"answers": [{"type": "default", "feedback": "x", "correct": True}]},
            "should have a right value or range",
        ),
        (2, {"tolerance": -1}, "tolerance should be a number of at least 0, got -1"),
    ],
)
def test_each_fault_is_named(index, changes, message):
    assert message in "\n".join(_broken(index, **changes))


def test_faults_of_the_whole():
    assert validate({}, "sample") == ["expected a list of questions, got dict"]
    assert validate(["x"], "sample") == ["question 1: expected an object, got str"]


def test_math_code_and_emphasis():
    assert rich("a < $x<y$ and `i*j*k` or *not* 2*3*4") == (
        'a &lt; <span class="math mathjax_process tex2jax_process">\\(x&lt;y\\)</span> and '
        "<code>i*j*k</code> or <em>not</em> 2*3*4"
    )
    assert rich("$$a$$") == '<span class="math mathjax_process tex2jax_process">\\(a\\)</span>'
    assert rich("costs 5$") == "costs 5$"
    assert has_math(questions())
    assert not has_math([{"question": "no"}])


def test_html_is_a_form_with_labels():
    html = render_quiz(questions(), name="sample")
    assert html == render_quiz(questions(), name="sample")
    assert html.count("<form") == html.count("<fieldset>") == html.count("<legend>") == 3
    assert html.count('type="radio"') == html.count('type="checkbox"') == 3
    assert len(re.findall(r'role="status"', html)) == 4
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert ids == ["quiz-sample", "quiz-sample-1", "quiz-sample-2", "quiz-sample-3"]
    assert "<details" in html


def test_every_explanation_is_in_the_folded_answers():
    html = render_quiz(questions(), name="sample")
    answers = html[html.index("<details") : html.index("</details>")]
    for item in questions():
        for answer in item["answers"]:
            assert rich(answer["feedback"]) in answers
    assert "7 to 8" in answers
    assert "any other number" in answers
    assert answers.count("✓") == 4


def test_quiz_of_a_chapter(chapter):
    chapter("sample", quiz=json.dumps(questions()))
    made = quiz("sample")
    assert made.html == render_quiz(questions(), name="sample")
    assert repr(made).startswith("Quiz sample: 3 questions\n1. What is $S$")
    assert "   [ ] Maximum" in repr(made)


def test_quiz_errors(chapter):
    with pytest.raises(KeyError, match="no chapter is called 'none'"):
        quiz("none")
    chapter("sample")
    with pytest.raises(FileNotFoundError, match="chapter 'sample' has no quiz.json"):
        quiz("sample")
    chapter("sample_json", quiz="[")
    with pytest.raises(ValueError, match="quiz.json of sample-json: not JSON"):
        quiz("sample_json")
    chapter("sample_form", quiz="[{}]")
    with pytest.raises(ValueError, match="question 1: id should be 'quiz-sample-form-<number>'"):
        quiz("sample_form")
