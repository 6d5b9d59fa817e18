"""A clean clone of the last commit: what is committed is enough.

The quick test gives the clone this checkout's environment and executed chapters, so it proves that
nothing uncommitted is needed to run them and that no chapter would run differently; the weekly one
builds the clone's site from them, and ``make test-clone`` proves the rest, from nothing.
"""

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


def _built_in_a_clone(tmp_path, *options):
    """Run the build in a clone that has this checkout's executed chapters; no other may appear."""
    store = ROOT / "_build" / "execution"
    if not store.is_dir():
        pytest.skip("the book has not been built in this checkout: make book")
    if _dirty():
        pytest.skip("this checkout has uncommitted changes, so the clone may rightly differ")
    clone = _clone(tmp_path / "paralg")
    shutil.copytree(store, clone / "_build" / "execution")
    before = {path.name for path in store.glob("*.ipynb")}
    done = subprocess.run(
        [sys.executable, "book/_ext/build.py", *options],
        cwd=clone, env=_environment() | {"PYTHONPATH": str(clone)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert {path.name for path in (clone / "_build" / "execution").glob("*.ipynb")} == before, (
        "the clone executed a chapter again: its notebook or library differs from this checkout's"
    )
    return clone


def test_committed_files_run_the_same_chapters(tmp_path):
    notebooks = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*/*.ipynb")]
    _built_in_a_clone(tmp_path, "--only", *sorted(notebooks))


@pytest.mark.weekly
@pytest.mark.site
@pytest.mark.timeout(600)
def test_committed_files_build_the_same_book(tmp_path):
    assert (_built_in_a_clone(tmp_path) / "_build" / "html" / "index.html").is_file()


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
