"""Every executable page runs clean, and a second execution gives the same numbers and pictures.

Cells with the tag ``timing`` show what a clock said and are the only ones that may differ.
A page that repeated itself is not asked again until its code or the library under it changes
(:mod:`tests.verdicts`); ``make test-all`` asks all.
"""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from notebook_runner import execute  # noqa: E402
from notebook_store import Store, read_notebook  # noqa: E402

from paralg.core.static import DRAWN  # noqa: E402
from tests import verdicts  # noqa: E402

PAGES = sorted(
    path
    for pattern in ("notebooks/*/*.ipynb", "book/**/*.md")
    for path in ROOT.glob(pattern)
    if read_notebook(path) is not None
)
IDS = [path.relative_to(ROOT).as_posix() for path in PAGES]

# What a repetition may change and nobody reads: a memory address.
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


@pytest.fixture(scope="module")
def store():
    return Store(ROOT)


def _shown(cell):
    """Return all that a cell shows, in order: streams and every form of every result.

    A stream reaches the notebook in pieces that depend on the moment; its text does not.
    """
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            before = shown.pop()[1] if shown and shown[-1][0] == output.name else ""
            shown.append((output.name, before + _ADDRESS.sub("0x", output.text)))
        elif "data" in output:
            data = _ADDRESS.sub("0x", json.dumps(output.data, sort_keys=True))
            shown.append((output.output_type, data))
    return shown


def _code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_pages():
    assert {"notebooks/recurrences/mamba.ipynb", "book/foundations/primitives.md"} <= set(IDS)


def check_repetition(path, store):
    notebook = read_notebook(path)
    first = store.obtain(path, notebook).notebook
    second = execute(path, read_notebook(path)).notebook
    cells = zip(_code(notebook), _code(first), _code(second), strict=True)
    for number, (now, a, b) in enumerate(cells):  # a stored page may have the tags of before
        if "timing" not in now.metadata.get("tags", []):
            assert _shown(a) == _shown(b), f"code cell {number} differs:\n{a.source}"


def _name(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_a_second_execution_of_a_changed_page_gives_the_same_numbers(path, store):
    key = store.key(read_notebook(path))
    if not verdicts.passed("repeated", _name(path), key):
        check_repetition(path, store)
        verdicts.note("repeated", _name(path), key)


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_execution_left_no_error_and_no_warning(path, store):
    for cell in _code(store.obtain(path, read_notebook(path)).notebook):
        for output in cell.get("outputs", []):
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"{cell.source}\n{output.text}"


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_the_key_of_a_page_holds_every_file_that_its_processes_opened(path, store):
    """As its execution has recorded them, by an audit hook in the kernel and what it starts."""
    notebook = read_notebook(path)
    executed = store.obtain(path, notebook)
    assert ROOT / "paralg/__init__.py" in executed.opened
    assert store.unknown(notebook, executed) == []


@pytest.mark.parametrize("path", PAGES, ids=IDS)
def test_what_the_site_draws_is_shown_once(path, store):
    """The still of an explorer is part of it, and no second figure under the cell."""
    for cell in _code(store.obtain(path, read_notebook(path)).notebook):
        kinds = [set(output.get("data", {})) for output in cell.get("outputs", [])]
        if any(DRAWN in kind for kind in kinds):
            assert not any("image/svg+xml" in k or "image/png" in k for k in kinds), cell.source
