"""Sphinx extension: badges of what is not verified, and ``{unverified}``, the list of them.

In the text a badge is a span of the class ``unverified``: ``[recalled]{.unverified}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

MEANING = "not verified against the paper"
KEPT = (nodes.emphasis, nodes.strong, nodes.literal, nodes.math, pending_xref)
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"“(]?[A-Z])")
BLOCKS = (nodes.paragraph, nodes.term, nodes.entry, nodes.title, nodes.caption)


class badge(nodes.inline):
    """One badge: says that the statement before it is not verified."""


class badges(nodes.General, nodes.Element):
    """Stands for the list of all badges until every page is read."""


class UnverifiedDirective(SphinxDirective):
    """``{unverified}``: every badge of the book with its sentence and a link."""

    def run(self) -> list[nodes.Node]:
        """Return the placeholder."""
        self.env.paralg_unverified_pages.add(self.env.docname)
        return [badges()]


class ListBadges(SphinxPostTransform):
    """Replace the placeholder by the list."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Fill every list of the page."""
        for node in list(self.document.findall(badges)):
            node.replace_self(list(self._content()))

    def _content(self) -> Iterator[nodes.Node]:
        known = self.env.paralg_unverified
        if not any(known.values()):
            yield nodes.paragraph(text="No statement of the book carries a badge now.")
        for page in (name for name in _reading_order(self.env) if known.get(name)):
            uri = self.app.builder.get_relative_uri(self.env.docname, page)
            title = nodes.reference("", self.env.titles[page].astext(), internal=True, refuri=uri)
            yield nodes.paragraph("", "", title, classes=["paralg-rubric"])
            items = nodes.bullet_list(classes=["paralg-unverified-list"])
            for anchor, word, sentence in known[page]:
                link = nodes.reference("", word, internal=True, refuri=f"{uri}#{anchor}")
                copies = [node.deepcopy() for node in sentence]
                for reference in (copy for copy in copies if isinstance(copy, pending_xref)):
                    reference["refdoc"] = self.env.docname
                body = nodes.paragraph("", "", *copies, nodes.Text(" "), link)
                items += nodes.list_item("", body)
            yield items


def _reading_order(env) -> Iterator[str]:
    from claims_store import reading_order

    return reading_order(env)


def collect(app, doctree) -> None:
    """Turn the spans of a page into badges and keep each with its sentence."""
    found = []
    spans = [node for node in doctree.findall(nodes.inline) if "unverified" in node["classes"]]
    for number, span in enumerate(spans, 1):
        anchor = f"unverified-{number}"
        made = badge("", "", *span.children, ids=[anchor], classes=["paralg-unverified"])
        span.replace_self(made)
        found.append((anchor, made.astext(), sentence_of(made)))
    app.env.paralg_unverified[app.env.docname] = found


def sentence_of(node: nodes.Node) -> list[nodes.Node]:
    """Copy the sentence that a badge ends: its text, formulas, code and emphasis."""
    block = node
    while block.parent is not None and not isinstance(block, BLOCKS):
        block = block.parent
    sentences: list[list[nodes.Node]] = [[]]
    for child in _flat(block):
        if child is node:
            return _trimmed(sentences[-1] or (sentences[-2] if len(sentences) > 1 else []))
        if not isinstance(child, nodes.Text):
            sentences[-1].append(child.deepcopy())
            continue
        first, *others = SENTENCE.split(str(child))
        sentences[-1].append(nodes.Text(first))
        sentences += [[nodes.Text(text)] for text in others]
    return []


def _flat(block: nodes.Element) -> Iterator[nodes.Node]:
    """Children of a block, neighbouring texts as one; citations are left out."""
    text = ""
    for child in _leaves(block):
        if isinstance(child, nodes.Text):
            text += str(child)
            continue
        if text:
            yield nodes.Text(text)
        text = ""
        yield child


def _leaves(block: nodes.Element) -> Iterator[nodes.Node]:
    for child in block.children:
        if isinstance(child, nodes.Element) and child.get("refdomain") == "cite":
            continue
        if isinstance(child, (badge, nodes.Text, *KEPT)):
            yield child
        elif next(child.findall(badge), None) is not None:
            yield from _leaves(child)
        else:
            yield nodes.Text(child.astext())


def _trimmed(sentence: list[nodes.Node]) -> list[nodes.Node]:
    if sentence and isinstance(sentence[-1], nodes.Text):
        sentence = [*sentence[:-1], nodes.Text(str(sentence[-1]).rstrip())]
    return sentence


def open_badge(translator, node: badge) -> None:
    """Start a badge in HTML: a title for the mouse."""
    translator.body.append(translator.starttag(node, "span", "", title=MEANING))


def close_badge(translator, node: badge) -> None:
    """End a badge: the same words for a screen reader."""
    translator.body.append(f'<span class="visually-hidden"> ({MEANING})</span></span>')


def rewrite_lists(app, env) -> list[str]:
    """Pages with a list to write again because a badge came, changed or went."""
    state = repr([(page, [(anchor, word, [n.astext() for n in sentence])
                          for anchor, word, sentence in found])
                  for page, found in sorted(env.paralg_unverified.items()) if found])  # fmt: skip
    if state == env.paralg_unverified_state:
        return []
    env.paralg_unverified_state = state
    return sorted(env.paralg_unverified_pages & set(env.found_docs))


def want_math(app, pagename, templatename, context, doctree) -> None:
    """Make a page with a list load MathJax: the formulas are those of other pages."""
    if pagename in app.env.paralg_unverified_pages:
        app.env.get_domain("math").data["has_equations"][pagename] = True


def prepare(app) -> None:
    """Give the environment the badges of every page, and the pages that list them."""
    defaults = {"unverified": {}, "unverified_pages": set(), "unverified_state": ""}
    for name, empty in defaults.items():
        if not hasattr(app.env, f"paralg_{name}"):
            setattr(app.env, f"paralg_{name}", empty)


def forget(app, env, docname: str) -> None:
    """Drop a page that is read anew or gone."""
    env.paralg_unverified.pop(docname, None)
    env.paralg_unverified_pages.discard(docname)


def setup(app):
    """Register the extension."""
    app.add_node(badge, html=(open_badge, close_badge))
    app.add_node(badges)
    app.add_directive("unverified", UnverifiedDirective)
    app.add_post_transform(ListBadges)
    app.connect("builder-inited", prepare)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", rewrite_lists)
    app.connect("html-page-context", want_math, priority=400)  # before MathJax decides, at 500
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
