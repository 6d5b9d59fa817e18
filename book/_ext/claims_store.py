"""Sphinx extension: collect the claims that executed notebooks emit.

Outputs of :class:`paralg.core.claims.Claims`, which checks them, are gathered into
``env.paralg_claims`` (docname → tables).
Pages that show claims (see :mod:`scoreboard`, :mod:`papermap`) register themselves with
:func:`show_claims_here` and are written again whenever a claim changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from paralg.core.claims import MIME

_TIMES = re.compile(r"(?<=\d)(?:x\b| ×(?! ?\d))")


@dataclass(frozen=True)
class Chapter:
    """The claims of one page."""

    docname: str
    name: str
    rows: tuple[dict, ...]

    @property
    def headline(self) -> dict | None:
        """The row that stands for the chapter."""
        return next((row for row in self.rows if row.get("headline")), None)


def claims_in(notebook) -> Iterator[dict]:
    """Take the claim tables out of an executed notebook, leaving what readers see."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            table = output.get("data", {}).pop(MIME, None)
            if table is not None:
                yield json.loads(table) if isinstance(table, str) else json.loads(json.dumps(table))


def figure_of(value: str | None, unit: str | None = None) -> str:
    """A figure with its unit; "3x" and "3 ×" are written alike, as "3×"."""
    return _TIMES.sub("×", f"{value} {unit or ''}".strip()) if value else ""


def chapters(env) -> list[Chapter]:
    """Pages with claims, in the order of the table of contents."""
    order = {name: place for place, name in enumerate(reading_order(env))}
    known = sorted(env.paralg_claims, key=lambda name: order.get(name, len(order)))
    return [
        Chapter(name, table["chapter"], tuple(table["rows"]))
        for name in known
        for table in env.paralg_claims[name]
    ]


def reading_order(env) -> Iterator[str]:
    """Yield the pages of the book as a reader turns them."""
    stack = [env.config.root_doc]
    seen = set()
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            yield name
            stack += reversed(env.toctree_includes.get(name, []))


def show_claims_here(env) -> None:
    """Register the page being read as one that shows claims."""
    env.paralg_boards.add(env.docname)


def collect(app, docname: str, notebook) -> None:
    """Take the claims of a page that was just executed or loaded."""
    tables = list(claims_in(notebook))
    if tables:
        app.env.paralg_claims[docname] = tables


def rewrite_boards(app, env) -> list[str]:
    """Pages to write again because the claims, or the set of pages, changed."""
    state = json.dumps([env.paralg_claims, sorted(env.found_docs)], sort_keys=True)
    digest = hashlib.sha256(state.encode()).hexdigest()
    if digest == env.paralg_claims_digest:
        return []
    env.paralg_claims_digest = digest
    return sorted(env.paralg_boards & set(env.found_docs))


def prepare(app) -> None:
    """Give the environment its three attributes."""
    for name, empty in (
        ("paralg_claims", {}), ("paralg_boards", set()), ("paralg_claims_digest", "")
    ):
        if not hasattr(app.env, name):
            setattr(app.env, name, empty)


def forget(app, env, docname: str) -> None:
    """Drop what a page contributed."""
    env.paralg_claims.pop(docname, None)
    env.paralg_boards.discard(docname)


def data_file(app, name: str) -> Path:
    """A file under ``book/_data``."""
    return Path(app.srcdir) / "book" / "_data" / name


def setup(app):
    """Register the extension."""
    app.setup_extension("execution")
    app.connect("builder-inited", prepare)
    app.connect("paralg-executed", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", rewrite_boards)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
