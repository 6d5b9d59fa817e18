"""Find the documentation of a library object under whatever name it is referred to."""

from __future__ import annotations

import importlib
import re

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

__all__ = ["LinkListings", "resolve_alias"]

_CAPTION = re.compile(r"<code>(paralg\.[\w.]+)</code></figcaption>")


def resolve_alias(app, env, node, contnode):
    """Resolve another path to the same object (``core.Cost`` for ``core.cost.Cost``).

    A name that exists in the library but has no entry of its own (an undocumented method, a
    constant) leads to the class or module that holds it.
    """
    if node.get("refdomain") != "py":
        return None
    objects = env.get_domain("py").objects
    target = node.get("reftarget", "")
    for name in [*_documented_names(target, node.get("py:module")), *_endings(target, objects)]:
        if name in objects:
            entry = objects[name]
            uri = app.builder.get_relative_uri(node["refdoc"], entry.docname)
            return nodes.reference(
                "", "", contnode, internal=True, refuri=f"{uri}#{entry.node_id}", reftitle=name
            )
    return None


def _documented_names(target: str, module: str | None) -> list[str]:
    """Full names under which ``target``, or else what holds it, may be documented."""
    for full in (target, f"{module}.{target}"):
        found = _locate(full) if full.startswith("paralg") else None
        if found:
            return _outwards(*found)
    return []


def _endings(target: str, objects) -> list[str]:
    """The one documented name that ends in ``target``, or in what holds it."""
    parts = target.split(".")
    for length in range(len(parts), 0, -1):
        ending = "." + ".".join(parts[:length])
        found = [name for name in objects if name.endswith(ending)]
        if len(found) == 1:
            return found
    return []


def _locate(full: str) -> tuple[str, list[str]] | None:
    """Split a full name into the module that defines the object and the path inside it."""
    parts = full.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        path = parts[length:]
        for index, name in enumerate(path):
            if not hasattr(thing, name):
                return None
            thing = getattr(thing, name)
            if index == 0 and getattr(thing, "__module__", None):
                parts[:length] = thing.__module__.split(".")
                length = len(parts) - len(path)
        return ".".join(parts[:length]), path
    return None


def _outwards(module: str, path: list[str]) -> list[str]:
    """Names from the object itself outwards, under the module and every package above it."""
    parents = module.split(".")
    homes = [".".join(parents[:length]) for length in range(len(parents), 1, -1)]
    named = [
        ".".join([home, *path[:depth]]) for depth in range(len(path), 0, -1) for home in homes
    ]
    return named + homes


class LinkListings(SphinxPostTransform):
    """Make the name under a quoted listing a link to the object's documentation."""

    default_priority = 500

    def run(self, **kwargs) -> None:
        """Rewrite the captions of listings in the outputs of cells."""
        for node in self.document.findall(nodes.raw):
            if node.get("format") == "html" and 'class="paralg-listing"' in node.astext():
                node.children = [nodes.Text(_CAPTION.sub(self._link, node.astext()))]

    def _link(self, match: re.Match) -> str:
        objects = self.env.get_domain("py").objects
        for name in _documented_names(match[1], None):
            if name in objects:
                page, anchor = objects[name].docname, objects[name].node_id
                uri = self.app.builder.get_relative_uri(self.env.docname, page)
                return f'<a href="{uri}#{anchor}"><code>{match[1]}</code></a></figcaption>'
        return match[0]
