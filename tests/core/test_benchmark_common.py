"""What all benchmarks share: rows, the results file, the table, the command line."""

import importlib
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from benchmarks import _common as common
from paralg.core.timing import Timings
from paralg.figures import recorded_speedup
from paralg.figures.speedups import RecordedSpeedup

BENCH = {"personalized_pagerank": "pagerank"}  # results that are not named as their script


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


@pytest.mark.parametrize("bench", ["forward", "forward, n = {size}"])
def test_the_standard_speed_up_is_taken_from_the_rows(bench):
    standard = common.Standard(
        chapter="mamba", task="A scan", bench=bench, ours="ours", peer="peer",
        size_name="length", counted=lambda n: n / 8, counted_name="steps over rounds",
        headline=256, names={"peer": "a peer"},
    )  # fmt: skip
    rows = [
        common.row(
            bench.format(size=size), size, method, seconds, 0.9 * seconds, 1.2 * seconds, ratio
        )
        for size in (256, 64)
        for method, seconds, ratio in (("ours", 1.0, 1.0), ("peer", 3.0, 3.1))
    ] + [common.row("backward", 64, "ours", 1.0, 1.0, 1.0, 1.0)]
    rows += [common.row("forward", 512, "ours", 1.0, 1.0, 1.0, 1.0),
             common.row("forward", 512, "peer", None, note="not run")]  # fmt: skip
    record = standard.record(rows, {"cores": 2, "processor": "CPU"})
    one = RecordedSpeedup(**record)
    assert (record["sizes"], record["measured"]) == ([64, 256], [3.1, 3.1])
    assert (record["low"][0], record["high"][0]) == (2.25, 4.0)
    assert one.at_headline == (32.0, 3.1)
    assert (one.number, one.against) == ("3.1×", "3.1× over a peer")
    lost = RecordedSpeedup(**record | {"measured": [0.4, 0.25]})
    assert (lost.number, lost.against) == ("4× slower", "4× slower than a peer")
    assert one.caption == (
        "A scan: ours against a peer. At length = 256: 32× by counting (steps over rounds), 3.1× "
        "in seconds, median, recorded on 2 cores of CPU."
    )
    with pytest.raises(ValueError, match="at 256; got sizes \\[\\]"):
        standard.record(rows[:1], {"cores": 2, "processor": "CPU"})


def test_the_axis_may_stand_in_the_names_of_methods():
    standard = common.Standard(
        chapter="freedave", task="Sums", bench="sums", ours="ours d={size}", peer="peer",
        size_name="drafts d", counted=lambda d: d, counted_name="calls over calls", headline=4,
        names={"ours d={size}": "ours"},
    )  # fmt: skip
    rows = [common.row("sums", "40 prompts", method, 1.0, 0.9, 1.1, ratio)
            for method, ratio in (("peer", 3.0), ("ours d=16", 1.0), ("ours d=4", 2.0),
                                  ("ours d=4, tree", 9.0), ("ours", 9.0))]  # fmt: skip
    record = standard.record(rows, {"cores": 2, "processor": "CPU"})
    assert (record["ours"], record["sizes"], record["measured"]) == ("ours", [4, 16], [1.5, 3.0])
    assert RecordedSpeedup(**record).at_headline == (4, 1.5)
    with pytest.raises(ValueError, match="'ours d={size}' and 'peer' in 'sums' at 4"):
        standard.record(rows[:2], {"cores": 2, "processor": "CPU"})


def test_every_recorded_speed_up_is_that_of_the_results():
    for path in sorted(common.RESULTS.glob("*.json")):
        module = importlib.import_module(f"benchmarks.bench_{BENCH.get(path.stem, path.stem)}")
        standard = getattr(module, "STANDARD", None)
        if standard is None:
            continue
        taken = common.read(path.stem)
        record = standard.record(taken["rows"], taken["environment"])
        kept = recorded_speedup(standard.chapter)
        # iterations until convergence may differ by one where a processor rounds otherwise
        assert record.pop("counted") == pytest.approx(kept.counted, rel=0.01)
        assert RecordedSpeedup(**record, counted=kept.counted) == kept
        figure, ax = plt.subplots()
        recorded_speedup(standard.chapter).draw(ax)
        assert ax.get_xlabel() == standard.size_name
        plt.close(figure)
