"""The benchmark of the scan compares methods that compute the same thing."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from paralg.core.primitives import ScanResult

ROOT = Path(__file__).parents[2]


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    yield importlib.import_module("benchmarks.bench_scan")
    sys.modules.pop("benchmarks.bench_scan")


def last_component(result):
    """Return the prefixes of any method: ours, a peer's, or a loop's."""
    values = result.values if isinstance(result, ScanResult) else result
    return np.asarray(values[1] if isinstance(values, tuple) else values)


@pytest.mark.parametrize("case", ["_sums", "_recurrences"])
def test_all_methods_agree(bench, case):
    _, ours, methods, notes = getattr(bench, case)(33)
    expected = last_component(methods[ours]())
    for method in methods.values():
        np.testing.assert_allclose(last_component(method()), expected, rtol=1e-12)
    assert set(notes) <= set(methods)


def test_rows_of_a_run(bench, monkeypatch):
    monkeypatch.setattr(bench, "_torch_scan", lambda combine, xs: {})
    monkeypatch.setattr(bench, "_sums", lambda n: ("sum", "ours", {"ours": list}, {}))
    monkeypatch.setattr(bench, "_recurrences", lambda n: ("rec", "ours", {"ours": list}, {}))
    rows = bench.run(quick=True)
    assert [row["bench"] for row in rows] == ["sum", "rec"] * 2
