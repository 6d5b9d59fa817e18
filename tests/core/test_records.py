"""Shipped records: read, made again, refused; the chapters' are whole and used by a page."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from paralg.core.records import Records
from tests import cost

PARTS = [cost.ROOT / "paralg" / part for part in cost.PARTS]
PLACES = [*(chapter / "experiments" for chapter in cost.chapters()), *PARTS]
MODULES = [path for place in PLACES if (path := place / "records.py").exists()]


def of(path: Path) -> Records:
    name = ".".join(path.relative_to(cost.ROOT).with_suffix("").parts)
    return importlib.import_module(name).records


def owner(path: Path) -> str:
    """The chapter, or the part whose pages of book/ read the records."""
    return path.parts[-2 if path.parent in PARTS else -3]


def pages(path: Path) -> list[Path]:
    if path.parent in PARTS:
        return sorted((cost.ROOT / "book").glob(f"{owner(path)}_*.md"))
    return cost.notebooks(path.parents[1])


SHIPPED = [pytest.param(path, name, id=f"{owner(path)}-{name}")
           for path in MODULES for name in of(path).makers]  # fmt: skip


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "records", {"a": lambda: {"x": (1, 2)}, "b": lambda: [3]})


def test_a_record_is_read_as_it_would_be_made(records, capsys, monkeypatch):
    records.main([])
    assert capsys.readouterr().out == "a: made\nb: made\n"
    assert records.read("a") == records.make("a") == {"x": [1, 2]}
    assert records.read("b") == [3]
    (records.folder / "b.json").write_text("[4]")
    assert records.read("b") == [4]
    monkeypatch.setenv("PARALG_SCALE", "full")
    assert records.read("b") == [3]
    assert sorted(path.name for path in records.folder.iterdir()) == ["a.json", "b.json"]


def test_unknown_and_missing_records_are_refused(records):
    with pytest.raises(ValueError, match="expected one of a, b, got 'c'"):
        records.read("c")
    with pytest.raises(ValueError, match="expected one of a, b, got 'c'"):
        records.main(["a", "c"])
    assert not records.folder.exists(), "nothing is made when one name is wrong"
    with pytest.raises(FileNotFoundError, match="a.json is missing"):
        records.read("a")


@pytest.mark.parametrize("path", MODULES, ids=owner)
def test_a_chapter_ships_its_records_and_its_pages_read_them(path):
    records = of(path)
    assert {file.stem for file in records.folder.iterdir()} == set(records.makers)
    teaching = (path.parents[1] / "teaching").glob("*.py")
    code = "".join(page.read_text() for page in (*pages(path), *teaching)).replace('\\"', '"')
    for name in records.makers:
        assert f'read("{name}")' in code, f"neither a page nor its explorer reads {name}"


@pytest.mark.weekly
@pytest.mark.parametrize(("path", "name"), SHIPPED)
def test_a_record_made_again_is_the_shipped_one(path, name):
    module = ".".join(path.relative_to(cost.ROOT).with_suffix("").parts)
    code = f"import json; from {module} import records; print(json.dumps(records.make({name!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert close(json.loads(done.stdout.splitlines()[-1]), of(path).read(name))


def close(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(close(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(close, a, b))
    return a == b if isinstance(a, str) or a is None else a == pytest.approx(b, rel=1e-3)
