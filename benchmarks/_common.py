"""What every benchmark needs: rows, the environment they were taken in, a table, a command line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from paralg.core.timing import Timings

__all__ = ["COLUMNS", "RESULTS", "environment", "main", "row", "rows_of", "table", "write"]

RESULTS = Path(__file__).parent / "results"

COLUMNS = ("bench", "size", "method", "seconds", "low", "high", "ratio", "note")

PACKAGES = ("numpy", "scipy", "numba", "torch", "mambapy", "networkx", "scikit-network", "igraph",
            "mpi4py", "distributed")  # fmt: skip


def row(bench, size, method, seconds, low=None, high=None, ratio=None, note="") -> dict:
    """Return one row of a benchmark.

    Parameters
    ----------
    bench : str
        What is computed.
    size : int or str
        How large the input is.
    method : str
        Who computes it.
    seconds, low, high : float, seconds
        Median and quartiles.
    ratio : float, optional
        Seconds of ours over seconds of the peer inverted: above 1, ours is that much faster.
    note : str
        Accuracy, or the reason of a loss.
    """
    return dict(zip(COLUMNS, (bench, size, method, seconds, low, high, ratio, note), strict=True))


def rows_of(timings: Timings, bench: str, size, ours: str, notes: dict | None = None) -> list[dict]:
    """Return a row for each method of ``timings``; ``ratio`` is how much faster ``ours`` is."""
    notes = notes or {}
    rows = []
    for name, seconds in timings.median.items():
        low, high = timings.quartiles[name]
        ratio = timings.ratio(name, ours).median
        rows.append(row(bench, size, name, seconds, low, high, ratio, notes.get(name, "")))
    return rows


def environment() -> dict:
    """Return what the numbers depend on: interpreter, processor, cores, load, versions."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def write(name: str, rows: list[dict], *, quick: bool = False, folder: Path = RESULTS) -> Path:
    """Write ``rows`` and the environment to ``results/<name>.json``, whole or not at all.

    Raises
    ------
    ValueError
        There are no rows, or a row's keys differ from ``COLUMNS``.
    """
    if not rows:
        raise ValueError(f"expected rows for {name}, got none")
    for entry in rows:
        if tuple(entry) != COLUMNS:
            raise ValueError(f"a row must have the keys {COLUMNS}, got {tuple(entry)}")
    record = {"name": name, "quick": quick, "environment": environment(), "rows": rows}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(record, indent=1, default=float) + "\n", encoding="utf-8")
    partial.replace(path)
    return path


def table(rows: list[dict]) -> str:
    """Return the rows as text, in columns."""
    head = ("bench", "size", "method", "median", "quartiles", "ours is", "note")
    cells = [head, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def main(run: Callable[[bool], list[dict]], name: str, argv: list[str] | None = None) -> None:
    """Run a benchmark from the command line: print its table and write its results.

    Parameters
    ----------
    run : callable
        Takes ``quick`` and returns rows.
    name : str
        Name of the results file.
    argv : list of str, optional
        Arguments instead of the command line's.
    """
    parser = argparse.ArgumentParser(description=run.__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; writes no results")
    quick = parser.parse_args(argv).quick
    rows = run(quick)
    print(table(rows))
    if not quick:
        print(f"written to {write(name, rows)}", file=sys.stderr)


def _cells(entry: dict) -> tuple[str, ...]:
    spread = "" if entry["low"] is None else f"{_time(entry['low'])}–{_time(entry['high'])}"
    ratio = "" if entry["ratio"] is None else f"{entry['ratio']:.3g}x"
    return (entry["bench"], str(entry["size"]), entry["method"], _time(entry["seconds"]), spread,
            ratio, entry["note"])  # fmt: skip


def _time(seconds: float | None) -> str:
    """Return seconds in the unit that keeps the number readable."""
    if seconds is None:
        return "—"
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Return the processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
