"""Sphinx extension: what surrounds the text of a page.

* a line with the chapter's three doors (library, tests, notebook) under its title;
* no script of the theme that asks a network or throws;
* a page at the root of the site that leads to the home page.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref

UNWANTED = ("sphinx-thebe", "thebe")
SHARED_LIBRARY = {"work_span": "paralg.core.cost", "primitives": "paralg.core.primitives",
                  "measuring": "paralg.core.timing"}  # fmt: skip
REDIRECT = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="refresh" content="0; url={home}"><link rel="canonical" href="{home}"></head>
<body><main><h1>{title}</h1><p><a href="{home}">Open the book</a></p></main></body></html>
"""


def drop_scripts(app, pagename, templatename, context, doctree) -> None:
    """Leave out the scripts and styles of sphinx-thebe: they throw, and name a network address."""
    for kind in ("script_files", "css_files"):
        context[kind] = [item for item in context.get(kind, []) if not _unwanted(item)]


def _unwanted(item) -> bool:
    name = str(getattr(item, "filename", item) or "")
    return any(word in name for word in UNWANTED)


def silence_thebe(app) -> None:
    """Disconnect the hooks of sphinx-thebe that add inline scripts to pages."""
    for event, listeners in app.events.listeners.items():
        app.events.listeners[event] = [
            item for item in listeners if not item.handler.__module__.startswith("sphinx_thebe")
        ]


def chapter_parts(docname: str) -> tuple[str, str] | None:
    """``(part, paper)`` of a chapter's page, or None for any other page."""
    pieces = docname.split("/")
    if len(pieces) == 3 and pieces[0] == "notebooks":
        return pieces[1], pieces[2]
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
    title.parent.insert(title.parent.index(title) + 1, line)


def _doors(app, docname: str, part: str, paper: str) -> list[tuple[str, nodes.Node]]:
    root = app.config.html_theme_options["repository_url"]
    branch = app.config.html_theme_options["repository_branch"]
    source = Path(app.env.doc2path(docname)).relative_to(app.srcdir).as_posix()
    module = SHARED_LIBRARY.get(paper, f"paralg.{part}.{paper}")
    tests = sorted(Path(app.srcdir, "tests", part).glob(f"test_{paper}*.py"))
    found = [("library", _module(docname, module))]
    if tests:
        kind, name = ("blob", f"/{tests[0].name}") if len(tests) == 1 else ("tree", "")
        url = f"{root}/{kind}/{branch}/tests/{part}{name}"
        found.append(("tests", _outside(f"tests/{part}{name}", url)))
    found.append(("source", _outside(source, f"{root}/blob/{branch}/{source}")))
    return found


def _module(docname: str, name: str) -> pending_xref:
    return pending_xref(
        "", nodes.literal(text=name), refdomain="py", reftype="mod", reftarget=name,
        refdoc=docname, refexplicit=False,
    )  # fmt: skip


def _outside(text: str, url: str) -> nodes.reference:
    return nodes.reference("", "", nodes.literal(text=text), refuri=url)


def write_root(app, exception) -> None:
    """Write the page at the root of the site."""
    if exception is None and app.builder.format == "html":
        home = app.builder.get_target_uri(app.config.root_doc)
        text = REDIRECT.format(title=app.config.html_title, home=home)
        Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def setup(app):
    """Register the extension."""
    app.connect("builder-inited", silence_thebe, priority=1)
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("doctree-read", add_doors)
    app.connect("build-finished", write_root)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
