"""Badges and their list in a book of two pages; lines between a chapter and its experiments."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import page_chrome
import pytest
from bs4 import BeautifulSoup

from tests.site.conftest import EXTENSIONS

CONF = f"""
import sys
sys.path.append({str(EXTENSIONS)!r})
extensions = ["myst_parser", "unverified"]
myst_enable_extensions = ["attrs_inline", "dollarmath"]
html_theme = "basic"
exclude_patterns = ["_build"]
"""
PAGE = """(home)=
# Claims

The first sentence.
The paper has **seven** rows and $n^2$ of {ref}`them <home>`. [recalled]{.unverified}
More text.

- It *rounds* up [reconstructed]{.unverified}, they say.
"""
LIST = "# Not verified\n\n```{unverified}\n```\n"


def build(folder) -> dict[str, BeautifulSoup]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", str(folder)]
    done = subprocess.run([*command, str(folder / "_build")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pages = {path.stem: path.read_text("utf-8") for path in (folder / "_build").glob("*.html")}
    return {name: BeautifulSoup(text, "html.parser") for name, text in pages.items()}


@pytest.fixture
def folder(tmp_path):
    """A book whose second page lists the badges of the first."""
    (tmp_path / "conf.py").write_text(CONF)
    (tmp_path / "index.md").write_text(f"{PAGE}\n```{{toctree}}\nlist\n```\n")
    (tmp_path / "list.md").write_text(LIST)
    return tmp_path


def test_badges_say_what_they_mean_and_are_listed_with_sentence_and_link(folder):
    pages = build(folder)
    badges = pages["index"].select("span.paralg-unverified")
    assert [badge["title"] for badge in badges] == ["not verified against the paper"] * 2
    assert badges[0].get_text() == "recalled (not verified against the paper)"
    items = pages["list"].select("ul.paralg-unverified-list li")
    texts = [item.get_text(" ", strip=True) for item in items]
    assert texts[0].startswith("The paper has seven rows and")
    assert texts[1] == "It rounds up reconstructed"
    for item, badge in zip(items, badges, strict=True):
        assert item.find_all("a")[-1]["href"] == f"index.html#{badge['id']}"
    (folder / "index.md").write_text("# Claims\n\nNone.\n\n```{toctree}\nlist\n```\n")
    assert "No statement of the book carries a badge now." in build(folder)["list"].get_text()


def test_a_chapter_and_its_experiments_lead_to_each_other():
    chapter, lab = "notebooks/rounds/ring", "notebooks/rounds/ring_experiments"
    env = SimpleNamespace(found_docs={chapter, lab, "notebooks/rounds/lone"})

    def targets(page):
        return [line.children[1]["reftarget"] for line in page_chrome._siblings(env, page)]

    assert targets(chapter) == [f"/{lab}"]
    assert targets(lab) == [f"/{chapter}"]
    assert targets("notebooks/rounds/lone") == []
    assert page_chrome.read_siblings(None, env, {lab}, set(), set()) == [chapter]
