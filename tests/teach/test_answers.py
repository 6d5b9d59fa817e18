"""What every chapter's teaching must do, driven by its page and its ``teaching/answers.py``.

The solutions that a page prints as functions are right answers. Of the others ``RIGHT`` has one for
each label; ``OTHER_FORMS`` are pairs of a label and a right answer that is written differently;
``WRONG`` has for a label the wrong answers and words of what each is told.
"""

import importlib
import json

import pytest

from paralg.teach import chapters, check
from paralg.teach.quizzes import load_quiz
from paralg.teach.registry import checks_of
from tests.teach.printed import printed, with_lists

CHAPTERS = [one for one in chapters.find_all().values() if (one.folder / "teaching").is_dir()]
ANSWERS = {
    one.name: importlib.import_module(f"{one.module}.teaching.answers")
    for one in CHAPTERS
    if (one.folder / "teaching" / "answers.py").exists()
}


def right():
    for name, module in ANSWERS.items():
        yield from ((name, label, answer) for label, answer in module.RIGHT.items())
        yield from ((name, *pair) for pair in getattr(module, "OTHER_FORMS", ()))


def printed_right():
    for chapter in CHAPTERS:
        for label, answer in printed(chapter).items():
            yield from ((chapter.name, label, form) for form in (answer, with_lists(answer)))


def wrong():
    for module in ANSWERS.values():
        for label, told in module.WRONG.items():
            yield from ((label, answer, words) for answer, words in told)


def ids(value):
    return value if isinstance(value, str) and value.startswith("ex-") else ""


@pytest.mark.parametrize("name, label, answer", [*right(), *printed_right()], ids=ids)
def test_right_answers_pass(name, label, answer):
    verdict = check(label, answer)
    assert verdict, verdict


@pytest.mark.parametrize("label, answer, words", list(wrong()), ids=ids)
def test_wrong_answers_are_told_why(label, answer, words):
    verdict = check(label, answer)
    assert not verdict
    assert words in str(verdict)
    assert " not " not in verdict.summary, "say what was expected, in the positive"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda one: one.name)
def test_every_check_has_answers_and_takes_a_stub_for_none(chapter):
    checks = checks_of(chapter)
    if not checks:
        return
    assert chapter.name in ANSWERS, "teaching/answers.py is missing"
    module = ANSWERS[chapter.name]
    answered = module.RIGHT | printed(chapter)
    assert set(answered) == set(checks)
    assert set(module.WRONG) <= set(checks)

    def stub(*arguments, **options):
        raise NotImplementedError

    for label, answer in answered.items():
        if callable(answer):
            assert "not answered" in str(check(label, stub)).lower(), label


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda one: one.name)
def test_quiz_and_explorer_are_data(chapter):
    if (chapter.folder / "teaching" / "checks.py").exists():
        load_quiz(chapter.folder / "teaching" / "quiz.json", chapter.slug)
    if not (chapter.folder / "teaching" / "explorer.py").exists():
        return
    pytest.importorskip("matplotlib").use("agg")
    make = importlib.import_module(f"{chapter.module}.teaching.explorer").explorer
    made = make()
    state = json.dumps(made.state, default=lambda x: x.tolist())
    assert len(state) < 100_000
    assert made.html


@pytest.mark.weekly
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda one: one.name)
def test_an_explorer_is_the_same_at_every_run(chapter):
    if (chapter.folder / "teaching" / "explorer.py").exists():
        pytest.importorskip("matplotlib").use("agg")
        make = importlib.import_module(f"{chapter.module}.teaching.explorer").explorer
        assert make().html == make().html
