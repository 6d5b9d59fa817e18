"""What every benchmark needs: rows, the environment they were taken in, a table, a command line."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from paralg.core.timing import Timings
from paralg.teach.chapters import find

__all__ = [
    "COLUMNS", "RESULTS", "Standard", "environment", "main", "read", "row", "rows_of", "table",
    "write",
]  # fmt: skip

RESULTS = Path(__file__).parent / "results"

COLUMNS = ("bench", "size", "method", "seconds", "low", "high", "ratio", "note")

PACKAGES = ("numpy", "scipy", "numba", "torch", "mambapy", "networkx", "scikit-network", "igraph",
            "mpi4py", "distributed", "transformers")  # fmt: skip


@dataclass(frozen=True)
class Standard:
    """What of a benchmark is the chapter's standard speed-up (`paralg.figures.speedups`).

    Parameters
    ----------
    chapter : str
        The chapter's module name.
    task, size_name, counted_name : str
        Words of the figure.
    bench, ours, peer : str
        Table, and two of its methods.  Where the table's name changes with the size, ``{size}``
        holds the size's place in it.  Where ``ours`` holds ``{size}``, the axis is the number that
        stands there in the methods' names, and the peer's row is the same for all.
    counted : callable (size) -> float
        Ratio of exact counts, peer or sequential method over ours.
    headline : int
        The size that stands for the chapter; it must be in the table.
    names : dict of str to str, optional
        What the figure calls methods, where the table's word is too short.
    """

    chapter: str
    task: str
    bench: str
    ours: str
    peer: str
    size_name: str
    counted: Callable[[int], float]
    counted_name: str
    headline: int
    names: dict[str, str] | None = None

    def record(self, rows: list[dict], environment: dict) -> dict:
        """Return the record that rows make; ValueError if a method or the headline is missing."""
        taken = {(one["size"], one["method"]): one for one in rows
                 if one["bench"] == self.bench.replace("{size}", str(one["size"]))
                 and one["seconds"] is not None}  # fmt: skip
        pairs = {place: (taken[size, self.peer], one) for (size, method), one in taken.items()
                 if (place := self._place(size, method)) is not None
                 and (size, self.peer) in taken}  # fmt: skip
        if self.headline not in pairs:
            raise ValueError(
                f"expected rows of {self.ours!r} and {self.peer!r} in {self.bench!r} at "
                f"{self.headline}; got sizes {sorted(pairs)}"
            )
        sizes, names = sorted(pairs), self.names or {}

        def over(above: str, below: str) -> list[float]:
            ratios = (pairs[size][0][above] / pairs[size][1][below] for size in sizes)
            return [float(f"{ratio:.4g}") for ratio in ratios]

        cores = f"{environment['cores']} cores"
        return {
            "chapter": self.chapter.replace("_", "-"), "task": self.task,
            "ours": names.get(self.ours, self.ours), "peer": names.get(self.peer, self.peer),
            "size_name": self.size_name, "sizes": sizes,
            "counted": [float(f"{self.counted(size):.4g}") for size in sizes],
            "counted_name": self.counted_name, "measured": over("ratio", "ratio"),
            "low": over("low", "high"), "high": over("high", "low"), "headline": self.headline,
            "machine": f"{cores} of {environment['processor']}",
        }  # fmt: skip

    def _place(self, size, method: str):
        """Return where on the axis a row of ours belongs; None for the rows of other methods."""
        before, inside, after = self.ours.partition("{size}")
        if not inside:
            return size if method == self.ours else None
        number = method.removeprefix(before).removesuffix(after)
        return int(number) if before + number + after == method and number.isdigit() else None


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
    return _write_whole(folder / f"{name}.json", json.dumps(record, indent=1, default=float))


def _write_whole(path: Path, text: str) -> Path:
    partial = path.with_suffix(".part")
    partial.write_text(f"{text}\n", encoding="utf-8")
    return partial.replace(path)


def table(rows: list[dict]) -> str:
    """Return the rows as text, in columns."""
    head = ("bench", "size", "method", "median", "quartiles", "ours is", "note")
    cells = [head, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def read(name: str, folder: Path = RESULTS) -> dict:
    """Return what ``results/<name>.json`` has; FileNotFoundError if it has not been taken."""
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))


def keep(standard: Standard, taken: dict) -> Path:
    """Write the standard speed-up beside its chapter's questions, whole or not at all."""
    path = find(standard.chapter).teaching / "speedup.json"
    record = standard.record(taken["rows"], taken["environment"])
    return _write_whole(path, json.dumps(record, indent=1, ensure_ascii=False))


def main(
    run: Callable[[bool], list[dict]],
    name: str,
    argv: list[str] | None = None,
    standard: Standard | None = None,
) -> None:
    """Run a benchmark from the command line: print its table and write its results.

    Parameters
    ----------
    run : callable
        Takes ``quick`` and returns rows.
    name : str
        Name of the results file.
    argv : list of str, optional
        Arguments instead of the command line's.
    standard : Standard, optional
        What of it is the chapter's standard speed-up.
    """
    parser = argparse.ArgumentParser(description=run.__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; writes no results")
    parser.add_argument(
        "--again", action="store_true",
        help="measure nothing: take the standard speed-up from the results there are",
    )  # fmt: skip
    options = parser.parse_args(argv)
    if not options.again:
        rows = run(options.quick)
        print(table(rows))
        if options.quick:
            return
        print(f"written to {write(name, rows)}", file=sys.stderr)
    if standard is not None:
        print(f"written to {keep(standard, read(name))}", file=sys.stderr)


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
