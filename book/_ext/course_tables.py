"""Sphinx extension: what a teacher needs to see across chapters, collected from the chapters.

``{course-objectives}``, ``{course-hours}`` and ``{course-graph}`` show what :mod:`course_facts`
reads on every page: nothing on the teaching page is written by hand that a chapter knows.
"""

from __future__ import annotations

from pathlib import Path

from claims_store import reading_order
from course_facts import Facts, is_chapter, read_facts
from docutils import nodes
from prerequisite_graph import draw_graph
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from tables import cell, row, table


class course_part(nodes.General, nodes.Element):
    """Stands for a table or graph until every page is read."""


def collect(app, doctree) -> None:
    """Read a chapter."""
    docname = app.env.docname
    if is_chapter(docname):
        app.env.paralg_course[docname] = read_facts(Path(app.srcdir), docname)


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

    def _pages(self) -> dict[str, Facts]:
        known = self.env.paralg_course
        return {name: known[name] for name in reading_order(self.env) if name in known}

    def _objectives(self, pages: dict[str, Facts]) -> list[nodes.Node]:
        rows = []
        for docname, page in pages.items():
            if not page.objectives:
                continue
            rows.append(row([cell(self._link(docname), morecols=2)], classes=["paralg-chapter"]))
            for name, text in page.objectives.items():
                served = _joined([self._item(docname, i) for i in page.served.get(name, [])])
                rows.append(row([name, text, served or "nothing"]))
        head = "Id", "After this a reader can", "Served by"
        return [table(head, rows, "paralg-objectives")]

    def _item(self, docname: str, item: str) -> nodes.reference:
        """A link to an exercise or a quiz item, named by what its label adds to the chapter's."""
        uri = self.app.builder.get_relative_uri(self.env.docname, docname)
        chapter = docname.rpartition("/")[2].replace("_", "-")
        name = item.replace("quiz-", "quiz ", 1).replace("ex-", "", 1).replace(f"{chapter}-", "", 1)
        text = name.replace("-", " ").replace("quiz ", "quiz\N{NO-BREAK SPACE}")
        return nodes.reference("", text, internal=True, refuri=f"{uri}#{item}")

    def _hours(self, pages: dict[str, Facts]) -> list[nodes.Node]:
        rows = []
        for docname, page in pages.items():
            kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(page.kinds.items())) or "none"
            rows.append(row([self._link(docname), f"{page.read}", f"{page.do or '—'}", kinds]))
        total = [sum(p.read for p in pages.values()), sum(p.do for p in pages.values())]
        rows.append(row(["Together", f"{total[0]}", f"{total[1]}", ""]))
        return [table(("Chapter", "Minutes to read", "Minutes to do", "Exercises"), rows)]

    def _graph(self, pages: dict[str, Facts]) -> list[nodes.Node]:
        by_label = {_label(name): name for name in pages}
        needs = {
            name: [by_label[label] for label in page.needs if label in by_label]
            for name, page in pages.items()
        }
        titles = {name: self.env.titles[name].astext() for name in pages}
        address = self.app.builder.get_relative_uri
        links = {name: address(self.env.docname, name) for name in pages}
        picture = nodes.raw("", draw_graph(needs, titles, links), format="html")
        rows = [
            row([self._link(name), _joined([self._link(n) for n in before]) or "nothing before it"])
            for name, before in needs.items()
        ]
        return [picture, table(("Chapter", "Needs"), rows)]

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
