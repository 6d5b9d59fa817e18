"""Claims: rows "the paper says, we measured", recorded by a chapter and collected by the site."""

import html
import math
from dataclasses import asdict, dataclass
from enum import StrEnum

from paralg.core import checks

__all__ = [
    "MIME", "NOT_AT_THIS_SCALE", "REFUTED", "REPRODUCED", "SAME_DIRECTION",
    "Claim", "ClaimVerdict", "Claims",
]  # fmt: skip

MIME = "application/vnd.paralg.claims+json"

_COLUMNS = ("Claim", "Paper", "Here", "Verdict", "Why")


class ClaimVerdict(StrEnum):
    """What our run says about a claim."""

    REPRODUCED = "reproduced"
    SAME_DIRECTION = "same direction"
    NOT_AT_THIS_SCALE = "not at this scale"
    REFUTED = "refuted"


REPRODUCED, SAME_DIRECTION, NOT_AT_THIS_SCALE, REFUTED = ClaimVerdict


@dataclass(frozen=True)
class Claim:
    """One row of the table: what the paper says, and what we measured.

    - ``what``: the claim in a few words;
    - ``paper, source``: the paper's figure, if any, and where: section, figure, table or
      "abstract";
    - ``ours, unit``: our figure, and the unit of both, when they do not carry it;
    - ``why``: one sentence on how it was measured, or why the figures differ;
    - ``headline``: whether the scoreboard and the map show this row for the chapter.
    """

    what: str
    paper: str | None
    source: str
    ours: str
    unit: str
    verdict: ClaimVerdict
    why: str
    headline: bool = False


class Claims:
    """The claims of a chapter, by its module name; a table when it is the last value of a cell.

    >>> claims = Claims("mamba")
    >>> claims.add("scan against a loop", paper="20x", source="figure 8", ours=10.44,
    ...            verdict=SAME_DIRECTION, why="2 cores instead of a GPU", headline=True)
    >>> claims
    Claims of mamba
    - scan against a loop: paper 20x (figure 8), here 10.4; same direction: 2 cores instead of a GPU
    """

    def __init__(self, chapter: str):
        if not chapter.isidentifier():
            raise ValueError(f"chapter must be a module name such as 'mamba', got {chapter!r}")
        self.chapter = chapter
        self.rows: list[Claim] = []

    def add(self, what, *, paper=None, source="", ours, unit="", verdict, why, headline=False):
        """Append a row; the arguments are the fields of `Claim`.

        ValueError if the verdict is none of the four, ``what`` or ``why`` is empty, a figure of the
        paper comes without its source, or a second row claims the headline.
        """
        for name, text in (("source", source), ("unit", unit)):
            checks.instance(name, text, str)
        for name, text in (("what", what), ("why", why)):
            checks.instance(name, text, str)
            if not text.strip():
                raise ValueError(f"{name} must say something, got {text!r}")
        if paper is not None and not source:
            raise ValueError(f"source must say where the paper has {paper!r}, got ''")
        if headline and any(row.headline for row in self.rows):
            raise ValueError(f"expected one headline, got a second one: {what!r}")
        paper = None if paper is None else _figure(paper)
        row = Claim(what, paper, source, _figure(ours), unit, _verdict(verdict), why, headline)
        self.rows.append(row)

    def as_json(self) -> dict:
        """Return ``{"chapter": …, "rows": […]}`` of JSON values; ValueError without a headline."""
        headlines = sum(row.headline for row in self.rows)
        if headlines != 1:
            raise ValueError(f"expected exactly one row with headline=True, got {headlines}")
        rows = [asdict(row) | {"verdict": str(row.verdict)} for row in self.rows]
        return {"chapter": self.chapter, "rows": rows}

    def __repr__(self) -> str:
        return "\n".join([f"Claims of {self.chapter}", *map(_line, self.rows)])

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """Offer the table to Jupyter as text, as HTML and as data."""
        table = _table(self.chapter, self.rows)
        return {"text/plain": repr(self), "text/html": table, MIME: self.as_json()}


def _verdict(verdict) -> ClaimVerdict:
    try:
        return ClaimVerdict(verdict)
    except ValueError:
        allowed = ", ".join(repr(str(item)) for item in ClaimVerdict)
        raise ValueError(f"verdict must be one of {allowed}, got {verdict!r}") from None


def _figure(value) -> str:
    """Return a figure as text: counts and large floats in full, other floats to three digits."""
    if isinstance(value, str):
        return value
    if not (isinstance(value, float) and math.isinf(value)):
        checks.number("a figure", value)
    if hasattr(value, "__index__"):
        return f"{value.__index__():,}"
    return f"{float(value):,.0f}" if 1e3 <= abs(value) < 1e9 else f"{float(value):.3g}"


def _quantity(figure: str | None, unit: str) -> str:
    return "no figure" if figure is None else f"{figure} {unit}".rstrip()


def _line(row: Claim) -> str:
    source = f" ({row.source})" if row.source else ""
    paper, ours = _quantity(row.paper, row.unit), _quantity(row.ours, row.unit)
    return f"- {row.what}: paper {paper}{source}, here {ours}; {row.verdict}: {row.why}"


def _table(chapter: str, rows: list[Claim]) -> str:
    """Return an accessible HTML table: caption, column headers, row headers."""
    head = "".join(f'<th scope="col">{column}</th>' for column in _COLUMNS)
    body, name = "\n".join(map(_row, rows)), html.escape(chapter)
    return (
        f'<table class="paralg-claims" data-chapter="{name}">\n'
        f"<caption>What the paper says, and what was measured here</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
    )


def _row(row: Claim) -> str:
    paper = html.escape(_quantity(row.paper, row.unit))
    if row.source:
        paper += f' <span class="source">({html.escape(row.source)})</span>'
    slug = str(row.verdict).replace(" ", "-")
    ours, why = html.escape(_quantity(row.ours, row.unit)), html.escape(row.why)
    verdict = f'<span class="verdict verdict-{slug}">{row.verdict}</span>'
    name = ' class="headline"' if row.headline else ""
    tds = "".join(f"<td>{cell}</td>" for cell in (paper, ours, verdict, why))
    return f'<tr{name}><th scope="row">{html.escape(row.what)}</th>{tds}</tr>'
