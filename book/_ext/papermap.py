"""Sphinx extension: ``{papermap} cards``, ``rest`` or ``patterns``, and ``{part-papers} rounds``.

The papers are those of ``book/_data/papers.yml``.  A paper whose page is in the build gets a link
and its recorded speed-up, or else the headline of its claims; on a card also its first picture.
Others are "not yet written".
"""

from __future__ import annotations

from functools import cached_property

import yaml
from benchmark_tables import show_speedups_here, speedups
from claims_store import chapters, data_file, figure_of, show_claims_here
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from paralg.figures.speedups import RecordedSpeedup, times

ABSENT = "not yet written"


class papers(nodes.General, nodes.Element):
    """Stands for a list of papers until every page is read."""


class _PaperList(SphinxDirective):
    """Base: insert the placeholder and note what it depends on."""

    required_arguments = 1
    by = ""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        show_claims_here(self.env)
        show_speedups_here(self.env)
        self.env.note_dependency(str(data_file(self.env.app, "papers.yml")))
        if self.arguments[0] == "cards":
            self.env.paralg_cards.add(self.env.docname)
        return [papers(by=self.by or self.arguments[0], part=self.arguments[0])]


class PaperMap(_PaperList):
    """All papers: ``cards`` of the finished, the ``rest`` by part, or all by ``patterns``."""


class PartPapers(_PaperList):
    """The papers of one part."""

    by = "part"


class FillMaps(SphinxPostTransform):
    """Replace the placeholders by lists."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Fill every list of the page."""
        for node in list(self.document.findall(papers)):
            make = {"cards": self._cards, "rest": self._rest, "patterns": self._by_pattern,
                    "part": self._one_part}  # fmt: skip
            node.replace_self(make[node["by"]](node["part"]))

    @cached_property
    def data(self) -> dict:
        """The file of papers, parts and patterns."""
        text = data_file(self.app, "papers.yml").read_text(encoding="utf-8")
        return yaml.safe_load(text)

    @cached_property
    def headlines(self) -> dict[str, dict]:
        """Headline row by chapter name."""
        return {c.name: c.headline for c in chapters(self.env) if c.headline}

    def _cards(self, _) -> list[nodes.Node]:
        cards = nodes.bullet_list(classes=["paralg-cards"])
        finished = [paper for paper in self.data["papers"] if self._page(paper)]
        cards += [self._card(paper) for paper in finished]
        others = nodes.paragraph("", "Foundations and comparisons: ", classes=["paralg-others"])
        for part in self.data["parts"]:
            for page in self._pages_of_no_paper(part["page"]):
                others += [self._link(self.env.titles[page].astext(), page), nodes.Text(" · ")]
        others.pop()
        return [cards, others]

    def _card(self, paper: dict) -> nodes.list_item:
        page = self._page(paper)
        card = nodes.list_item("")
        picture = hero(self.env, page, paper["module"].replace("_", "-"))
        if picture is not None:
            card += nodes.paragraph("", "", picture, classes=["paralg-cards__picture"])
        title = self._link(self.env.titles[page].astext(), page)
        card += nodes.paragraph("", "", title, classes=["paralg-cards__title"])
        card += nodes.paragraph("", "", self._state(paper))
        return card

    def _rest(self, _) -> list[nodes.Node]:
        blocks: list[nodes.Node] = []
        for part in self.data["parts"]:
            chosen = [paper for paper in self._papers_of(part["name"]) if not self._page(paper)]
            if chosen:
                block = nodes.container(classes=["paralg-part"])
                title = self._link(f"Part {part['number']} · {part['title']}", part["page"])
                block += nodes.paragraph("", "", title, classes=["paralg-part__title"])
                block += self._list(chosen)
                blocks.append(block)
        return blocks or [nodes.paragraph(text="Every paper has its chapter.")]

    def _pages_of_no_paper(self, opener: str) -> list[str]:
        """Pages under a part's opener that are no paper's: foundations, comparisons."""
        known = {self._page(paper) for paper in self.data["papers"]}
        return [page for page in self.env.toctree_includes.get(opener, []) if page not in known]

    def _one_part(self, name: str) -> list[nodes.Node]:
        (opener,) = [part["page"] for part in self.data["parts"] if part["name"] == name]
        chosen = self._papers_of(name)
        items = self._list(chosen)
        for page in self._pages_of_no_paper(opener):
            title = self._link(self.env.titles[page].astext(), page)
            first = nodes.paragraph("", "", nodes.strong("", "", title))
            items += nodes.list_item("", first, classes=["is-written"])
        return [items]

    def _papers_of(self, part: str) -> list[dict]:
        return [paper for paper in self.data["papers"] if paper["part"] == part]

    def _list(self, found: list[dict]) -> nodes.bullet_list:
        items = nodes.bullet_list(classes=["paralg-papers"])
        items += [self._item(paper) for paper in found]
        return items

    def _item(self, paper: dict) -> nodes.list_item:
        name = nodes.strong("", "", self._title(paper))
        year = nodes.inline("", str(paper["year"]), classes=["paralg-papers__year"])
        first = nodes.paragraph("", "", *_spaced([name, year, self._state(paper)]))
        idea = nodes.paragraph(text=paper["idea"], classes=["paralg-papers__idea"])
        written = "is-written" if self._page(paper) else "is-absent"
        return nodes.list_item("", first, idea, classes=[written])

    @cached_property
    def recorded(self) -> dict[str, RecordedSpeedup]:
        """Standard speed-up by chapter name."""
        return speedups()

    def _state(self, paper: dict) -> nodes.Node:
        one = self.recorded.get(paper["module"])
        if one:
            number = nodes.strong("", one.number)
            return nodes.inline("", "", number, nodes.Text(beside(one)), classes=["headline"])
        row = self.headlines.get(paper["module"])
        if row:
            number = nodes.strong("", figure_of(row["ours"], row.get("unit")))
            return nodes.inline("", "", number, nodes.Text(f" {row['what']}"), classes=["headline"])
        text = "" if self._page(paper) else ABSENT
        return nodes.inline("", text, classes=["paralg-papers__state"])

    def _by_pattern(self, _) -> list[nodes.Node]:
        rows = nodes.definition_list(classes=["paralg-patterns"])
        for pattern in self.data["patterns"]:
            chosen = [p for p in self.data["papers"] if pattern["name"] in p["patterns"]]
            chips = nodes.bullet_list(classes=["paralg-chips"])
            chips += [self._chip(paper) for paper in chosen]
            meaning = nodes.paragraph(text=pattern["meaning"])
            rows += nodes.definition_list_item(
                "", nodes.term(text=pattern["title"]), nodes.definition("", meaning, chips)
            )
        return [rows]

    def _chip(self, paper: dict) -> nodes.list_item:
        written = "is-written" if self._page(paper) else "is-absent"
        inner = nodes.paragraph("", "", self._title(paper))
        if not self._page(paper):
            hidden = nodes.inline("", f" ({ABSENT})", classes=["visually-hidden"])
            inner += hidden
        return nodes.list_item("", inner, classes=[written])

    def _title(self, paper: dict) -> nodes.Node:
        page = self._page(paper)
        return self._link(paper["short"], page) if page else nodes.Text(paper["short"])

    def _page(self, paper: dict) -> str | None:
        name = f"notebooks/{paper['part']}/{paper['module']}"
        return name if name in self.env.found_docs else None

    def _link(self, text: str, docname: str) -> nodes.reference:
        uri = self.app.builder.get_relative_uri(self.env.docname, docname)
        return nodes.reference("", text, internal=True, refuri=uri)


