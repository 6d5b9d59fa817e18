"""Learning objectives: the parser, and every chapter and foundation page of the book."""

import json

import pytest

from paralg.teach import chapters
from paralg.teach.objectives import Page, read_page, read_plan, served
from paralg.teach.quizzes import load_quiz
from paralg.teach.registry import checks_of
from tests.plan_form import problems
from tests.teach.questions import questions
from tests.teach.tools import ROOT

BOX = """(ch-sample)=
# Sample

```{admonition} What you will be able to do
:class: tip

- **sample.1** *derive* the span;
- **sample.2** *implement* the scan;
- **sample.3** *predict* the speed-up.
```

A figure called fig-sample-span.
"""
EXERCISE = """
```{{exercise}} Number {n} ({kind}, ★★, 5 min; {objectives})
:label: ex-sample-{n}

What?
```

````{{solution}} ex-sample-{n}
:class: dropdown

That.
````
"""
KINDS = ["check", "derive", "code", "explore", "check", "derive"]


def _text(kinds=KINDS, objectives="sample.1, sample.3"):
    parts = [EXERCISE.format(n=n, kind=k, objectives=objectives) for n, k in enumerate(kinds, 1)]
    return BOX + "".join(parts)


def _quiz():
    items = questions() + questions()
    for number, item in enumerate(items, 1):
        item["id"] = f"quiz-sample-{number}"
    return items


def _plan(words=None, code='check("ex-sample-3", f)', quiz=None):
    words = _text() if words is None else words
    page = Page(words, code, words)
    return read_plan(page, "sample", _quiz() if quiz is None else quiz)


def test_a_complete_chapter_has_no_problems():
    plan = _plan()
    assert problems(plan) == []
    first = plan.exercises[0]
    assert (first.label, first.kind, first.minutes) == ("ex-sample-1", "check", 5)
    assert first.title == "Number 1"
    assert first.objectives == ("sample.1", "sample.3")
    assert plan.objectives["sample.2"] == "*implement* the scan;"
    assert served(plan)["sample.2"] == ["quiz-sample-2", "quiz-sample-5"]


@pytest.mark.parametrize(
    "words,message",
    [
        ("# Nothing", "no box 'What you will be able to do'"),
        (
            _text().replace("sample.2**", "sample.4**"),
            "objectives should be ['sample.1', 'sample.2'",
        ),
        (_text(KINDS[:5]), "expected at least 6 exercises, got 5"),
        (_text(["check"] * 6), "no exercise of kind 'derive'"),
        (_text(objectives="sample.9"), "ex-sample-1: objective 'sample.9' is not in the box"),
        (
            _text().replace("(check, ★★, 5 min", "(check, 5 min"),
            "title should end with '(kind, ★, N",
        ),
        (
            _text(["essay", *KINDS]),
            "kind should be one of check, derive, code, explore, got 'essay'",
        ),
        (_text().replace("{solution} ex-sample-4", "{solution} ex-x"), "ex-sample-4: no solution"),
        (_text().replace("ex-sample-4", "ex-4"), "label should be 'ex-sample-<word>', got 'ex-4'"),
        (_text().replace("ex-sample-4", "ex-sample-5"), "label 'ex-sample-5' is used 2 times"),
        (
            _text().replace("fig-sample-span", ""),
            "about 'fig-sample-span', which is not on the page",
        ),
        (BOX.replace("- **sample.3** *predict* the speed-up.", ""), "at least 3 objectives, got 2"),
    ],
)
def test_each_fault_of_the_words_is_named(words, message):
    assert message in "\n".join(problems(_plan(words)))


def test_an_unserved_objective_is_named():
    quiz = [item | {"objective": "sample.1"} for item in _quiz()]
    assert problems(_plan(quiz=quiz)) == ["objective sample.2 is served by nothing"]


def test_code_exercises_need_a_check():
    assert problems(_plan(code="")) == ['ex-sample-3: no code cell with check("ex-sample-3", …)']


@pytest.mark.parametrize(
    "change,message",
    [
        (lambda quiz: quiz[:5], "expected at least 6 questions, got 5"),
        (
            lambda quiz: [q | {"objective": "sample.7"} for q in quiz],
            "'sample.7' is not in the box",
        ),
        (lambda quiz: quiz[1:3] * 3, "id should be used once"),
        (
            lambda quiz: [{k: v for k, v in q.items() if k != "about"} for q in quiz],
            "2 questions with 'about'",
        ),
    ],
)
def test_each_fault_of_the_quiz_is_named(change, message):
    assert message in "\n".join(problems(_plan(quiz=change(_quiz()))))


def test_pages_and_notebooks_are_read_alike(tmp_path):
    page, notebook = tmp_path / "x.md", tmp_path / "x.ipynb"
    page.write_text(
        BOX + '\n```{code-cell} ipython3\n:tags: [x]\n\ncheck("ex-a-b", 1)\n```\n\nEnd.\n'
    )
    cells = [
        {"cell_type": "markdown", "source": [BOX]},
        {"cell_type": "code", "source": ['check("ex-a-b", 1)']},
    ]
    notebook.write_text(json.dumps({"cells": cells}))
    for path in (page, notebook):
        plan = read_plan(read_page(path), "sample", [])
        assert len(plan.objectives) == 3
        assert plan.checked == {"ex-a-b"}
        assert "ex-a-b" not in plan.page.words


# ---- the book ----

FOUNDATIONS = sorted((ROOT / "book/foundations").glob("*.md"))  # notebooks are made from them
NOTEBOOKS = (ROOT / "notebooks").glob("*/*.ipynb")
PAGES = sorted([*(p for p in NOTEBOOKS if not p.stem.endswith("_experiments")), *FOUNDATIONS])


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def plan(request):
    path = request.param
    chapter = chapters.find(path.stem)
    return read_plan(
        read_page(path), chapter.name, load_quiz(chapter.teaching / "quiz.json", chapter.slug)
    )


def test_the_book_has_pages():
    assert len(PAGES) >= 6


def test_every_chapter_keeps_the_form(plan):
    assert problems(plan) == []


def test_exercises_and_checks_agree(plan):
    checks = set(checks_of(chapters.find(plan.chapter)))
    labels = {exercise.label for exercise in plan.exercises}
    assert plan.checked <= checks, "a cell checks what checks.py does not know"
    assert checks <= labels, "checks.py knows an exercise that the page does not have"
