"""Quizzes: questions kept as JSON beside a chapter, checked for form, shown as an accessible form.

The JSON is that of jupyterquiz with the keys ``id``, ``objective`` and ``about`` more::

    [{"id": "quiz-mamba-1", "objective": "mamba.2", "about": "fig-mamba-span",
      "type": "multiple_choice", "question": "Why does the curve bend at $p = W/S$?",
      "answers": [{"answer": "…", "correct": true, "feedback": "…"}, …]}]

Types are ``multiple_choice`` (one right), ``many_choice`` (all the right ones) and ``numeric``
(answers with ``"type": "value"``, ``"range"`` or ``"default"``; ``tolerance`` is absolute).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from paralg.core.static import data_for_the_site, is_static
from paralg.teach.chapters import find

__all__ = ["TYPES", "Quiz", "load_quiz", "quiz", "validate"]

TYPES = ("multiple_choice", "many_choice", "numeric")
_KEYS = {"id", "question", "type", "answers", "objective", "about", "tolerance", "precision"}


@dataclass(frozen=True)
class Quiz:
    """The quiz of a chapter; displays itself when it is last in a cell.

    ``chapter`` is its name with hyphens, ``items`` are the questions in order, validated.
    """

    chapter: str
    items: list

    @property
    def html(self) -> str:
        """The quiz as self-contained HTML."""
        from paralg.teach.quiz_html import render_quiz

        return render_quiz(self.items, name=self.chapter)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        if is_static():
            return data_for_the_site("quiz", chapter=self.chapter)
        return {"text/plain": repr(self), "text/html": self.html}

    def __repr__(self) -> str:
        lines = [f"Quiz {self.chapter}: {len(self.items)} questions"]
        for number, item in enumerate(self.items, 1):
            lines.append(f"{number}. {item['question']}")
            if item["type"] != "numeric":
                lines += [f"   [ ] {answer['answer']}" for answer in item["answers"]]
        return "\n".join(lines)


def quiz(chapter: str) -> Quiz:
    """Return the quiz of a chapter.

    Parameters
    ----------
    chapter : str
        Name of a paper or foundation page, ``"mamba"``, ``"work-span"``.

    Raises
    ------
    KeyError, FileNotFoundError, ValueError
        There is no such chapter, it has no ``quiz.json``, or a question is not in form.
    """
    found = find(chapter)
    return Quiz(found.slug, load_quiz(found.teaching / "quiz.json", found.slug))


def load_quiz(path: Path, chapter: str) -> list:
    """Return the validated questions of the file at `path`, their choices in a hash's order."""
    if not Path(path).exists():
        raise FileNotFoundError(f"chapter {chapter!r} has no quiz.json beside its modules")
    try:
        items = json.loads(Path(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"quiz.json of {chapter}: not JSON: {error}") from None
    wrong = validate(items, chapter)
    if wrong:
        raise ValueError(f"quiz.json of {chapter}:\n  " + "\n  ".join(wrong))
    for item in items:
        if item["type"] != "numeric":
            keys = {a["answer"]: f"{item['id']}|{a['answer']}".encode() for a in item["answers"]}
            item["answers"].sort(key=lambda a: hashlib.sha256(keys[a["answer"]]).hexdigest())
    return items


def validate(items, chapter: str) -> list[str]:
    """Return what is wrong with the form of `items`, one sentence each."""
    if not isinstance(items, list):
        return [f"expected a list of questions, got {type(items).__name__}"]
    found, seen = [], []
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            found.append(f"question {number}: expected an object, got {type(item).__name__}")
            continue
        name = item.get("id", f"question {number}")
        found += [f"{name}: {what}" for what in _problems(item, chapter)]
        found += [f"{name}: id should be used once, got it again"] * (name in seen)
        seen.append(name)
    return found


def _problems(item: dict, chapter: str) -> Iterator[str]:
    if not re.fullmatch(rf"quiz-{re.escape(chapter)}-\d+", str(item.get("id"))):
        yield f"id should be 'quiz-{chapter}-<number>', got {item.get('id')!r}"
    if not _is_text(item.get("question")):
        yield "question should be a text, got none"
    if item.get("type") not in TYPES:
        yield f"type should be one of {', '.join(TYPES)}, got {item.get('type')!r}"
    if not _is_text(got := item.get("objective")):
        such = f"{chapter.replace('-', '_')}.1"
        yield f"objective should name one, such as {such!r}, got {got!r}"
    yield from (f"unknown key {key!r}" for key in sorted(item.keys() - _KEYS))
    answers = item.get("answers")
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        yield "answers should be a list of objects"
        return
    kind = "answer" if item.get("type") == "numeric" else "choice"
    for i, answer in enumerate(answers, 1):
        if not _is_text(answer.get("feedback")):
            yield f"{kind} {i} has no feedback"
    yield from (_numeric_problems if kind == "answer" else _choice_problems)(item, answers)


def _choice_problems(item: dict, answers: list) -> Iterator[str]:
    if len(answers) < 2:
        yield f"should have at least 2 choices, got {len(answers)}"
    for i, answer in enumerate(answers, 1):
        if not _is_text(answer.get("answer")):
            yield f"choice {i} has no text"
        if not isinstance(got := answer.get("correct"), bool):
            yield f"choice {i}: correct should be true or false, got {got!r}"
    right = sum(answer.get("correct") is True for answer in answers)
    if right < 1 or (right > 1 and item.get("type") == "multiple_choice"):
        what = "1" if item.get("type") == "multiple_choice" else "a"
        yield f"{item.get('type')} should have {what} right choice, got {right}"


def _numeric_problems(item: dict, answers: list) -> Iterator[str]:
    for i, answer in enumerate(answers, 1):
        kind = answer.get("type", "value")
        if kind == "value" and not _is_number(answer.get("value")):
            yield f"answer {i}: value should be a number, got {answer.get('value')!r}"
        elif kind == "range" and not _is_range(answer.get("range")):
            yield f"answer {i}: range should be [low, high], got {answer.get('range')!r}"
        elif kind not in ("value", "range", "default"):
            yield f"answer {i}: type should be value, range or default, got {kind!r}"
    known = [answer for answer in answers if answer.get("type") != "default"]
    if not any(answer.get("correct") is True for answer in known):
        yield "numeric should have a right value or range, got none"
    if len(known) == len(answers):
        yield "numeric should have a 'default' answer with feedback for every other number"
    tolerance = item.get("tolerance", 0)
    if not _is_number(tolerance) or tolerance < 0:
        yield f"tolerance should be a number of at least 0, got {tolerance!r}"


def _is_text(value) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value) -> bool:
    return type(value) in (int, float) and isfinite(value)


def _is_range(value) -> bool:
    numbers = isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))
    return numbers and value[0] <= value[1]
