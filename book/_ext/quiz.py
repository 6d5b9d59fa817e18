"""Sphinx directive ``{quiz} <chapter>``: the questions of a chapter, as notebooks show them.

The HTML is `paralg.teach.quiz_html.render_quiz`; other builders get the questions and the answers
as two plain lists.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from paralg.teach.chapters import find
from paralg.teach.quiz_html import has_math, render_quiz
from paralg.teach.quizzes import load_quiz


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
    """Register the directive."""
    app.add_directive("quiz", QuizDirective)
    app.connect("html-page-context", want_math, priority=400)  # before MathJax decides, at 500
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
