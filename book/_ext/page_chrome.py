"""Sphinx extension: what surrounds the text of a page.

* exercise titles with their particulars (kind, stars, minutes, objective) set apart;
* a line with the chapter's three doors (library, tests, notebook) under its title;
* a line that leads from a chapter to its experiments, and one that leads back;
* no script of the theme that asks a network or throws;
* a page at the root of the site that leads to the home page.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from course_facts import is_chapter, read_facts
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_exercise.nodes import exercise_enumerable_node, exercise_node, solution_node

REPEATED_IDS = {"proof", "proof-content", "exercise-content", "solution-content"}
LAUNCHERS = ("mybinder.org", "colab.research.google.com")
UNWANTED = ("sphinx-thebe", "thebe")
SHARED_LIBRARY = {"work_span": "paralg.core.cost", "primitives": "paralg.core.primitives",
                  "measuring": "paralg.core.timing"}  # fmt: skip
REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={home}"><link rel="canonical" href="{home}"></head>
<body><main><h1>{title}</h1><p><a href="{home}">Open the book</a></p></main></body></html>
"""


def plain_bibliography(app, pagename, templatename, context, doctree) -> None:
    """Drop the roles that docutils gives to lists of references: links may not be their items."""
    if 'class="citation-list"' in context.get("body", ""):
        context["body"] = re.sub(r' role="(list|doc-biblioentry)"', "", context["body"])


def rewrite_bibliographies(app, env) -> list[str]:
    """Write the bibliography again after any change: another page may cite something new."""
    return sorted({key.docname for key in env.get_domain("cite").bibliographies})


def drop_scripts(app, pagename, templatename, context, doctree) -> None:
    """Leave out the scripts and styles of sphinx-thebe: they throw, and name a network address.

    The style of the home page is left out of all others.
    """
    words = UNWANTED if pagename == app.config.root_doc else (*UNWANTED, "home.css")
    for kind in ("script_files", "css_files"):
        context[kind] = [item for item in context.get(kind, []) if not _is_of(item, words)]


def launch_notebooks(app, pagename, templatename, context, doctree) -> None:
    """Let the buttons of a page with cells open, and download, its open notebook."""
    folder, name = pagename.split("/")[-2:] if "/" in pagename else ("", pagename)
    made = f"notebooks/open/{'comparisons' if folder == 'book' else folder}/{name}.ipynb"
    if not Path(app.srcdir, made).is_file():
        return
    root = context["pathto"]("_sources", resource=True)
    for button in context.get("header_buttons", []):
        for item in button.get("buttons", []):
            url = item.get("url", "")
            if any(host in url for host in LAUNCHERS):
                item["url"] = re.sub(rf"{re.escape(pagename)}\.(md|ipynb)", made, url)
            elif "_sources/" in url and url.endswith((".md", ".ipynb")):
                item["url"] = f"{root}/{made}"


def copy_notebooks(app, exception) -> None:
    """Put the open notebooks where their buttons look for them."""
    made = Path(app.srcdir, "notebooks", "open")
    if exception is None and app.builder.format == "html" and made.is_dir():
        target = Path(app.outdir, "_sources", "notebooks", "open")
        shutil.copytree(made, target, dirs_exist_ok=True)


def _is_of(item, words) -> bool:
    name = str(getattr(item, "filename", item) or "")
    return any(word in name for word in words)


def silence_thebe(app, config) -> None:
    """Disconnect the hooks of sphinx-thebe that add inline scripts to pages."""
    for event, listeners in app.events.listeners.items():
        app.events.listeners[event] = [
            item for item in listeners if not item.handler.__module__.startswith("sphinx_thebe")
        ]


def chapter_parts(docname: str) -> tuple[str, str] | None:
    """``(part, paper)`` of a chapter's page, or None for any other page."""
    pieces = docname.split("/")
    if len(pieces) == 3 and pieces[0] == "notebooks":
        return pieces[1], pieces[2].removesuffix("_experiments")
    if pieces[:2] == ["book", "foundations"] and len(pieces) == 3:
        return "foundations", pieces[2]
    return None


