"""What all benchmarks share: rows, the results file, the table, the command line."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from paralg.core.timing import Timings

PATH = Path(__file__).parents[2] / "benchmarks" / "_common.py"
spec = importlib.util.spec_from_file_location("benchmark_common", PATH)
common = importlib.util.module_from_spec(spec)
spec.loader.exec_module(common)


def rows(quick=False):
    """Compare one and two seconds."""
    seconds = {"ours": np.array([1.0, 1.0]), "peer": np.array([2.0, 4.0])}
    return common.rows_of(Timings(seconds, 1), "scan", 8, "ours", {"peer": "float32"})


def test_rows_have_the_columns_and_the_ratio_of_ours():
    ours, peer = rows()
    assert tuple(ours) == common.COLUMNS
    assert (ours["ratio"], peer["ratio"]) == (1, 3)
    assert (peer["low"], peer["seconds"], peer["high"], peer["note"]) == (2.5, 3, 3.5, "float32")


def test_results_are_written_whole_with_the_environment(tmp_path):
    path = common.write("demo", rows(), folder=tmp_path)
    record = json.loads(path.read_text())
    assert record["name"] == "demo"
    assert record["rows"] == rows()
    assert record["environment"]["packages"]["numpy"] == np.__version__
    assert list(tmp_path.iterdir()) == [path]


def test_rows_that_are_none_are_refused(tmp_path):
    with pytest.raises(ValueError, match="expected rows for demo, got none"):
        common.write("demo", [], folder=tmp_path)
    with pytest.raises(ValueError, match="a row must have the keys"):
        common.write("demo", [{"bench": "scan"}], folder=tmp_path)


def test_the_table_keeps_numbers_readable():
    text = common.table([*rows(), common.row("scan", 9, "none", None, note="does not fit"),
                         common.row("scan", 9, "fast", 2.5e-6, 1e-3, 2.0)])  # fmt: skip
    lines = text.splitlines()
    assert lines[0].split() == ["bench", "size", "method", "median", "quartiles", "ours", "is",
                                "note"]  # fmt: skip
    assert "3 s" in lines[2]
    assert "3x" in lines[2]
    assert "—" in lines[3]
    assert "2.5 µs" in lines[4]
    assert "1 ms–2 s" in lines[4]


def test_the_command_line_prints_and_writes_only_full_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(common, "write", lambda name, rows: tmp_path / name)
    common.main(rows, "demo", ["--quick"])
    quick = capsys.readouterr()
    assert "ours" in quick.out
    assert quick.err == ""
    common.main(rows, "demo", [])
    assert "written to" in capsys.readouterr().err
