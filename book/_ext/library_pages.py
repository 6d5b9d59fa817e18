"""Sphinx extension: the API reference, written from the library's own docstrings.

``{library} paralg.core`` documents every public module under a package, so a new paper appears
and a deleted one vanishes without an edit here.  Names re-exported by a package with ``__all__``
are documented once, under the package; references by the defining module resolve to the same
place.  Every function and class ends with a link to the chapter that explains it.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from numpydoc_text import to_rest
from sphinx.domains.python import PythonDomain
from sphinx.util.docutils import SphinxDirective
from used_sources import PARTS

CHAPTERS = {  # shared modules and the page that explains them; papers name their own
    "paralg.core.cost": "work-span",
    "paralg.core.laws": "work-span",
    "paralg.core.schedule": "work-span",
    "paralg.core.primitives": "primitives",
    "paralg.core.timing": "measuring",
    "paralg.core.claims": "measuring",
    "paralg.core.random": "personalized-pagerank",
    "paralg.core.engine": "personalized-pagerank",
    "paralg.decoding": "freedave",
    "paralg.models": "freedave",
}
_LONGEST_VALUE = 60


def public_modules(package: str) -> list[str]:
    """Importable modules under a package that offer names: packages with ``__all__``, modules."""
    module = importlib.import_module(package)
    if not hasattr(module, "__path__"):
        return [package]
    if getattr(module, "__all__", None) and package.count(".") > 1:
        return [package]
    found = []
    for path in sorted(Path(module.__path__[0]).iterdir()):
        name = f"{package}.{path.stem}"
        if path.name.startswith(("_", ".")) or path.stem in ("checks", "explorer"):
            continue
        if path.suffix == ".py":
            found.append(name)
        elif (path / "__init__.py").is_file():
            found += public_modules(name)
    return [name for name in found if getattr(importlib.import_module(name), "__all__", None)]


def chapter_of(module: str) -> str | None:
    """Slug of the chapter that explains a module (``ch-<slug>``), or None."""
    parts = module.split(".")
    if len(parts) >= 3 and parts[1] in PARTS and _is_paper(parts[:3]):
        return parts[2].replace("_", "-")
    for length in range(len(parts), 1, -1):
        slug = CHAPTERS.get(".".join(parts[:length]))
        if slug:
            return slug
    return None


def _is_paper(parts: list[str]) -> bool:
    module = importlib.import_module(".".join(parts))
    return (Path(module.__file__).parent / "checks.py").is_file() and hasattr(module, "__path__")


class LibraryDirective(SphinxDirective):
    """Document the public modules under a package, one section each."""

    required_arguments = 1
    option_spec = {"only": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return one section for every public module."""
        sections = []
        wanted = self.options.get("only", "").split()
        for module in public_modules(self.arguments[0]):
            if not wanted or module.rpartition(".")[2] in wanted:
                sections.append(self._section(module))
        return sections

    def _section(self, name: str) -> nodes.section:
        module = importlib.import_module(name)
        self.env.note_dependency(module.__file__)
        for path in Path(module.__file__).parent.glob("*.py"):
            self.env.note_dependency(str(path))
        anchor = f"api-{name.removeprefix('paralg.').replace('.', '-').replace('_', '-')}"
        section = nodes.section(ids=[anchor], names=[anchor])
        section += nodes.title("", "", nodes.literal(text=name))
        self.state.document.note_explicit_target(section)
        self._parse(_module_text(module), section)
        return section

    def _parse(self, lines: list[str], parent: nodes.Element) -> None:
        fenced = ["``````{eval-rst}", *lines, "``````"]
        source = StringList(fenced, source=self.get_source_info()[0])
        self.state.nested_parse(source, self.content_offset, parent)


