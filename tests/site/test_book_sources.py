"""What the sources of the book promise each other, checked without building it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import paralg
from paralg.teach import chapters

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"


def papers() -> dict:
    return yaml.safe_load((BOOK / "_data/papers.yml").read_text(encoding="utf-8"))


def toc_pages() -> list[str]:
    from build import pages

    return [path.relative_to(ROOT).with_suffix("").as_posix() for path in pages()]


def texts() -> str:
    """Every page, notebook and module as one text."""
    pages = [p for p in BOOK.rglob("*.md") if not p.relative_to(BOOK).as_posix().startswith("_")]
    found = [*pages, *ROOT.glob("notebooks/*/*.ipynb"), *ROOT.glob("paralg/**/*.py")]
    return "\n".join(path.read_text(encoding="utf-8") for path in found)


def test_forty_two_papers_and_what_contributors_add_in_seven_parts():
    data = papers()
    numbers = sorted(paper["number"] for paper in data["papers"])
    assert len(numbers) >= 42
    assert numbers == list(range(1, len(numbers) + 1))
    assert len({paper["module"] for paper in data["papers"]}) == len(numbers)
    assert [part["number"] for part in data["parts"]] == list(range(1, 9))
    parts = {part["name"] for part in data["parts"]}
    assert {paper["part"] for paper in data["papers"]} == parts - {"foundations"}
    assert all((ROOT / "paralg" / part).is_dir() for part in parts)
    assert parts == set(paralg.PARTS) == set(chapters.PARTS)


def test_patterns_are_few_known_and_used():
    data = papers()
    names = [pattern["name"] for pattern in data["patterns"]]
    used = [name for paper in data["papers"] for name in paper["patterns"]]
    assert 8 <= len(names) <= 10
    assert set(used) == set(names)
    assert all(1 <= len(paper["patterns"]) <= 4 for paper in data["papers"])


def test_every_paper_has_a_short_idea_and_a_reference():
    keys = set(bibliography())
    for paper in papers()["papers"]:
        assert paper["idea"].endswith("."), paper["short"]
        assert len(paper["idea"]) <= 170, paper["short"]
        assert re.fullmatch(r"\d{4}\.\d{5}", paper["arxiv"].ljust(10, "0")), paper["short"]
        assert paper["cite"] in keys, paper["short"]


def test_every_chapter_is_in_the_toc_and_every_paper_on_the_map():
    """A notebook with checks is a paper's; one without compares papers that stand elsewhere."""
    written = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for path in ROOT.glob("notebooks/*/*.ipynb")
    }
    in_toc = {name for name in toc_pages() if name.startswith("notebooks/")}
    assert written == in_toc
    known = {f"notebooks/{p['part']}/{p['module']}" for p in papers()["papers"]}
    for name in written - known - {f"{name}_experiments" for name in known}:
        package = ROOT / "paralg" / name.removeprefix("notebooks/")
        checks = [*package.glob("checks.py"), *package.glob("teaching/checks.py")]
        assert not checks, f"book/_data/papers.yml should have the paper of {name}"


def test_every_page_of_the_toc_exists_and_no_page_is_left_out():
    from sphinx_external_toc.parsing import parse_toc_yaml

    pages = toc_pages()
    for name in (*pages, *parse_toc_yaml(ROOT / "_toc.yml")):
        assert any((ROOT / f"{name}{s}").is_file() for s in (".md", ".ipynb")), name
    ours = {p.relative_to(ROOT).with_suffix("").as_posix() for p in BOOK.rglob("*.md")}
    ours = {name for name in ours if not any(part in name for part in ("/_", "/assets/", "/."))}
    assert ours == {name for name in pages if name.startswith("book/")}


def bibliography() -> list[str]:
    text = (BOOK / "references.bib").read_text(encoding="utf-8")
    return re.findall(r"^@\w+\{([^,]+),", text, flags=re.M)


