"""Sphinx extension: what a teacher needs to see across chapters, collected from the chapters.

From the opening box of a page: the objectives (list items that start with **mamba.1**), the
stated minutes, and the prerequisites (references to other chapters).  From its exercises: which
objective they serve, kind and minutes.  From ``quiz.json``: which objective each item serves.
``{course-objectives}``, ``{course-hours}`` and ``{course-graph}`` show them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from claims_store import reading_order
from docutils import nodes
from prerequisite_graph import draw_graph
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, exercise_subtitle

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


class course_part(nodes.General, nodes.Element):
    """Stands for a table or graph until every page is read."""


def is_chapter(docname: str) -> bool:
    """Whether a page is a chapter or a foundation page."""
    return docname.startswith(("notebooks/", "book/foundations/"))


def collect(app, doctree) -> None:
    """Read one chapter's opening box, exercises and quiz."""
    docname = app.env.docname
    if not is_chapter(docname):
        return
    page = Page()
    for box in _opening_boxes(doctree):
        _read_box(page, box)
    for title in _exercise_titles(doctree):
        _read_exercise(page, title)
    _read_quiz(page, Path(app.srcdir), docname)
    page.read = page.read or round(len(doctree.astext().split()) / _WORDS_A_MINUTE)
    app.env.paralg_course[docname] = page


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


def _read_exercise(page: Page, exercise: tuple[str, str]) -> None:
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
    path = root / "paralg" / part / name / "quiz.json"
    if path.is_file():
        for item in json.loads(path.read_text(encoding="utf-8")):
            for objective in re.split(r"[,\s]+", item.get("objective", "")):
                page.served.setdefault(objective, []).append(item.get("id", "quiz"))


class _Course(SphinxDirective):
    kind = ""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        self.env.paralg_course_pages.add(self.env.docname)
        return [course_part(kind=self.kind)]


class Objectives(_Course):
    """Every objective and what serves it."""

    kind = "objectives"


class Hours(_Course):
    """Minutes and exercises of every chapter."""

    kind = "hours"


class Graph(_Course):
    """Which chapter needs which."""

    kind = "graph"


class FillCourse(SphinxPostTransform):
    """Replace the placeholders."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Fill every placeholder of the page."""
        for node in list(self.document.findall(course_part)):
            pages = self._pages()
            if pages:
                node.replace_self(getattr(self, f"_{node['kind']}")(pages))
            else:
                node.replace_self(nodes.paragraph(text="No chapter is in this build."))

    def _pages(self) -> dict[str, Page]:
        known = self.env.paralg_course
        return {name: known[name] for name in reading_order(self.env) if name in known}

    def _objectives(self, pages: dict[str, Page]) -> list[nodes.Node]:
        rows = []
        for docname, page in pages.items():
            for name, text in page.objectives.items():
                served = len(page.served.get(name, []))
                rows.append([name, text, self._link(docname), f"{served}"])
        return [_make_table(("Id", "After this a reader can", "Chapter", "Items"), rows)]

    def _hours(self, pages: dict[str, Page]) -> list[nodes.Node]:
        rows = []
        for docname, page in pages.items():
            kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(page.kinds.items())) or "none"
            rows.append([self._link(docname), f"{page.read}", f"{page.do or '—'}", kinds])
        total = [sum(p.read for p in pages.values()), sum(p.do for p in pages.values())]
        rows.append(["Together", f"{total[0]}", f"{total[1]}", ""])
        return [_make_table(("Chapter", "Minutes to read", "Minutes to do", "Exercises"), rows)]

    def _graph(self, pages: dict[str, Page]) -> list[nodes.Node]:
        by_label = {_label(name): name for name in pages}
        needs = {
            name: [by_label[label] for label in page.needs if label in by_label]
            for name, page in pages.items()
        }
        titles = {name: self.env.titles[name].astext() for name in pages}
        picture = nodes.raw("", draw_graph(needs, titles), format="html")
        rows = [
            [self._link(name), _joined([self._link(n) for n in before]) or "nothing before it"]
            for name, before in needs.items()
        ]
        return [picture, _make_table(("Chapter", "Needs"), rows)]

    def _link(self, docname: str) -> nodes.reference:
        uri = self.app.builder.get_relative_uri(self.env.docname, docname)
        title = self.env.titles[docname].astext()
        return nodes.reference("", title, internal=True, refuri=uri)


def _label(docname: str) -> str:
    return "ch-" + docname.rpartition("/")[2].replace("_", "-")


def _joined(links: list[nodes.Node]) -> list[nodes.Node]:
    out: list[nodes.Node] = []
    for link in links:
        out += [nodes.Text(", "), link] if out else [link]
    return out


def _make_table(head: tuple[str, ...], rows: list[list]) -> nodes.table:
    made = nodes.table(classes=["paralg-table"])
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1, stub=int(i == 0)) for i in range(len(head))]
    body = nodes.tbody("", *[nodes.row("", *map(_cell, row)) for row in rows])
    group += [nodes.thead("", nodes.row("", *map(_cell, head))), body]
    made += group
    return made


def _cell(content) -> nodes.entry:
    if isinstance(content, str):
        content = nodes.Text(content)
    inner = content if isinstance(content, list) else [content]
    return nodes.entry("", nodes.paragraph("", "", *inner))


def prepare(app) -> None:
    """Give the environment what was collected."""
    for name, empty in (("paralg_course", {}), ("paralg_course_pages", set())):
        if not hasattr(app.env, name):
            setattr(app.env, name, empty)


def forget(app, env, docname: str) -> None:
    """Drop a page that is read anew or gone."""
    env.paralg_course.pop(docname, None)
    env.paralg_course_pages.discard(docname)


def rewrite(app, env) -> list[str]:
    """Write the course pages at every build in which something was read."""
    return sorted(env.paralg_course_pages & set(env.found_docs))


def setup(app):
    """Register the extension."""
    app.setup_extension("claims_store")
    app.add_node(course_part)
    app.add_directive("course-objectives", Objectives)
    app.add_directive("course-hours", Hours)
    app.add_directive("course-graph", Graph)
    app.add_post_transform(FillCourse)
    app.connect("builder-inited", prepare)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", rewrite)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
