"""Sphinx extension: ``{scoreboard}``, every claim of every chapter in one table.

The rows come from the executed notebooks, never from a hand.  The table is grouped by chapter;
radio buttons above it filter by verdict with style sheets alone, so it works without script.
"""

from __future__ import annotations

from collections import Counter
from html import escape

from claims_store import Chapter, chapters, figure_of, show_claims_here
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from tables import cell, row, table

from paralg.core.claims import NOT_AT_THIS_SCALE, REFUTED, REPRODUCED, SAME_DIRECTION

MEANING = {
    REPRODUCED: "our run shows what the paper says",
    SAME_DIRECTION: "the effect is there, its size differs",
    NOT_AT_THIS_SCALE: "the effect needs sizes or hardware this book does not use",
    REFUTED: "our run shows the opposite",
}
COLUMNS = ("Claim", "The paper", "Here", "Verdict", "Why")


class board(nodes.General, nodes.Element):
    """Stands for the scoreboard until every page is read."""


class ScoreboardDirective(SphinxDirective):
    """Insert the scoreboard."""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        show_claims_here(self.env)
        return [board()]


class FillScoreboard(SphinxPostTransform):
    """Replace the placeholder by counts, filter and table."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Fill every scoreboard of the page."""
        for node in list(self.document.findall(board)):
            found = chapters(self.env)
            parts = [self._filter(found), self._table(found)] if found else [_nothing()]
            node.replace_self(parts)

    def _filter(self, found: list[Chapter]) -> nodes.raw:
        counts = Counter(row["verdict"] for chapter in found for row in chapter.rows)
        options = [("all", f"all {sum(counts.values())}", "every claim")]
        options += [(_slug(v), f"{v} {counts[v]}", MEANING[v]) for v in MEANING]
        buttons = "".join(
            f'<label class="paralg-filter__choice"><input type="radio" name="paralg-verdict" '
            f'value="{value}"{" checked" if value == "all" else ""}><span>{escape(text)}</span>'
            f'<small>{escape(meaning)}</small></label>'
            for value, text, meaning in options
        )
        legend = "<legend>Show the claims that were</legend>"
        html = f'<fieldset class="paralg-filter">{legend}{buttons}</fieldset>'
        return nodes.raw("", html, format="html")

    def _table(self, found: list[Chapter]) -> nodes.table:
        rows = []
        for chapter in found:
            rows += [self._chapter_row(chapter), *map(_claim_row, chapter.rows)]
        return table(COLUMNS, rows, "paralg-scoreboard")

    def _chapter_row(self, chapter: Chapter) -> nodes.row:
        title = self.env.titles[chapter.docname].astext()
        uri = self.app.builder.get_relative_uri(self.env.docname, chapter.docname)
        link = nodes.reference("", title, internal=True, refuri=uri)
        entry = cell(link, morecols=len(COLUMNS) - 1)
        slug = chapter.name.replace("_", "-")
        return row([entry], classes=["paralg-chapter"], ids=[f"claims-{slug}"])


def _claim_row(claim: dict) -> nodes.row:
    verdict = claim["verdict"]
    what = nodes.Text(claim["what"])
    cells = [
        nodes.strong("", "", what) if claim.get("headline") else what,
        nodes.Text(_figure(claim.get("paper"), claim.get("unit"), claim.get("source"))),
        nodes.strong("", _figure(claim.get("ours"), claim.get("unit"))),
        nodes.inline("", verdict, classes=["paralg-verdict", f"is-{_slug(verdict)}"]),
        nodes.Text(claim["why"]),
    ]
    return row(cells, classes=[f"verdict-{_slug(verdict)}"])


def _figure(value: str | None, unit: str | None, source: str | None = None) -> str:
    text = figure_of(value, unit) or "no figure"
    return f"{text} ({source})" if source else text


def _slug(verdict: str) -> str:
    return verdict.replace(" ", "-")


def _nothing() -> nodes.paragraph:
    return nodes.paragraph(text="No chapter in this build has recorded a claim yet.")


def setup(app):
    """Register the extension."""
    app.setup_extension("claims_store")
    app.add_node(board)
    app.add_directive("scoreboard", ScoreboardDirective)
    app.add_post_transform(FillScoreboard)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
