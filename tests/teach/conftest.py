"""Fixtures of the teaching tests: a browser, and a chapter made for the test."""

import textwrap

import pytest

from paralg.teach import chapters
from tests.figures.web import open_page

__all__ = ["open_page"]


@pytest.fixture
def chapter(tmp_path, monkeypatch):
    """Return a function that writes a chapter ``paralg.rounds.<name>`` seen by this test only."""
    import paralg.rounds

    known = chapters.find_all()

    def write(name, checks="", quiz=None):
        folder = tmp_path / "rounds" / name
        room = folder / "teaching"
        room.mkdir(parents=True)
        (folder / "__init__.py").write_text(f'"""Chapter {name}."""\n')
        (room / "__init__.py").touch()
        (room / "checks.py").write_text(textwrap.dedent(checks))
        if quiz is not None:
            (room / "quiz.json").write_text(quiz)
        known[name] = chapters.Chapter(name, "rounds", folder)
        monkeypatch.setattr(chapters, "find_all", lambda: known)
        monkeypatch.setattr(
            paralg.rounds, "__path__", [str(tmp_path / "rounds"), *paralg.rounds.__path__]
        )
        return known[name]

    yield write
    import sys

    for name in [n for n in sys.modules if n.startswith("paralg.rounds.") and "sample" in n]:
        del sys.modules[name]
