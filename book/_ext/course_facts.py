"""What one chapter tells a teacher: objectives, prerequisites, minutes, exercises, quiz items.

`paralg.teach.objectives` reads the page; here is what only a table across chapters wants.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from paralg.teach.objectives import TeachingPlan, read_page, read_plan, served

__all__ = ["Facts", "facts_of", "is_chapter", "read_facts"]

_ROLE = re.compile(r"\{[\w:]+\}`([^`<]*?) *(?:<[^`>]*>)?`")
_NEEDS = re.compile(r"\{ref\}`(?:[^`<]*<)?(ch-[\w-]+)>?`")
_READ = re.compile(r"(\d+)\s*min(?:utes?)?\s*to read")
_DO = re.compile(r"(\d+)\s*min(?:utes?)?\s*(?:to do|to run|for the exercises)")
_WORDS_A_MINUTE = 150


@dataclass(frozen=True)
class Facts:
    """What one chapter tells a teacher; objectives as plain text, minutes to read and to do.

    ``needs`` are chapters that a reader must know, ``helps`` those that are good to know.
    """

    objectives: dict[str, str]
    needs: list[str]
    helps: list[str]
    served: dict[str, list[str]]
    kinds: dict[str, int]
    read: int
    do: int


def is_chapter(docname: str) -> bool:
    """Whether a page is a chapter or a foundation page; an experiments page is part of one."""
    chapters = docname.startswith(("notebooks/", "book/foundations/"))
    return chapters and not docname.endswith("_experiments")


def read_facts(root: Path, docname: str) -> Facts:
    """Read one chapter's page and quiz."""
    part, name = docname.split("/")[1:3]
    quiz = root / "paralg" / part / name / "teaching" / "quiz.json"
    items = json.loads(quiz.read_text(encoding="utf-8")) if quiz.exists() else []
    page = next(path for path in map((root / docname).with_suffix, (".ipynb", ".md"))
                if path.exists())  # fmt: skip
    return facts_of(read_plan(read_page(page), name, items))


def facts_of(plan: TeachingPlan) -> Facts:
    """Turn a teaching plan into the facts of a table."""
    needed, _, helpful = plan.box.partition("**Helps**")
    minutes = sum(exercise.minutes for exercise in plan.exercises)
    read, do = (re.search(pattern, plan.box) for pattern in (_READ, _DO))
    return Facts(
        objectives={name: _plain(text) for name, text in plan.objectives.items()},
        needs=_chapters(needed),
        helps=_chapters(helpful),
        served=served(plan),
        kinds=Counter(exercise.kind for exercise in plan.exercises if exercise.kind),
        read=int(read[1]) if read else round(len(plan.page.words.split()) / _WORDS_A_MINUTE),
        do=int(do[1]) if do else minutes,
    )


def _chapters(text: str) -> list[str]:
    return list(dict.fromkeys(_NEEDS.findall(text)))


def _plain(text: str) -> str:
    """Drop the marks of emphasis, mathematics and roles."""
    return re.sub(r"[*$`]", "", _ROLE.sub(r"\1", text))
