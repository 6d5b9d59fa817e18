"""Sphinx extension: what the site draws: quizzes; on executed pages explorers, checks, speed-ups.

The directive ``{quiz} <chapter>`` shows the questions of a chapter, as notebooks show them, and
``{explorer} <chapter>`` its interactive figure.  The outputs of executed pages name what is to be
drawn (`paralg.core.static`); it is drawn here, with the scripts, styles and questions there are
now.  The HTML of a quiz is `paralg.teach.quiz_html.render_quiz`; other builders get questions and
answers as plain lists.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from paralg.core.static import DRAWN
from paralg.teach.chapters import find
from paralg.teach.quiz_html import has_math, render_quiz
from paralg.teach.quizzes import load_quiz, quiz
from paralg.teach.verdict import unanswered


class QuizDirective(SphinxDirective):
    """Show ``quiz.json`` of the chapter named in the argument."""

    required_arguments = 1
    has_content = False

    def run(self):
        """Return the raw HTML and a plain alternative, or one error with file and line."""
        try:
            chapter = find(self.arguments[0].strip())
            path = chapter.teaching / "quiz.json"
            self.env.note_dependency(str(path))
            items = load_quiz(path, chapter.slug)
        except (KeyError, ValueError, FileNotFoundError) as error:
            raise self.error(f"quiz: {error.args[0]}") from None
        return [_html_only(items, chapter.slug), _plain_only(items)]


class ExplorerDirective(SphinxDirective):
    """Show the interactive figure of the chapter named in the argument, on a page without cells."""

    required_arguments = 1
    has_content = False

    def run(self):
        """Return the figure for HTML, and nothing for other builders."""
        try:
            module = f"{find(self.arguments[0].strip()).module}.teaching.explorer"
        except KeyError as error:
            raise self.error(f"explorer: {error.args[0]}") from None
        store = self.env.app.paralg_store
        self.env.paralg_explorers.setdefault(self.env.docname, {})[module] = (
            store.module_key(module)
        )
        node = addnodes.only(expr="html")
        node += nodes.raw("", draw_explorer(store, module), format="html")
        return [node]


def prepare(app) -> None:
    """Give the environment the explorers that pages without cells show."""
    if not hasattr(app.env, "paralg_explorers"):
        app.env.paralg_explorers = {}


def stale_pages(app, env, added, changed, removed) -> list[str]:
    """Pages whose explorers would be drawn otherwise now."""
    key = app.paralg_store.module_key
    return [page for page, modules in env.paralg_explorers.items()
            if any(key(module) != known for module, known in modules.items())]  # fmt: skip


def forget(app, env, docname: str) -> None:
    """Drop what is known of a page that is read anew or gone."""
    env.paralg_explorers.pop(docname, None)


def draw_outputs(app, docname: str, notebook) -> None:
    """Replace the names of explorers, quizzes and checks in outputs by their HTML."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            what = output.get("data", {}).pop(DRAWN, None)
            if what is not None:
                output["data"]["text/html"] = draw(app, **what)
                if what["kind"] != "check":  # the call says nothing that the drawing does not
                    cell.metadata["tags"] = [*cell.metadata.get("tags", []), "remove-input"]


def draw(app, kind: str, **what: str) -> str:
    """HTML of one thing that an output names."""
    if kind == "quiz":
        return quiz(what["chapter"]).html
    if kind == "speedup":
        return draw_speedup(what["chapter"])
    if kind == "check":
        return unanswered(what["exercise"]).html
    return draw_explorer(app.paralg_store, what["module"])


def draw_speedup(chapter: str) -> str:
    """HTML of the standard figure of a chapter."""
    from paralg.figures import recorded_speedup

    with book_style():
        return recorded_speedup(chapter).html


@contextmanager
def book_style() -> Iterator[None]:
    """Draw in the book's style, and leave matplotlib as it was."""
    import matplotlib

    from paralg.figures.style import use

    with matplotlib.rc_context():
        use()
        yield


def draw_explorer(store, module: str) -> str:
    """HTML of the explorer of a module, drawn once for each state of the code it depends on."""
    kept = Path(store.root) / "_build" / "drawn" / f"{store.module_key(module)}.html"
    if not kept.is_file():
        with book_style():
            text = importlib.import_module(module).explorer().html
        kept.parent.mkdir(parents=True, exist_ok=True)
        scratch = kept.with_suffix(f".{os.getpid()}.part")
        scratch.write_text(text, encoding="utf-8")
        os.replace(scratch, kept)  # whole or not at all
    return kept.read_text(encoding="utf-8")


def _html_only(items, name: str):
    node = addnodes.only(expr="html")
    node += nodes.raw("", render_quiz(items, name=name), format="html", quiz_math=has_math(items))
    return node


def want_math(app, pagename, templatename, context, doctree) -> None:
    """Make a page load MathJax although its only formulas may be in the quiz."""
    if doctree and any(raw.get("quiz_math") for raw in doctree.findall(nodes.raw)):
        app.env.get_domain("math").data["has_equations"][pagename] = True


def _plain_only(items):
    """Return the questions as a list that only builders other than HTML keep."""
    node = addnodes.only(expr="not html")
    listing = nodes.enumerated_list()
    for item in items:
        listing += _plain_question(item)
    node += listing
    return node


def _plain_question(item):
    entry = nodes.list_item("", nodes.paragraph(text=_plain(item["question"])))
    choices = nodes.bullet_list()
    for answer in item["answers"]:
        mark = "✓" if answer.get("correct") else "✗"
        words = answer.get("answer", answer.get("value", answer.get("range", "any other")))
        text = f"{mark} {_plain(str(words))} — {_plain(answer['feedback'])}"
        choices += nodes.list_item("", nodes.paragraph(text=text))
    entry += choices
    return entry


def _plain(text: str) -> str:
    return re.sub(r"[$`]", "", text)


def setup(app):
    """Register both directives."""
    app.setup_extension("execution")
    app.connect("builder-inited", prepare)
    app.connect("env-get-outdated", stale_pages)
    app.connect("env-purge-doc", forget)
    app.add_directive("explorer", ExplorerDirective)
    app.connect("paralg-executed", draw_outputs)
    app.add_directive("quiz", QuizDirective)
    app.connect("html-page-context", want_math, priority=400)  # before MathJax decides, at 500
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
