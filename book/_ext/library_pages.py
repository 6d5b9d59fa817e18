"""Sphinx extension: the API reference, written from the library's own docstrings.

``{library} paralg.core`` documents every public module under a package, a section each;
``:only:`` names some of them.  Of a part, papers are left out: each has a page of its own, on
which ``{library} paralg.<part>.<paper>`` stands for the whole page.  Names re-exported by a
package with ``__all__`` are documented once, under the package; references by the defining module
resolve to the same place.  Every function and class ends with a link to its chapter.
"""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from library_names import LinkListings, resolve_alias
from numpydoc_text import to_rest
from sphinx.util import logging
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
    "paralg.recurrences.compared": "recurrences-compared",
    "paralg.sequence": "recurrences-compared",
}
_LONGEST_VALUE = 60
LOGGER = logging.getLogger(__name__)


def public_modules(package: str) -> list[str]:
    """Modules and packages under a package that offer names, that is, have ``__all__``.

    A package inside a part (a paper) is one entry; its modules are not listed besides.
    """
    module = _import(package)
    if module is None:
        return []
    offers = [package] if getattr(module, "__all__", None) else []
    if not hasattr(module, "__path__") or (offers and package.count(".") > 1):
        return offers
    found = []
    for path in sorted(Path(module.__path__[0]).iterdir()):
        if path.name.startswith(("_", ".")) or path.stem in ("checks", "explorer"):
            continue
        if path.suffix == ".py" or (path / "__init__.py").is_file():
            found += public_modules(f"{package}.{path.stem}")
    return found


def _import(name: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        LOGGER.warning(f"the API pages need {name}, which cannot be imported: {error}")
        return None


def _anchor(module: str) -> str:
    return f"api-{module.removeprefix('paralg.').replace('.', '-').replace('_', '-')}"


def _stands_alone(module: str) -> bool:
    """Whether a package of a part has its own page: a paper's, or a comparison's."""
    _, part, *rest = module.split(".")
    package = importlib.import_module(".".join(module.split(".")[:3]))
    return part in PARTS and bool(rest) and hasattr(package, "__path__")


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
    folder = Path(module.__file__).parent
    has_checks = any((folder / name).is_file() for name in ("checks.py", "teaching/checks.py"))
    return has_checks and hasattr(module, "__path__")


class LibraryDirective(SphinxDirective):
    """Document the public modules under a package, one section each."""

    required_arguments = 1
    option_spec = {"only": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return one section for every public module, or the page of the only one."""
        package, modules = self.arguments[0], public_modules(self.arguments[0])
        self.env.note_dependency(_import(package).__file__)
        if modules == [package]:
            page = nodes.Element()
            self._fill(package, page)
            return list(page.children)
        head = nodes.Element()
        self._parse([f".. py:module:: {package}", ""], head)
        wanted = self.options.get("only", "").split()
        modules = [
            name for name in modules
            if (not wanted or name.removeprefix(f"{package}.").partition(".")[0] in wanted)
            and not (package.count(".") == 1 and _stands_alone(name))
        ]  # fmt: skip
        return [*head.children, *map(self._section, modules)]

    def _section(self, name: str) -> nodes.section:
        anchor = _anchor(name)
        section = nodes.section(ids=[anchor], names=[anchor])
        section += nodes.title("", "", nodes.literal(text=name))
        self.state.document.note_explicit_target(section)
        self._fill(name, section)
        return section

    def _fill(self, name: str, parent: nodes.Element) -> None:
        module = importlib.import_module(name)
        for path in Path(module.__file__).parent.glob("*.py"):
            self.env.note_dependency(str(path))
        with self._numbering(_anchor(name)):
            self._parse(_module_text(module), parent)

    @contextmanager
    def _numbering(self, anchor: str) -> Iterator[None]:
        """Number automatic ids by section: every parsed fragment begins to count anew."""
        settings = self.state.document.settings
        before, settings.auto_id_prefix = settings.auto_id_prefix, f"{anchor}-id"
        yield
        settings.auto_id_prefix = before

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
    lines = [f".. py:data:: {name}"]
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
        link = f"Explained in :ref:`ch-{slug}`."
        lines += ["", ".. container:: paralg-explained", "", f"   {link}", ""]


def plain_signature(app, what, name, thing, options, signature, returns):
    """Leave out the signature that every enumeration inherits."""
    if inspect.isclass(thing) and issubclass(thing, Enum):
        return "", None
    return None


def name_own_places(app, doctree) -> None:
    """Write places in the repository as they are in any copy of it; constants show them."""
    here = f"{app.srcdir}{os.sep}"
    for text in list(doctree.findall(nodes.Text)):
        if here in text:
            text.parent.replace(text, nodes.Text(text.replace(here, "")))


def setup(app):
    """Register the extension."""
    app.setup_extension("sphinx.ext.autodoc")
    app.add_post_transform(LinkListings)
    app.add_directive("library", LibraryDirective)
    app.connect("env-before-read-docs", note_chapters)
    app.connect("autodoc-process-docstring", rewrite_docstring)
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("doctree-read", name_own_places)
    app.connect("missing-reference", resolve_alias)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
