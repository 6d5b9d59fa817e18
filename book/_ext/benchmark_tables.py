"""Sphinx extension: ``{benchmarks}``, what ``benchmarks/results/*.json`` have.

Without an argument, the standard speed-up of every chapter in one chart and one table.  With the
name of a file, one table for each thing measured: rows by input size and method, with the median
time, its spread, and the ratio to our own method taken in the same run.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from itertools import groupby
from pathlib import Path

import yaml
from claims_store import data_file
from docutils import nodes
from quiz import book_style
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective
from tables import cell, row, table

from paralg.figures.speedups import RecordedSpeedup, draw_all, recorded_speedup, times
from paralg.teach.chapters import find, find_all

COLUMNS = ("Size", "Method", "Median", "Quartiles", "Ours is faster by", "Note")
CHAPTER = {"scan": "primitives"}  # results that are named otherwise than their chapter
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


def show_speedups_here(env) -> None:
    """Register the page being read as one that shows results."""
    env.paralg_bench_pages[env.docname] = _digest(env.app)


def speedups() -> dict[str, RecordedSpeedup]:
    """The standard speed-up of every chapter that has one, by module name."""
    found = {}
    for name, chapter in find_all().items():
        if (chapter.teaching / "speedup.json").is_file():
            found[name] = recorded_speedup(name)
    return found


class BenchmarksDirective(SphinxDirective):
    """``{benchmarks}``: one chart and one row a chapter; ``{benchmarks} mamba``: its tables."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the overview, or the tables of one file of results."""
        show_speedups_here(self.env)
        if not self.arguments:
            return self._overview()
        name = self.arguments[0]
        found = {path.stem: path for path in results(self.env.app)}
        if name not in found:
            raise self.error(f"benchmarks: expected one of {', '.join(found)}, got {name!r}")
        record = read(found[name])
        made: list[nodes.Node] = [self._about(record)]
        for bench in dict.fromkeys(one["bench"] for one in record["rows"]):
            made.append(nodes.rubric("", bench))
            made.append(_table([one for one in record["rows"] if one["bench"] == bench]))
        return made

    def _overview(self) -> list[nodes.Node]:
        place = {name: place for place, name in enumerate(self._papers)}
        found = dict(sorted(speedups().items(), key=lambda one: place.get(one[0], -1)))
        if not found:
            return [_nothing()]
        names = [self._title(name).partition(",")[0] for name in found]
        chart = nodes.raw("", draw_chart(list(found.values()), names), format="html")
        rows = [
            row([self._link(name, title), one.task, one.peer, f"{one.size_name} = {one.headline:,}",
                 times(one.at_headline[0]), nodes.strong("", one.number)])
            for (name, one), title in zip(found.items(), names, strict=True)
        ]  # fmt: skip
        head = ("Chapter", "What is computed", "Against", "At", "Counted", "In seconds")
        return [chart, table(head, rows, "paralg-bench", "paralg-overview")]

    def _link(self, name: str, title: str) -> nodes.Node:
        page = f"book/benchmarks/{name}"
        if page not in self.env.found_docs:  # recorded, but not measured against all peers yet
            return nodes.Text(title)
        return pending_xref(
            "", nodes.inline("", title), refdomain="std", reftype="doc", reftarget=f"/{page}",
            refdoc=self.env.docname, refexplicit=True,
        )  # fmt: skip

    def _title(self, name: str) -> str:
        """The paper's name on the map; of what is no paper, the name of the file."""
        return self._papers.get(name, name.replace("_", " ").capitalize())

    @cached_property
    def _papers(self) -> dict[str, str]:
        """Short title of every paper by the name of its module, in the book's order."""
        path = data_file(self.env.app, "papers.yml")
        self.env.note_dependency(str(path))
        papers = yaml.safe_load(path.read_text(encoding="utf-8"))["papers"]
        return {paper["module"]: paper["short"] for paper in papers}

    def _about(self, record: dict) -> nodes.paragraph:
        """Say what the numbers were taken on, and lead to the chapter."""
        paragraph = nodes.paragraph(classes=["paralg-machine"])
        name = CHAPTER.get(record["name"], record["name"])
        pages = (f"notebooks/{find(name).part}/{name}", f"book/foundations/{name}")
        if self.env.found_docs.intersection(pages):
            paragraph += pending_xref(
                "", nodes.inline("", "To the chapter"), refdomain="std", reftype="ref",
                reftarget=f"ch-{find(name).slug}", refdoc=self.env.docname, refexplicit=True,
            )  # fmt: skip
            paragraph += nodes.Text(". ")
        paragraph += nodes.Text(machine(record["environment"]))
        return paragraph


def draw_chart(records: list[RecordedSpeedup], names: list[str]) -> str:
    """The chart of all chapters, as HTML."""
    import matplotlib.pyplot as plt

    from paralg.figures.still import clean_svg, to_svg

    with book_style():
        figure, ax = plt.subplots(figsize=(7.6, 0.9 + 0.42 * len(records)))
        draw_all(ax, records, names)
        text = to_svg(figure)
    said = "; ".join(f"{name} {one.number}" for name, one in zip(names, records, strict=True))
    alt = f"Dot chart: times faster than the peer, log axis, a row a chapter: {said}."
    caption = (
        "Every chapter at the size that stands for it: what counting promises (open), what was "
        "measured (filled, with quartiles). Left of the grey line, at 1, we lose."
    )
    svg = clean_svg(text, prefix="speedups", alt=alt)
    kind, words = "paralg-speedup is-wide", f"<figcaption>{caption}</figcaption>"
    return f'<figure class="{kind}">{svg}{words}</figure>'


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
    for path in [*results(app), *Path(app.srcdir).glob("paralg/*/*/teaching/speedup.json")]:
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
