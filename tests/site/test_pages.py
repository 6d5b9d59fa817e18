"""What the pages of the built site hold, read without a browser."""

from __future__ import annotations

import html
import json
import os
import re
import sys
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

pytestmark = pytest.mark.site

ROOT = Path(__file__).resolve().parents[2]
FETCHED = {**dict.fromkeys(("script", "img", "iframe", "source"), "src"), "link": "href"}
HARMLESS_LINKS = {"canonical", "next", "prev", "search", "index", "author", "copyright"}


_TAG = re.compile(r"""<(?:!--.*?--|(/?[a-zA-Z][\w-]*)((?:"[^"]*"|'[^']*'|[^>"'])*))>""", re.S)
_ATTRIBUTE = re.compile(r"""([^\s=/"'>]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_SCRIPT = re.compile(r"(<(script|style)\b[^>]*>).*?</\2>", re.S)


class Tag(NamedTuple):
    """An opening tag, or a closing one (``/table``) without attributes."""

    name: str
    attributes: dict[str, str]


@cache
def tags(path: Path) -> list[Tag]:
    """All tags of a page in order, ten times as fast as its tree."""
    text = _SCRIPT.sub(r"\1", path.read_text(encoding="utf-8"))
    return [Tag(name.lower(), _attributes(rest)) for name, rest in _TAG.findall(text) if name]


def _attributes(text: str) -> dict[str, str]:
    found = _ATTRIBUTE.findall(text) if text else ()
    return {name: html.unescape(value.strip("\"'")) for name, value in found}


def article(path: Path) -> list[Tag]:
    """The tags between ``<article>`` and its end; of a page without one, all."""
    names = [tag.name for tag in tags(path)]
    if "article" not in names:
        return tags(path)
    return tags(path)[names.index("article") : len(names) - names[::-1].index("/article")]


@cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def test_tags_are_those_of_the_tree(site):
    path = site / "book/notation.html"
    tree = [(node.name, dict(node.attrs)) for node in soup(path).find_all(True)]
    fast = [(t.name, t.attributes) for t in tags(path) if not t.name.startswith("/")]
    assert [name for name, _ in fast] == [name for name, _ in tree]
    for (_, one), (_, other) in zip(fast, tree, strict=True):
        listed = {k: " ".join(v) if isinstance(v, list) else v for k, v in other.items()}
        assert {k: " ".join(v.split()) for k, v in one.items()} == {
            k: " ".join(v.split()) for k, v in listed.items()
        }


def external(url: str) -> bool:
    return bool(urlsplit(url).scheme) or url.startswith("//")


def chapters(pages: list[str]) -> list[str]:
    return [name for name in pages if name.startswith(("notebooks/", "book/foundations/"))]


def test_every_internal_link_and_anchor_resolves(site, pages):
    broken = []
    for name in pages:
        for href in {t.attributes["href"] for t in tags(site / name)
                     if t.name == "a" and "href" in t.attributes}:  # fmt: skip
            url, fragment = urldefrag(href)
            if external(href):
                continue
            target = target_of(site / name, url)
            if target is None:
                broken.append(f"{name} -> {href}: no such page")
            elif fragment and target.suffix == ".html" and not has_anchor(target, fragment):
                broken.append(f"{name} -> {href}: no such anchor")
    assert not broken


def has_anchor(path: Path, fragment: str) -> bool:
    return unquote(fragment) in ids_of(path)


@cache
def ids_of(path: Path) -> Counter:
    """How often a page uses each id."""
    return Counter(t.attributes["id"] for t in tags(path) if "id" in t.attributes)


def target_of(page: Path, url: str) -> Path | None:
    """The file that a relative address on a page leads to, if there is one."""
    return _file(os.path.normpath(page.parent / unquote(url))) if url else page


@cache
def _file(path: str) -> Path | None:
    return Path(path) if os.path.isfile(path) else None


def test_nothing_is_fetched_from_outside(site, pages):
    found = []
    for name in pages:
        for tag, attributes in tags(site / name):
            address = attributes.get(FETCHED.get(tag, ""), "")
            if tag == "link" and HARMLESS_LINKS & set(attributes.get("rel", "").split()):
                continue
            if external(address) and not address.startswith("data:"):
                found.append(f"{name}: {address}")
    for sheet in (site / "_static").rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        urls = re.findall(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')\s]+)", text)
        found += [f"{sheet.name}: {url}" for url in urls]
    assert not found


def test_no_kernel_script_is_left(site, pages):
    for name in pages:
        text = (site / name).read_text(encoding="utf-8")
        assert "thebe" not in text.lower(), name
        assert "require.js" not in text, name
        assert "html-manager" not in text, name


def test_every_page_has_its_language_and_one_heading(site, pages):
    for name in pages:
        count = Counter(tag.name for tag in tags(site / name))
        (root,) = (tag for tag in tags(site / name) if tag.name == "html")
        assert root.attributes.get("lang") == "en", name
        assert count["h1"] == 1, name
        assert re.search(r"<title>\s*[^<\s]", (site / name).read_text("utf-8")), name


def test_ids_are_unique(site, pages):
    repeated = {}
    for name in pages:
        twice = sorted(i for i, times in ids_of(site / name).items() if times > 1)
        if twice:
            repeated[name] = twice
    assert not repeated


def test_every_image_says_what_it_shows(site, pages):
    poor = []
    for name in pages:
        for image in (tag.attributes for tag in article(site / name) if tag.name == "img"):
            alt = image.get("alt", "")
            if not 30 <= len(alt) <= 250:
                poor.append(f"{name}: {image.get('src')} alt={alt!r}")
        for tag, attributes in tags(site / name):
            assert tag != "img" or "alt" in attributes, f"{name}: {attributes}"
    assert not poor


def test_tables_have_headers(site, pages):
    for name in pages:
        open_tables: list[bool] = []  # whether it has a header, of each table that is open
        for tag, attributes in article(site / name):
            if tag == "table":
                open_tables.append("genindextable" in attributes.get("class", ""))
            elif tag == "th" and open_tables:
                open_tables = [True] * len(open_tables)
            elif tag == "/table":
                assert open_tables.pop(), f"{name}: a table without a header"


def test_the_library_pages_are_rendered(site, pages):
    api = [name for name in pages if re.match(r"book/api/(?!index)", name)]
    assert len(api) >= 5
    for name in api:
        text = soup(site / name).get_text()
        part = (site / name).with_suffix("").is_dir()  # its chapters have pages of their own
        assert part or soup(site / name).find(class_="sig-object"), name
        assert not re.search(r"\.\. py:|:param |:math:|:class:|-{5,}", text), name


def test_library_and_chapters_link_to_each_other(site, pages):
    for name in [n for n in chapters(pages) if n.startswith("notebooks/")]:
        _, part, paper = name.removesuffix(".html").removesuffix("_experiments").split("/")
        doors = soup(site / name).find(class_="paralg-doors")
        links = [a["href"] for a in doors.find_all("a")]
        assert any(f"api/{part}/{paper}.html#" in href for href in links), name
        assert any(f"/tests/{part}" in href for href in links), name
        assert name in (site / f"book/api/{part}/{paper}.html").read_text(encoding="utf-8"), name


def test_chapters_can_be_launched_and_downloaded(site, pages):
    for name in chapters(pages):
        hrefs = [a["href"] for a in soup(site / name).find_all("a", href=True)]
        for host in ("mybinder.org", "colab.research.google.com"):
            (opened,) = [re.search(r"notebooks/.*", href)[0] for href in hrefs if host in href]
            assert (ROOT / opened).is_file(), opened
            assert opened.endswith(".ipynb")
        assert any(href.endswith(".ipynb") and "_sources" in href for href in hrefs), name


def test_pages_have_buttons_to_edit_and_to_report(site):
    page = (site / "book/notation.html").read_text(encoding="utf-8")
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    assert f"{url}/edit/main/book/notation.md" in page
    assert f"{url}/issues/new" in page


def test_the_home_page_shows_every_paper_once_and_the_map_by_pattern_all_its_patterns(site):
    data = yaml.safe_load((ROOT / "book/_data/papers.yml").read_text(encoding="utf-8"))
    page = soup(site / "book/index.html")
    rest = [node.get_text(" ", strip=True) for node in page.select("ul.paralg-papers > li")]
    cards = [link["href"] for link in page.select("ul.paralg-cards .paralg-cards__title a")]
    chips = soup(site / "book/patterns.html").select("ul.paralg-chips > li")
    chips = [node.get_text(" ", strip=True) for node in chips]
    for paper in data["papers"]:
        name = f"notebooks/{paper['part']}/{paper['module']}.html"
        written = (site / name).exists()
        assert cards.count(f"../{name}") == written, name
        found = [text for text in rest if text.startswith(paper["short"])]
        assert len(found) == (not written), paper["short"]
        assert all("not yet written" in text for text in found)
        found = [text for text in chips if text.startswith(paper["short"])]
        assert len(found) == len(paper["patterns"]), paper["short"]


def claims_of_the_store(pages: list[str]) -> list[dict]:
    """Rows of the executed notebooks behind the pages, read from the store."""
    return _claims(tuple(pages))


@cache
def _claims(pages: tuple[str, ...]) -> list[dict]:
    from notebook_store import Store, read_notebook

    store, rows = Store(ROOT), []
    for name in chapters(pages):
        source = next(p for s in (".md", ".ipynb") if (p := ROOT / name).with_suffix(s).exists())
        source = next(p for s in (".md", ".ipynb") if (p := source.with_suffix(s)).exists())
        executed = store.load(store.key(read_notebook(source)))
        for cell in executed.notebook.cells:
            for output in cell.get("outputs", []):
                table = output.get("data", {}).get("application/vnd.paralg.claims+json")
                if table:
                    rows += (json.loads(table) if isinstance(table, str) else table)["rows"]
    return rows


def test_the_scoreboard_equals_the_executed_notebooks(site, pages):
    expected = sorted((row["what"], row["verdict"]) for row in claims_of_the_store(pages))
    shown = []
    for row in soup(site / "book/scoreboard.html").select("table.paralg-scoreboard tbody tr"):
        if "paralg-chapter" not in row["class"]:
            cells = [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
            shown.append((cells[0], cells[3]))
    assert expected
    assert sorted(shown) == [(" ".join(what.split()), verdict) for what, verdict in expected]


def test_numbers_of_the_map_are_recorded_speed_ups_or_headlines_of_claims(site, pages):
    from benchmark_tables import speedups
    from claims_store import figure_of

    headlines = [row for row in claims_of_the_store(pages) if row["headline"]]
    recorded = [
        f"{one.number} {'than' if one.at_headline[1] < 1 else 'faster than'} {one.peer}"
        for one in speedups().values()
    ]
    page = soup(site / "book/index.html")
    shown = [node.get_text(" ", strip=True) for node in page.select(".paralg-cards .headline")]
    assert shown
    for text in shown:
        known = (row["what"] in text and figure_of(row["ours"]) in text for row in headlines)
        assert any(known) or any(one in text for one in recorded), text


def test_search_knows_the_words_of_the_chapters(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for word in ("scan", "shuffl", "draft", "pagerank"):
        assert f'"{word}"' in index, word


def test_mathematics_is_served_from_here(site, pages):
    for name in chapters(pages):
        sources = [s["src"] for s in soup(site / name).find_all("script", src=True)]
        (mathjax,) = [src for src in sources if "mathjax" in src]
        assert ((site / name).parent / mathjax.partition("?")[0]).resolve().is_file()


def test_the_root_of_the_site_leads_home(site):
    page = soup(site / "index.html")
    target = page.find("meta", attrs={"http-equiv": "refresh"})["content"].partition("url=")[2]
    assert (site / target).is_file()


def test_no_page_names_a_place_on_the_machine_that_built_it(site):
    machine = (ROOT, sys.prefix, Path.home(), tempfile.gettempdir())
    places = {f"{place}{os.sep}" for place in machine}
    found = []
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".js", ".ipynb", ".txt", ".svg", ".json"):
            text = path.read_text(encoding="utf-8")
            found += [f"{path.relative_to(site)}: {place}" for place in places if place in text]
    assert found == []
