"""Learning objectives: read them, and who serves them, from a chapter's text and quiz.

On the page an objective is an item of the box "What you will be able to do"::

    - **mamba.1** *derive* the scan's operator …

an exercise names its objectives in its title, and a quiz item in its key ``objective``::

    ```{exercise} The identity as padding (check, ★, 2 min; mamba.1)
    :label: ex-mamba-padding
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paralg.teach.quizzes import validate

__all__ = [
    "KINDS", "Exercise", "Page", "TeachingPlan", "problems", "read_page", "read_plan", "served",
]  # fmt: skip

KINDS = ("check", "derive", "code", "explore")
MIN_OBJECTIVES, MIN_EXERCISES, MIN_QUESTIONS, MIN_ABOUT = 3, 6, 6, 2

_OBJECTIVE = re.compile(r"^\s*[-*] \*\*([a-z0-9_]+\.\d+)\*\* (.+)$", re.MULTILINE)
_TITLE = "What you will be able to do"
_BOX = re.compile(rf"^(`{{3,}}|:{{3,}})\{{admonition\}} {_TITLE}\s*$(.*?)^\1\s*$", re.M | re.S)
_EXERCISE = re.compile(
    r"^[`:]{3,}\{exercise(?:-start)?\}[ ]*(?P<title>.*)\n(?P<options>(?::[\w-]+:.*\n)*)", re.M
)
_SOLUTION = re.compile(r"^[`:]{3,}\{solution(?:-start)?\}[ ]*(\S+)", re.MULTILINE)
_LABEL = re.compile(r"^:label:\s*(\S+)", re.MULTILINE)
_MARKS = re.compile(
    r"\((?P<kind>\w+), *(?P<stars>★{1,3}), *(?P<minutes>\d+) min; *(?P<objectives>[^)]+)\)\s*$"
)
_CHECK = re.compile(r"\bcheck\(\s*[\"']([\w-]+)[\"']")
_CODE_CELL = re.compile(r"^(`{3,})\{code-cell\}[^\n]*\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """A chapter's or page's source, words and code apart."""

    words: str
    code: str
    raw: str


@dataclass(frozen=True)
class Exercise:
    """One exercise as its title states it; ``kind`` is empty if the title is not in form."""

    label: str
    title: str
    kind: str = ""
    stars: int = 0
    minutes: int = 0
    objectives: tuple = ()


@dataclass(frozen=True)
class TeachingPlan:
    """What a chapter teaches and how it is tried.

    ``chapter`` is its name as in objective ids, with underscores; ``box`` the text of the box of
    ``objectives``, which map id to text in order; ``solutions`` and ``checked`` are labels that
    have a solution, and that a code cell checks; ``quiz`` are the questions.
    """

    chapter: str
    box: str
    objectives: dict
    exercises: tuple
    solutions: frozenset
    checked: frozenset
    quiz: list
    page: Page

    @property
    def slug(self) -> str:
        """The chapter's name as labels write it."""
        return self.chapter.replace("_", "-")


def read_page(path: Path) -> Page:
    """Return the words and code of a notebook (``.ipynb``) or MyST page (``.md``)."""
    raw = Path(path).read_text(encoding="utf-8")
    if Path(path).suffix == ".md":
        code = "\n\n".join(match[2] for match in _CODE_CELL.finditer(raw))
        return Page(_CODE_CELL.sub("", raw), code, raw)
    cells = json.loads(raw)["cells"]

    def join(kind):
        return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind)

    return Page(join("markdown"), join("code"), raw)


def read_plan(page: Page, chapter: str, quiz: list) -> TeachingPlan:
    """Return what `page` and `quiz` say about the objectives of `chapter`."""
    found = _BOX.search(page.words)
    box = found[2] if found else ""
    return TeachingPlan(
        chapter=chapter.replace("-", "_"),
        box=box,
        objectives=dict(_OBJECTIVE.findall(box)),
        exercises=tuple(map(_exercise, _EXERCISE.finditer(page.words))),
        solutions=frozenset(_SOLUTION.findall(page.words)),
        checked=frozenset(_CHECK.findall(page.code)),
        quiz=quiz,
        page=page,
    )