def test_bibliography_keys_are_unique_and_in_form():
    keys = bibliography()
    assert len(keys) == len(set(keys))
    for key in keys:
        assert re.fullmatch(r"[a-z]+-\d{4}-[a-z0-9]+", key), key


def test_every_reference_is_cited_and_every_citation_known():
    keys = set(bibliography())
    text = texts()
    cited = {
        key.strip()
        for group in re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
        for key in group.split(",")
    }
    cited |= set(re.findall(r"\[([a-z]+-\d{4}-[a-z0-9]+)\]", text))
    assert not {key for key in keys if key not in cited}
    assert not {key for key in cited if key not in keys}


def test_each_term_of_the_glossary_is_defined_once():
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(?![`(#:\s])(.+)$", text.partition("```{glossary}")[2], flags=re.M)
    assert len(terms) > 50
    assert len({term.lower() for term in terms}) == len(terms)


def test_vendored_files_equal_their_manifest():
    import vendor

    assert vendor.check() == []
    for entry in json.loads(vendor.MANIFEST.read_text(encoding="utf-8")):
        assert set(entry) == {"file", "name", "version", "licence", "sha256"}
        assert entry["licence"] in ("Apache-2.0", "OFL-1.1")


def test_each_vendored_package_ships_its_licence():
    import vendor

    for package in vendor.PACKAGES:
        assert (vendor.VENDOR / package.folder / "LICENSE").is_file(), package.name


def test_a_changed_vendored_file_is_noticed(tmp_path, monkeypatch):
    import vendor

    (tmp_path / "a.js").write_text("1")
    entry = {"file": "a.js", "sha256": "0" * 64}
    (tmp_path / "MANIFEST.json").write_text(json.dumps([entry, {"file": "b.js", "sha256": ""}]))
    (tmp_path / "c.js").write_text("")
    monkeypatch.setattr(vendor, "VENDOR", tmp_path)
    monkeypatch.setattr(vendor, "MANIFEST", tmp_path / "MANIFEST.json")
    assert vendor.check() == [
        "b.js: listed but missing",
        "c.js: present but not listed",
        "a.js: content differs from the manifest",
    ]


def colours(theme: str) -> dict[str, str]:
    css = (BOOK / "assets/paralg.css").read_text(encoding="utf-8")
    selector = {"light": "html[data-theme]", "dark": 'html[data-theme="dark"]'}[theme]
    block = css.partition(f"{selector} {{\n")[2].partition("}")[0]
    return dict(re.findall(r"--paralg-([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_colour_is_readable_on_every_surface(theme):
    known = colours(theme)
    text = {k: v for k, v in known.items() if k in ("ink", "muted", "accent") or "-text" in k}
    assert len(text) == 9
    for name, colour in text.items():
        for surface in ("paper", "surface"):
            assert contrast(colour, known[surface]) >= 4.5, (name, surface)
    assert contrast(known["edge"], known["paper"]) >= 3


def test_the_repository_is_named_in_one_place_of_the_book():
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    named = [
        path for path in [*BOOK.rglob("*.py"), *BOOK.rglob("*.html"), *BOOK.rglob("*.js")]
        if url in path.read_text(encoding="utf-8") and "vendor" not in path.parts
    ]  # fmt: skip
    assert named == []


def test_no_style_depends_on_what_the_body_holds():
    for name in ("paralg.css", "home.css"):
        css = (BOOK / "assets" / name).read_text(encoding="utf-8")
        assert not re.search(r"body(:not\()?:has\(", css), "matched again at every change of a page"


def test_only_the_home_page_loads_its_style():
    import page_chrome

    app = SimpleNamespace(config=SimpleNamespace(root_doc="book/index"))
    for page, names in (("book/index", ["paralg.css", "home.css"]), ("book/data", ["paralg.css"])):
        context = {"css_files": ["paralg.css", "home.css", "sphinx-thebe.css"]}
        page_chrome.drop_scripts(app, page, "", context, None)
        assert context["css_files"] == names
