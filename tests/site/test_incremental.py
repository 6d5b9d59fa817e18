"""An edit in the library reaches its pages, the scoreboard, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.site.conftest import EXTENSIONS

HEAD = "---\njupytext:\n  text_representation:\n    format_name: myst\n---\n\n"
CLAIMS = """
import sys; sys.path.insert(0, ".")
from paralg import {half}
from IPython.display import display
row = {{"what": "{half}", "ours": {half}.NAME, "verdict": "reproduced", "why": "x",
       "headline": True}}
table = {{"chapter": "{half}", "rows": [row]}}
display({{"application/vnd.paralg.claims+json": table, "text/plain": row["ours"]}}, raw=True)
"""
NAMES = ["myst_nb", "execution", "claims_store", "scoreboard"]
EXTENSIONS_AND_KILL = ",".join([*NAMES, "kill"])
CONF = f"""
import sys
sys.modules["rfc3987_syntax"] = None
sys.path.append({str(EXTENSIONS)!r})
extensions = {NAMES}
html_theme = "basic"
exclude_patterns = ["_build"]
"""


@pytest.fixture
def project(tmp_path):
    """Two pages, each with a module of its own, and a scoreboard."""
    (tmp_path / "paralg").mkdir()
    (tmp_path / "paralg/__init__.py").write_text("")
    for half in ("left", "right"):
        (tmp_path / f"paralg/{half}.py").write_text(f'NAME = "old {half}"\n')
        code = f"```{{code-cell}}\n{CLAIMS.format(half=half)}```\n"
        (tmp_path / f"{half}.md").write_text(f"{HEAD}# {half}\n\n{code}")
    pages = "```{toctree}\nleft\nright\nboard\n```\n"
    (tmp_path / "index.md").write_text(f"# Home\n\n{pages}")
    (tmp_path / "board.md").write_text("# Board\n\n```{scoreboard}\n```\n")
    (tmp_path / "conf.py").write_text(CONF)
    return tmp_path


def build(project) -> dict[str, str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", str(project)]
    command.append(str(project / "_build/html"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {p.stem: p.read_text("utf-8") for p in (project / "_build/html").glob("*.html")}


@pytest.mark.timeout(300)
def test_an_edit_reaches_its_page_and_the_scoreboard_and_nothing_else(project):
    first = build(project)
    assert "old left" in first["left"]
    assert "old left" in first["board"]
    (project / "paralg/left.py").write_text('NAME = "new left"\n')
    written = project / "_build/html/right.html"
    before = written.stat().st_mtime_ns
    second = build(project)
    assert "new left" in second["left"]
    assert "old left" not in second["left"]
    assert "new left" in second["board"]
    assert "old right" in second["board"]
    assert written.stat().st_mtime_ns == before
    unchanged = build(project)
    assert unchanged == second


@pytest.mark.timeout(300)
def test_a_build_that_was_killed_leaves_no_old_page(project):
    build(project)
    (project / "paralg/left.py").write_text('NAME = "new left"\n')
    (project / "paralg/right.py").write_text('NAME = "new right"\n')
    kill = "import os\ndef setup(app): app.connect('html-page-context', lambda *_: os._exit(9))\n"
    (project / "kill.py").write_text(kill)
    command = [sys.executable, "-m", "sphinx", "-q", "-D", f"extensions={EXTENSIONS_AND_KILL}"]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run([*command, str(project), str(project / "_build/html")], env=environment)
    assert done.returncode == 9
    pages = build(project)
    assert [half in pages[half] for half in ("left", "right")] == [True, True]
    assert all(f"new {half}" in pages[half] for half in ("left", "right"))


@pytest.mark.timeout(300)
def test_a_cell_that_fails_stops_the_build_and_shows_itself(project):
    (project / "paralg/left.py").write_text("NAME = 1 / 0\n")
    command = [sys.executable, "-m", "sphinx", "-q", str(project), str(project / "_build/html")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert "left.md, cell 1" in done.stderr
    assert "ZeroDivisionError" in done.stderr
