"""A clean clone of the last commit: what is committed is enough.

The quick test gives the clone this checkout's environment and executed chapters, so it proves that
nothing uncommitted is needed to run them and that no chapter would run differently; the weekly one
builds the clone's site from them, and ``make test-clone`` proves the rest, from nothing.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _clone(target):
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(target)], check=True)
    return target


def _environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST_", "PARALG_"))}


def _dirty():
    out = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return bool(out.stdout.strip())


def _clone_of_what_is_committed(tmp_path):
    if _dirty():
        pytest.skip("this checkout has uncommitted changes, so the clone may rightly differ")
    return _clone(tmp_path / "paralg")


KEYS = """
import sys
from pathlib import Path
sys.path.insert(0, "book/_ext")
from build import pages
from notebook_store import Store, read_notebook
store = Store(Path.cwd())
print({path.name: store.key(nb) for path in pages() if (nb := read_notebook(path)) is not None})
"""


def _keys(root):
    done = subprocess.run(
        [sys.executable, "-c", KEYS], cwd=root, env=_environment() | {"PYTHONPATH": str(root)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ast.literal_eval(done.stdout)


def test_committed_files_run_the_same_chapters(tmp_path):
    """Every page has the same execution key in a clone: nothing uncommitted is part of a result."""
    clone = _clone_of_what_is_committed(tmp_path)
    assert _keys(clone) == _keys(ROOT)


@pytest.mark.weekly
@pytest.mark.site
@pytest.mark.timeout(600)
def test_committed_files_build_the_same_book(tmp_path):
    store = ROOT / "_build" / "execution"
    if not store.is_dir():
        pytest.skip("the book has not been built in this checkout: make book")
    clone = _clone_of_what_is_committed(tmp_path)
    shutil.copytree(store, clone / "_build" / "execution")
    done = subprocess.run(
        [sys.executable, "book/_ext/build.py"],
        cwd=clone, env=_environment() | {"PYTHONPATH": str(clone)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert (clone / "_build" / "html" / "index.html").is_file()


@pytest.mark.clone
@pytest.mark.timeout(5400)
def test_readme_commands_on_a_clean_clone(tmp_path):
    clone = _clone(tmp_path / "paralg")
    readme = (clone / "README.md").read_text()
    commands = re.findall(r"^make (?:book|test)\b[^\n#]*", readme, flags=re.M)[:2]
    assert [c.split()[1] for c in commands] == ["book", "test"]
    for command in commands:
        done = subprocess.run(command.split(), cwd=clone, env=_environment(), check=False)
        assert done.returncode == 0, f"{command} failed on a clean clone"
