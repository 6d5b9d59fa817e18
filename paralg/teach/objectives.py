"""Learning objectives: read them, and who serves them, from a chapter's text and quiz.

On the page an objective is an item of the box "What you will be able to do"::

    - **mamba.1** *derive* the scan's operator …

an exercise names its objectives in its title, and a quiz item in its key ``objective``::

    ```{exercise} The identity as padding (check, ★, 2 min; mamba.1)
    :label: ex-mamba-padding
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Exercise", "Page", "TeachingPlan", "read_page", "read_plan", "served"]

_OBJECTIVE = re.compile(r"^\s*[-*] \*\*([a-z0-9_]+\.\d+)\*\* (.+)$", re.MULTILINE)
_TITLE = "What you will be able to do"
_BOX = re.compile(rf"^(`{{3,}}|:{{3,}})\{{admonition\}} {_TITLE}\s*$(.*?)^\1\s*$", re.M | re.S)
_EXERCISE = re.compile(
    r"^[`:]{3,}\{exercise(?:-start)?\}[ ]*(?P<title>.*)\n(?P<options>(?::[\w-]+:.*\n)*)", re.M
)
_SOLUTION = re.compile(r"^[`:]{3,}\{solution(?:-start)?\}[ ]*(\S+)", re.MULTILINE)
_LABEL = re.compile(r"^:label:\s*(\S+)", re.MULTILINE)
_MARKS = re.compile(
    r"\((?P<kind>\w+), *★{1,3}, *(?P<minutes>\d+) min; *(?P<objectives>[^)]+)\)\s*$"
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
    minutes: int = 0
    objectives: tuple = ()


@dataclass(frozen=True)
class TeachingPlan:
    """What a chapter teaches and how it is tried.

    ``chapter`` is its name with underscores; ``box`` the text of the box of ``objectives``, which
    map id to text in order; ``solutions`` and ``checked`` are labels that have a solution, and that
    a code cell checks; ``quiz`` are the questions.
    """

    chapter: str
    box: str
    objectives: dict
    exercises: tuple
    solutions: frozenset
    checked: frozenset
    quiz: list
    page: Page


def read_page(path: Path) -> Page:
    """Return the words and code of a notebook (``.ipynb``) or MyST page (``.md``)."""
    raw = Path(path).read_text(encoding="utf-8")
    if Path(path).suffix == ".md":
        words, code = _CODE_CELL.sub("", raw), [match[2] for match in _CODE_CELL.finditer(raw)]
        return Page(words, "\n\n".join(code), raw)
    texts = {"markdown": [], "code": [], "raw": []}
    for cell in json.loads(raw)["cells"]:
        texts[cell["cell_type"]].append("".join(cell["source"]))
    return Page("\n\n".join(texts["markdown"]), "\n\n".join(texts["code"]), raw)


def read_plan(page: Page, chapter: str, quiz: list) -> TeachingPlan:
    """Return what `page` and `quiz` say about the objectives of `chapter`."""
    found = _BOX.search(page.words)
    box = found[2] if found else ""
    return TeachingPlan(
        chapter.replace("-", "_"), box, dict(_OBJECTIVE.findall(box)),
        tuple(map(_exercise, _EXERCISE.finditer(page.words))),
        frozenset(_SOLUTION.findall(page.words)), frozenset(_CHECK.findall(page.code)), quiz, page,
    )  # fmt: skip


def _exercise(match) -> Exercise:
    label, marks = _LABEL.search(match["options"]), _MARKS.search(match["title"])
    label = label[1] if label else ""
    if not marks:
        return Exercise(label, match["title"].strip())
    objectives = tuple(re.split(r"\s*,\s*", marks["objectives"].strip()))
    return Exercise(label, match["title"][: marks.start()].strip(), marks["kind"],
                    int(marks["minutes"]), objectives)  # fmt: skip


def served(plan: TeachingPlan) -> dict[str, list[str]]:
    """Return, for each objective, the labels of the exercises and questions that serve it."""
    by = {name: [] for name in plan.objectives}
    for exercise in plan.exercises:
        for name in exercise.objectives:
            by.setdefault(name, []).append(exercise.label)
    for item in plan.quiz:
        by.setdefault(item.get("objective"), []).append(item.get("id"))
    return by
