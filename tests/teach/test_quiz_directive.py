"""The directive ``{quiz}``: the same HTML as in notebooks, one error with a line, a plain list."""

import io
import json
import sys
from pathlib import Path

import pytest

from paralg.teach.quiz_html import render_quiz
from tests.teach.questions import questions

EXT = Path(__file__).resolve().parents[2] / "book" / "_ext"


@pytest.fixture
def build(chapter, tmp_path, monkeypatch):
    """Return a function that builds a page and returns its text, warnings and environment."""
    pytest.importorskip("myst_parser")
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    chapter("sample", quiz=json.dumps(questions()))
    monkeypatch.syspath_prepend(str(EXT))
    source = tmp_path / "source"
    source.mkdir()

    def built(argument, builder="html"):
        (source / "index.md").write_text(f"# Page\n\n```{{quiz}} {argument}\n```\n")
        warnings = io.StringIO()
        settings = {
            "extensions": ["myst_parser", "quiz", "sphinx.ext.mathjax"],
            "root_doc": "index",
        }
        where = [str(source), None, str(tmp_path / builder), str(tmp_path / "trees"), builder]
        with docutils_namespace():
            app = Sphinx(*where, confoverrides=settings, status=None, warning=warnings)
            app.build(force_all=True)
        page = tmp_path / builder / f"index.{'html' if builder == 'html' else 'txt'}"
        return page.read_text(), warnings.getvalue(), app.env

    yield built
    sys.modules.pop("quiz", None)


def test_the_page_holds_the_quiz_and_loads_mathjax(build):
    page, warnings, env = build("sample")
    assert warnings == ""
    assert render_quiz(questions(), name="sample") in page
    assert "mathjax" in page.lower().split("</head>")[0]
    assert any("quiz.json" in name for name in env.dependencies["index"])
    assert "✓ Maximum — In" not in page


def test_other_builders_get_plain_lists(build):
    page, warnings, _ = build("sample", builder="text")
    assert warnings == ""
    assert "✓ Maximum — In any grouping." in page
    assert "<form" not in page


def test_an_unknown_chapter_is_one_error_with_its_line(build):
    _, warnings, _ = build("none")
    assert "index.md:3: ERROR: quiz: no chapter is called 'none'" in warnings
