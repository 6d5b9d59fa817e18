"""Sphinx extension: what every label of the book is called, and where, for notebooks outside it.

After a build ``_build/references.json`` has for each label, equation, term and citation its text
("Theorem 3.1.2", "Gu and Dao (2023)") and its address in the site.  ``book/_tools/pages.py`` makes
of it the notebooks that Jupyter, Binder and Colab open.
"""

from __future__ import annotations

import json
from pathlib import Path

from pybtex.database import Entry

NAMES = {"figure": "Figure", "table": "Table", "code-block": "Listing"}


def references(env, uri) -> dict[str, dict[str, list[str]]]:
    """Text and address of all that can be referred to, by kind and label.

    Parameters
    ----------
    env : BuildEnvironment
    uri : callable (docname) -> str
        The address of a page.
    """
    std, math, cite = (env.get_domain(name) for name in ("std", "math", "cite"))
    numbers = _numbers(env)
    labels = {
        label: [numbers.get(anchor, title), f"{uri(page)}#{anchor}"]
        for label, (page, anchor, title) in std.labels.items()
        if not page.startswith(("genindex", "search", "py-modindex"))
    }
    for page, kinds in env.toc_fignumbers.items():
        for anchors in kinds.values():
            for anchor in anchors:
                labels.setdefault(anchor, [numbers[anchor], f"{uri(page)}#{anchor}"])
    equations = {
        label: [f"({numbers.get(f'equation-{label}', number)})", f"{uri(page)}#equation-{label}"]
        for label, (page, number) in math.equations.items()
    }
    terms = {
        name: [name, f"{uri(page)}#{anchor}"]
        for (kind, name), (page, anchor) in std.objects.items() if kind == "term"
    }  # fmt: skip
    home = next(iter(sorted(key.docname for key in cite.bibliographies)), "")
    cited = {
        key: [cited_as(entry), f"{uri(home)}#cite-{key}"]
        for key, entry in cite.bibdata.data.entries.items()
    }
    return {"label": labels, "equation": equations, "term": terms, "cite": cited}


def _numbers(env) -> dict[str, str]:
    """The number of every numbered thing by its anchor, with its kind except for equations."""
    found = {}
    for kinds in env.toc_fignumbers.values():
        for kind, anchors in kinds.items():
            name = "" if kind == "displaymath" else NAMES.get(kind, kind.capitalize())
            for anchor, number in anchors.items():
                found[anchor] = f"{name} {'.'.join(map(str, number))}".strip()
    return found


def cited_as(entry: Entry) -> str:
    """Authors and year of an entry as running text: "Gu and Dao (2023)"."""
    people = [" ".join(one.prelast_names + one.last_names) for one in
              entry.persons.get("author") or entry.persons.get("editor", [])]  # fmt: skip
    people = [name.replace("{", "").replace("}", "") for name in people]
    if not people:
        people = [entry.fields.get("organization", entry.fields.get("title", "?"))]
    who = people[0] if len(people) == 1 else f"{people[0]} and {people[1]}"
    who = f"{people[0]} et al." if len(people) > 2 else who
    return f"{who} ({entry.fields.get('year', 'no year')})"


def write(app, exception) -> None:
    """Write the file after a build without errors."""
    if exception is None and app.builder.format == "html":
        found = references(app.env, app.builder.get_target_uri)
        path = Path(app.outdir).parent / "references.json"
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")


def setup(app):
    """Register the extension."""
    app.connect("build-finished", write)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