def beside(one: RecordedSpeedup) -> str:
    """What follows the number of seconds on a card: the peer, and the ratio of counts."""
    counted, measured = one.at_headline
    if measured < 1:
        return f" than {one.peer} in seconds, {times(counted)} ahead by counting"
    return f" faster than {one.peer}, {times(counted)} by counting"


def hero(env, page: str, slug: str) -> nodes.image | None:
    """Copy of the picture that stands for a page: its figure ``fig-<slug>-hero``, or its first."""
    doctree, label = env.get_doctree(page), f"fig-{slug}-hero"
    named = [node for node in doctree.findall(nodes.figure)
             if label in (*node["ids"], *node["names"])]  # fmt: skip
    found = [image for root in (*named, doctree) for image in root.findall(nodes.image)]
    if not found:
        return None
    kept = {name: found[0][name] for name in ("uri", "candidates", "alt") if name in found[0]}
    return nodes.image("", classes=["dark-light"], **kept)


def rewrite_cards(app, env) -> set[str]:
    """Write pages with cards again after any change: a picture may be another."""
    return env.paralg_cards & set(env.found_docs)


def prepare(app) -> None:
    """Give the environment the pages that show cards."""
    if not hasattr(app.env, "paralg_cards"):
        app.env.paralg_cards = set()


def forget(app, env, docname: str) -> None:
    """Drop a page that is read anew or gone."""
    env.paralg_cards.discard(docname)


def _spaced(inner: list[nodes.Node]) -> list[nodes.Node]:
    """Put a space between inline nodes, so that the text reads well without style."""
    spaced: list[nodes.Node] = []
    for node in inner:
        spaced += [nodes.Text(" "), node] if spaced else [node]
    return spaced


def setup(app):
    """Register the extension."""
    app.setup_extension("claims_store")
    app.setup_extension("benchmark_tables")
    app.connect("builder-inited", prepare)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", rewrite_cards)
    app.add_node(papers)
    app.add_directive("papermap", PaperMap)
    app.add_directive("part-papers", PartPapers)
    app.add_post_transform(FillMaps)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