def _exercise(match) -> Exercise:
    label = _LABEL.search(match["options"])
    label = label[1] if label else ""
    marks = _MARKS.search(match["title"])
    if not marks:
        return Exercise(label, match["title"].strip())
    objectives = tuple(re.split(r"\s*,\s*", marks["objectives"].strip()))
    return Exercise(label, match["title"][: marks.start()].strip(), marks["kind"],
                    len(marks["stars"]), int(marks["minutes"]), objectives)  # fmt: skip


def served(plan: TeachingPlan) -> dict[str, list[str]]:
    """Return, for each objective, the labels of the exercises and questions that serve it."""
    by = {name: [] for name in plan.objectives}
    for exercise in plan.exercises:
        for name in exercise.objectives:
            by.setdefault(name, []).append(exercise.label)
    for item in plan.quiz:
        by.setdefault(item.get("objective"), []).append(item.get("id"))
    return by


def problems(plan: TeachingPlan) -> list[str]:
    """Return what the chapter's teaching form lacks, one sentence each; empty if nothing."""
    found = [*_objective_problems(plan), *_quiz_problems(plan)]
    for exercise in plan.exercises:
        found += [f"{exercise.label or exercise.title}: {what}" for what in _lacks(exercise, plan)]
    count = len(plan.exercises)
    if count < MIN_EXERCISES:
        found.append(f"expected at least {MIN_EXERCISES} exercises, got {count}")
    kinds = {exercise.kind for exercise in plan.exercises}
    found += [f"no exercise of kind '{kind}'" for kind in KINDS if kind not in kinds]
    labels = Counter(exercise.label for exercise in plan.exercises)
    found += [f"label {label!r} is used {n} times" for label, n in labels.items() if n > 1]
    return found


def _objective_problems(plan: TeachingPlan) -> Iterator[str]:
    count, by = len(plan.objectives), served(plan)
    if not count:
        yield f"no box {_TITLE!r} with items '- **chapter.1** *verb* …'"
        return
    expected = [f"{plan.chapter}.{i}" for i in range(1, count + 1)]
    if list(plan.objectives) != expected:
        yield f"objectives should be {expected}, got {list(plan.objectives)}"
    if count < MIN_OBJECTIVES:
        yield f"expected at least {MIN_OBJECTIVES} objectives, got {count}"
    for name in plan.objectives:
        if not by[name]:
            yield f"objective {name} is served by nothing"


def _lacks(exercise: Exercise, plan: TeachingPlan) -> Iterator[str]:
    if not exercise.kind:
        yield f"title should end with '(kind, ★, N min; chapter.1)', got {exercise.title!r}"
        return
    if exercise.kind not in KINDS:
        yield f"kind should be one of {', '.join(KINDS)}, got {exercise.kind!r}"
    if not exercise.label.startswith(f"ex-{plan.slug}-"):
        yield f"label should be 'ex-{plan.slug}-<word>', got {exercise.label!r}"
    for name in exercise.objectives:
        if name not in plan.objectives:
            yield f"objective {name!r} is not in the box of objectives"
    if exercise.label not in plan.solutions:
        yield "no solution"
    if exercise.kind == "code" and exercise.label not in plan.checked:
        yield f'no code cell with check("{exercise.label}", …)'


def _quiz_problems(plan: TeachingPlan) -> Iterator[str]:
    wrong = validate(plan.quiz, plan.slug)
    if wrong:
        yield from wrong
        return
    if len(plan.quiz) < MIN_QUESTIONS:
        yield f"expected at least {MIN_QUESTIONS} questions, got {len(plan.quiz)}"
    for item in plan.quiz:
        if item["objective"] not in plan.objectives:
            yield f"{item['id']}: objective {item['objective']!r} is not in the box"
        if "about" in item and item["about"] not in plan.page.raw:
            yield f"{item['id']}: is about {item['about']!r}, which is not on the page"
    about = sum("about" in item for item in plan.quiz)
    if about < MIN_ABOUT:
        yield f"expected {MIN_ABOUT} questions with 'about' (a figure or table), got {about}"