def _module_text(module) -> list[str]:
    """Lines of reST that document a module."""
    lines = [f".. py:module:: {module.__name__}", ""]
    lines += [*to_rest(inspect.cleandoc(module.__doc__ or "").splitlines()), ""]
    slug = chapter_of(module.__name__)
    if slug and _chapter_exists(slug):
        lines += [f"Explained in :ref:`ch-{slug}`.", ""]
    for group, names in _grouped(module).items():
        if group and group != module.__name__:
            lines += [f".. rubric:: {_summary(group)}", "   :class: paralg-group", ""]
        for name in names:
            lines += _object_text(module, name)
    return lines


def _grouped(module) -> dict[str, list[str]]:
    """Public names by defining module, in order of appearance; names of elsewhere left out."""
    groups: dict[str, list[str]] = {}
    package = module.__name__ if hasattr(module, "__path__") else None
    for name in module.__all__:
        home = getattr(getattr(module, name), "__module__", None) or module.__name__
        constant = not callable(getattr(module, name))
        inside = home == module.__name__ or (package and home.startswith(package + "."))
        if constant:
            groups.setdefault(module.__name__, []).append(name)
        elif inside:
            groups.setdefault(home, []).append(name)
    return groups


def _object_text(module, name: str) -> list[str]:
    thing = getattr(module, name)
    full = f"{module.__name__}.{name}"
    if inspect.isclass(thing):
        return [f".. autoclass:: {full}", "   :members:", ""]
    if callable(thing) and hasattr(thing, "__name__"):
        return [f".. autofunction:: {full}", ""]
    value = repr(thing)
    lines = [f".. py:data:: {full}"]
    if len(value) <= _LONGEST_VALUE and " at 0x" not in value:
        lines += [f"   :value: {value}"]
    return [*lines, ""]


def _summary(module: str) -> str:
    text = inspect.cleandoc(importlib.import_module(module).__doc__ or module)
    return to_rest(text.splitlines()[:1])[0].rstrip(".")


_chapters: set[str] = set()  # slugs of the pages in this build


def _chapter_exists(slug: str) -> bool:
    return slug in _chapters


def note_chapters(app, env, docnames) -> None:
    """Remember which chapters this build has, for the links from functions to them."""
    _chapters.clear()
    _chapters.update(Path(name).name.replace("_", "-") for name in env.found_docs)


def rewrite_docstring(app, what, name, thing, options, lines) -> None:
    """Render numpydoc sections and add the link to the chapter."""
    citations = frozenset(app.env.get_domain("cite").bibdata.data.entries)
    lines[:] = to_rest(lines, citations)
    slug = chapter_of(getattr(thing, "__module__", None) or "paralg")
    if what in ("function", "class") and slug and _chapter_exists(slug):
        lines += ["", f":ref:`Chapter: {slug.replace('-', ' ')} <ch-{slug}>`", ""]


def resolve_alias(app, env, node, contnode):
    """Resolve another path to the same object (``core.Cost`` for ``core.cost.Cost``)."""
    if node.get("refdomain") != "py":
        return None
    domain: PythonDomain = env.get_domain("py")
    for name in _other_names(node.get("reftarget", "")):
        if name in domain.objects:
            entry = domain.objects[name]
            uri = app.builder.get_relative_uri(node["refdoc"], entry.docname)
            return nodes.reference(
                "", "", contnode, internal=True, refuri=f"{uri}#{entry.node_id}", reftitle=name
            )
    return None


def _other_names(target: str) -> list[str]:
    """Full names under which the object called ``target`` may be documented."""
    module, _, name = target.rpartition(".")
    if not module.startswith("paralg"):
        return []
    try:
        thing = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        return []
    home = getattr(thing, "__module__", None) or module
    parents = home.split(".")
    return [
        ".".join([*parents[:length], getattr(thing, "__name__", name)])
        for length in range(len(parents), 1, -1)
    ]


def setup(app):
    """Register the extension."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_directive("library", LibraryDirective)
    app.connect("env-before-read-docs", note_chapters)
    app.connect("autodoc-process-docstring", rewrite_docstring)
    app.connect("missing-reference", resolve_alias)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
