"""Sphinx extension: ``{benchmarks}``, the tables of ``benchmarks/results/*.json``.

One table for each thing measured: rows by input size and method, with the median time, its
spread, and the ratio to our own method taken in the same run.
"""

from __future__ import annotations

import hashlib
import json
from itertools import groupby
from pathlib import Path

import yaml
from claims_store import data_file
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective
from tables import cell, row, table

COLUMNS = ("Size", "Method", "Median", "Quartiles", "Ours is faster by", "Note")
UNITS = (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))


def results(app) -> list[Path]:
    """Result files, sorted by name."""
    return sorted((Path(app.srcdir) / "benchmarks" / "results").glob("*.json"))


def read(path: Path) -> dict:
    """Read one file: a record with ``rows``, or the bare list of rows."""
    record = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(record, list):
        record = {"rows": record}
    return {"name": path.stem, "environment": {}, **record}


class BenchmarksDirective(SphinxDirective):
    """Insert every result, or a sentence that says how to make them."""

    def run(self) -> list[nodes.Node]:
        """Return one section for each result file."""
        self.env.paralg_bench_pages[self.env.docname] = _digest(self.env.app)
        found = [read(path) for path in results(self.env.app)]
        return [self._section(record) for record in found] or [_nothing()]

    def _section(self, record: dict) -> nodes.section:
        slug = f"bench-{record['name'].replace('_', '-')}"
        section = nodes.section(ids=[slug], names=[slug])
        self.state.document.note_explicit_target(section)
        section += nodes.title("", self._title(record["name"]))
        section += self._about(record)
        benches = list(dict.fromkeys(row["bench"] for row in record["rows"]))
        for bench in benches:
            section += nodes.rubric("", bench)
            section += _table([row for row in record["rows"] if row["bench"] == bench])
        return section


    def _title(self, name: str) -> str:
        """The paper's name on the map; of what is no paper, the name of the file."""
        self.env.note_dependency(str(data_file(self.env.app, "papers.yml")))
        text = data_file(self.env.app, "papers.yml").read_text(encoding="utf-8")
        papers = {paper["module"]: paper["short"] for paper in yaml.safe_load(text)["papers"]}
        return papers.get(name, name.replace("_", " ").capitalize())

    def _about(self, record: dict) -> nodes.paragraph:
        """Say what the numbers were taken on, and lead to the chapter."""
        paragraph = nodes.paragraph(classes=["paralg-machine"])
        slug = record["name"].replace("_", "-")
        if any(Path(page).name == record["name"] for page in self.env.found_docs):
            paragraph += pending_xref(
                "", nodes.inline("", "To the chapter"), refdomain="std", reftype="ref",
                reftarget=f"ch-{slug}", refdoc=self.env.docname, refexplicit=True,
            )  # fmt: skip
            paragraph += nodes.Text(". ")
        paragraph += nodes.Text(machine(record["environment"]))
        return paragraph


def machine(environment: dict) -> str:
    """Say in words what the numbers were taken on."""
    words = {"python": "Python {}", "cores": "{} cores", "load": "load {} at the end"}
    simple = {k: v for k, v in environment.items() if not isinstance(v, dict) and v is not None}
    parts = [words.get(name, "{}").format(value) for name, value in simple.items()]
    parts += [f"{name} {version}" for name, version in environment.get("packages", {}).items()]
    return f"Taken with {', '.join(parts)}." if parts else "The machine was not recorded."


def _table(rows: list[dict]) -> nodes.table:
    sizes = groupby(rows, key=lambda one: one["size"])
    made = [one for _, same in sizes for one in _size_rows(list(same))]
    return table(COLUMNS, made, "paralg-bench")


def _size_rows(rows: list[dict]) -> list[nodes.row]:
    """Rows of one input size; the fastest is set in bold, a loss of ours is marked."""
    timed = [one["seconds"] for one in rows if one.get("seconds") is not None]
    made = []
    for place, one in enumerate(rows):
        best = timed and one.get("seconds") == min(timed)
        cells = [nodes.strong("", one["method"]) if best else one["method"], *_figures(one)]
        if place == 0:
            cells.insert(0, cell(_size(one["size"]), morerows=len(rows) - 1))
        lost = (one.get("ratio") or 1.0) < 1.0
        made.append(row(cells, classes=["is-loss"] if lost else []))
    return made


def _figures(row: dict) -> list[str]:
    ratio = row.get("ratio")
    return [
        duration(row.get("seconds")),
        spread(row.get("low"), row.get("high")),
        "" if ratio is None else f"{ratio:.3g}×",
        row.get("note") or "",
    ]


def _size(value) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def duration(seconds: float | None) -> str:
    """A time in the unit that keeps it readable."""
    if seconds is None:
        return "—"
    unit, scale = _unit(seconds)
    return f"{seconds / scale:.3g} {unit}"


def spread(low: float | None, high: float | None) -> str:
    """An interval of times in one unit."""
    if low is None or high is None:
        return ""
    unit, scale = _unit(high)
    return f"{low / scale:.3g}–{high / scale:.3g} {unit}"


def _unit(seconds: float) -> tuple[str, float]:
    return next((pair for pair in UNITS if seconds >= pair[1]), UNITS[-1])


def _nothing() -> nodes.paragraph:
    command = nodes.literal(text="make bench")
    return nodes.paragraph(
        "", "", nodes.Text("No results yet: "), command, nodes.Text(" takes and stores them.")
    )


def _digest(app) -> str:
    digest = hashlib.sha256()
    for path in results(app):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def prepare(app) -> None:
    """Give the environment the pages that show results."""
    if not hasattr(app.env, "paralg_bench_pages"):
        app.env.paralg_bench_pages = {}


def stale_pages(app, env, added, changed, removed) -> list[str]:
    """Pages that show other results than there are now."""
    now = _digest(app)
    return [name for name, digest in env.paralg_bench_pages.items() if digest != now]


def forget(app, env, docname: str) -> None:
    """Drop a page that is read anew or gone."""
    env.paralg_bench_pages.pop(docname, None)


def setup(app):
    """Register the extension."""
    app.add_directive("benchmarks", BenchmarksDirective)
    app.connect("builder-inited", prepare)
    app.connect("env-get-outdated", stale_pages)
    app.connect("env-purge-doc", forget)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
