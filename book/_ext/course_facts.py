"""What one chapter tells a teacher: objectives, prerequisites, minutes, exercises, quiz items.

From the opening box of a page: the objectives (list items that start with **mamba.1**), the
stated minutes, and the prerequisites (references to other chapters).  From its exercises: which
objective they serve, kind and minutes.  From ``quiz.json``: which objective each item serves.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, exercise_subtitle

__all__ = ["Page", "is_chapter", "read_exercise", "read_page"]

_OBJECTIVE = re.compile(r"^([a-z][a-z0-9_-]*\.\d+)$")
_EXERCISE = re.compile(r"\(([^()]*?)(?:,\s*(★+))?(?:,\s*(\d+)\s*min)?;\s*([\w.,\s-]+)\)\s*$")
_READ = re.compile(r"(\d+)\s*min(?:utes?)?\s*to read")
_DO = re.compile(r"(\d+)\s*min(?:utes?)?\s*(?:to do|to run|for the exercises)")
_WORDS_A_MINUTE = 150


@dataclass
class Page:
    """What one chapter tells a teacher."""

    objectives: dict[str, str] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    served: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    read: int = 0
    do: int = 0


def is_chapter(docname: str) -> bool:
    """Whether a page is a chapter or a foundation page."""
    return docname.startswith(("notebooks/", "book/foundations/"))


def read_page(doctree, docname: str, root: Path) -> Page:
    """Read one chapter's opening box, exercises and quiz."""
    page = Page()
    for box in _opening_boxes(doctree):
        _read_box(page, box)
    for title in _exercise_titles(doctree):
        read_exercise(page, title)
    _read_quiz(page, root, docname)
    page.read = page.read or round(len(doctree.astext().split()) / _WORDS_A_MINUTE)
    return page


def _opening_boxes(doctree) -> list[nodes.Element]:
    """Admonitions before the first section inside the page."""
    found = []
    for section in list(doctree.findall(nodes.section))[:1]:
        for child in section.children:
            if isinstance(child, nodes.section):
                break
            found += list(child.findall(nodes.Admonition))
    return found


def _read_box(page: Page, box: nodes.Element) -> None:
    for item in box.findall(nodes.list_item):
        strong = next(iter(item.findall(nodes.strong)), None)
        name = strong.astext().strip() if strong is not None else ""
        if _OBJECTIVE.match(name):
            page.objectives[name] = item.astext().replace(name, "", 1).strip()
    for reference in box.findall(pending_xref):
        target = reference.get("reftarget", "")
        if target.startswith("ch-") and target not in page.needs:
            page.needs.append(target)
    text = " ".join(box.astext().split())
    for pattern, name in ((_READ, "read"), (_DO, "do")):
        match = pattern.search(text)
        if match:
            setattr(page, name, int(match[1]))


def _exercise_titles(doctree) -> list[tuple[str, str]]:
    """Label and title of every exercise."""
    found = []
    for kind in (exercise_node, exercise_enumerable_node):
        for node in doctree.findall(kind):
            subtitle = next(iter(node.findall(exercise_subtitle)), None)
            found.append((node["label"], subtitle.astext() if subtitle is not None else ""))
    return found


def read_exercise(page: Page, exercise: tuple[str, str]) -> None:
    label, title = exercise
    match = _EXERCISE.search(title)
    if not match:
        return
    kind = match[1].split(",")[0].strip()
    page.kinds[kind] = page.kinds.get(kind, 0) + 1
    for objective in re.split(r"[,\s]+", match[4].strip()):
        page.served.setdefault(objective, []).append(label)


def _read_quiz(page: Page, root: Path, docname: str) -> None:
    part, name = docname.split("/")[1:3]
    package = root / "paralg" / part / name
    for path in [*package.glob("quiz.json"), *package.glob("teaching/quiz.json")]:
        for item in json.loads(path.read_text(encoding="utf-8")):
            for objective in re.split(r"[,\s]+", item.get("objective", "")):
                page.served.setdefault(objective, []).append(item.get("id", "quiz"))