def add_doors(app, doctree) -> None:
    """Put the line with the chapter's doors under its title."""
    docname = app.env.docname
    parts = chapter_parts(docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    if parts is None or title is None:
        return
    line = nodes.paragraph(classes=["paralg-doors"])
    for label, content in _doors(app, docname, *parts):
        if line.children:
            line += nodes.Text(" · ")
        line += [nodes.inline("", f"{label} ", classes=["paralg-doors__label"]), content]
    lines = [line, *_siblings(app.env, docname)]
    title.parent[title.parent.index(title) + 1 : title.parent.index(title) + 1] = lines


def _siblings(env, docname: str) -> list[nodes.paragraph]:
    """The line from a chapter to its experiments, or from these to their chapter."""
    chapter = docname.removesuffix("_experiments")
    if chapter != docname:
        other, before, words = chapter, "Experiments of the chapter ", None
    else:
        other, before = f"{docname}_experiments", "Trained models, variants, limits: "
        words = "the experiments of this chapter"
    if other not in env.found_docs:
        return []
    link = pending_xref(
        "", nodes.inline("", words or other), refdomain="std", reftype="doc",
        reftarget=f"/{other}", refdoc=docname, refexplicit=words is not None,
    )  # fmt: skip
    return [nodes.paragraph("", "", nodes.Text(before), link, classes=["paralg-sibling"])]


def read_siblings(app, env, added, changed, removed) -> list[str]:
    """Chapters to read again because their experiments page came or went."""
    names = [name.removesuffix("_experiments") for name in added | removed
             if name.endswith("_experiments")]  # fmt: skip
    return [name for name in names if name in env.found_docs]


def _doors(app, docname: str, part: str, paper: str) -> list[tuple[str, nodes.Node]]:
    root = app.config.html_theme_options["repository_url"]
    branch = app.config.html_theme_options["repository_branch"]
    source = Path(app.env.doc2path(docname)).relative_to(app.srcdir).as_posix()
    module = SHARED_LIBRARY.get(paper) or _library(Path(app.srcdir), part, paper)
    tests = sorted(Path(app.srcdir, "tests", part).glob(f"test_{paper}*.py"))
    found = [("library", _module(docname, module))]
    if tests:
        kind, name = ("blob", f"/{tests[0].name}") if len(tests) == 1 else ("tree", "")
        url = f"{root}/{kind}/{branch}/tests/{part}{name}"
        found.append(("tests", _outside(f"tests/{part}{name}", url)))
    found.append(("source", _outside(source, f"{root}/blob/{branch}/{source}")))
    if is_chapter(docname):
        facts = read_facts(Path(app.srcdir), docname)
        found.append((f"{facts.read} min to read", nodes.Text("")))
        found.append((f"{facts.do} min of exercises", nodes.Text("")))
    return found


def _library(root: Path, part: str, paper: str) -> str:
    """The package of a paper; of a page without one, such as a comparison, its part's."""
    own = root / "paralg" / part / paper
    return f"paralg.{part}.{paper}" if own.is_dir() or own.with_suffix(".py").is_file() else (
        f"paralg.{part}"
    )


def _module(docname: str, name: str) -> pending_xref:
    return pending_xref(
        "", nodes.literal(text=name), refdomain="py", reftype="mod", reftarget=name,
        refdoc=docname, refexplicit=False,
    )  # fmt: skip


def _outside(text: str, url: str) -> nodes.reference:
    return nodes.reference("", "", nodes.literal(text=text), refuri=url)


def number_repeated_ids(app, doctree) -> None:
    """Number the ids that theorems, proofs, exercises and solutions repeat on a page."""
    repeated = [
        node for node in doctree.findall(nodes.Element)
        if node.get("ids") and node["ids"][0] in REPEATED_IDS
    ]  # fmt: skip
    for number, node in enumerate(repeated, 1):
        node["classes"].append(f"is-{node['ids'][0]}")
        node["ids"] = [f"{node['ids'][0]}-{number}"]


def head_tables(app, doctree) -> None:
    """Make the first column of a table without a header row its header."""
    for group in doctree.findall(nodes.tgroup):
        if not any(isinstance(child, nodes.thead) for child in group.children):
            first = next(child for child in group.children if isinstance(child, nodes.colspec))
            first["stub"] = 1


class PlainExerciseTitles(SphinxPostTransform):
    """Write "Exercise 3.1.2 Padding" and the particulars beside it, not all in brackets."""

    default_priority = 25  # after sphinx-exercise has resolved its titles

    def run(self, **kwargs) -> None:
        """Rewrite the titles of exercises and solutions."""
        for node in self.document.findall(nodes.Admonition):
            if isinstance(node, (exercise_node, exercise_enumerable_node)):
                _split_title(node.children[0])
            elif isinstance(node, solution_node):
                for reference in node.children[0].findall(nodes.reference):
                    _cut_at_bracket(reference)


def _split_title(title: nodes.Element) -> None:
    texts = [child for child in title.children if isinstance(child, nodes.Text)]
    if len(texts) < 2 or texts[0] != " (" or texts[-1] != ")":
        return
    title.replace(texts[0], nodes.Text(" "))
    title.remove(texts[-1])
    last = title.children[-1]
    name, bracket, particulars = last.astext().rpartition(" (")
    if isinstance(last, nodes.Text) and bracket and particulars.endswith(")"):
        title.remove(last)
        shown = particulars[:-1].replace(", ", " · ").replace("; ", " · ")
        title += nodes.Text(f"{name} ")
        title += nodes.inline("", shown, classes=["paralg-particulars"])


def _cut_at_bracket(reference: nodes.reference) -> None:
    for place, child in enumerate(reference.children):
        if child.astext() == " (":
            del reference[place:]
            return


def own_source() -> str:
    """Digest of these extensions: a change in one of them reads every page anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.*")):
        if path.suffix in (".py", ".html"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def remove_orphans(app, exception) -> None:
    """Delete pages of an earlier build whose source is gone."""
    if exception is None and app.builder.format == "html":
        kept = {*app.env.found_docs, "index", "genindex", "search"}
        for path in Path(app.outdir).rglob("*.html"):
            name = path.relative_to(app.outdir).with_suffix("").as_posix()
            if name not in kept and not name.startswith("_"):
                path.unlink()


def write_root(app, exception) -> None:
    """Write the page at the root of the site."""
    if exception is None and app.builder.format == "html":
        home = app.builder.get_target_uri(app.config.root_doc)
        text = REDIRECT.format(title=app.config.html_title, home=home)
        Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def setup(app):
    """Register the extension."""
    app.connect("config-inited", silence_thebe)
    app.connect("env-updated", rewrite_bibliographies)
    app.connect("env-get-outdated", read_siblings)
    app.connect("html-page-context", plain_bibliography)
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("html-page-context", launch_notebooks, priority=900)
    app.add_config_value("paralg_extensions", own_source(), "env", str)
    app.add_post_transform(PlainExerciseTitles)
    app.connect("doctree-read", number_repeated_ids)
    app.connect("doctree-read", head_tables)
    app.connect("doctree-read", add_doors)
    app.connect("build-finished", remove_orphans)
    app.connect("build-finished", write_root)
    app.connect("build-finished", copy_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
