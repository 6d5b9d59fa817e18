"""What was found of a page is kept, so that nothing is examined again until the page changes.

``tests/verdicts.json`` says for each page under which key it passed: ``visit`` (key: all that is
shown, and what looks at it), ``axe`` (key: what the page is made of), ``lab`` (key: the notebook)
and ``repeated`` (key: its execution). A page with another key is examined; ``make verdicts`` after
a green ``make test`` keeps what that run found. ``make test-all`` sets PARALG_EXAMINE=all, under
which no verdict counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "tests" / "verdicts.json"
FOUND = ROOT / "_build" / "verdicts"

_VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr",
}  # fmt: skip
_NAMED = ("class", "role", "type", "lang", "scope", "tabindex", "for", "data-theme")


def passed(kind: str, page: str, key: str) -> bool:
    """Whether a page has passed under this key before, here or where the kept file was made."""
    if os.environ.get("PARALG_EXAMINE") == "all":
        return False
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    here = _found(kind, page)
    ok = kept.get(kind, {}).get(page) == key or (here.exists() and here.read_text() == key)
    if ok:
        note(kind, page, key)
    return ok


def note(kind: str, page: str, key: str) -> None:
    """Remember that a page passed under this key."""
    path = _found(kind, page)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(key)


def _found(kind: str, page: str) -> Path:
    return FOUND / kind / page.replace("/", "__")


class _Elements(HTMLParser):
    """The kinds of elements of a page: tag, meaning, and those of all elements around it.

    Numbers and words are left out: they change from build to build and no rule of axe reads them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[str] = set()
        self._open: list[tuple[str, str]] = []
        self._script = False

    def handle_starttag(self, tag, attributes):
        meaning = sorted(
            f"{name}={value}" if name in _NAMED else name
            for name, value in attributes
            if name in _NAMED or name in ("alt", "href", "id") or name.startswith("aria-")
        )
        around = self._open[-1][1] if self._open else ""
        kind = hashlib.sha256(f"{around}|{tag}|{meaning}".encode()).hexdigest()[:16]
        self.kinds.add(kind)
        if tag not in _VOID:
            self._open.append((tag, kind))
        if tag == "script":
            self._script = "json" not in (dict(attributes).get("type") or "")

    def handle_endtag(self, tag):
        while tag in (name for name, _ in self._open) and self._open.pop()[0] != tag:
            pass
        self._script = False

    def handle_data(self, data):
        if self._script:
            self.kinds.add(hashlib.sha256(data.encode()).hexdigest()[:16])
        elif data.strip() and self._open:
            self.kinds.add(self._open[-1][1] + "-text")


def made_of(page: Path, site: Path) -> str:
    """Hash of what axe judges of a page: its elements, and the site's styles and scripts."""
    elements = _Elements()
    elements.feed(page.read_text(encoding="utf-8"))
    digest = hashlib.sha256("\n".join(sorted(elements.kinds)).encode())
    digest.update(_furniture(site).encode())
    return digest.hexdigest()[:20]


_MENU = re.compile(r'<nav class="bd-links.*?</nav>', re.S)


def shown(page: Path, made_of: str, *looked_at_by: Path) -> str:
    """Hash of all that a page shows, the names in the menu apart, and of the tests that look at it.

    The menu names every page: a further chapter would change them all, and moves none.
    """
    digest = hashlib.sha256(_MENU.sub("", page.read_text(encoding="utf-8")).encode())
    for path in looked_at_by:
        digest.update(path.read_bytes())
    digest.update(made_of.encode())
    return digest.hexdigest()[:20]


_FURNITURE: dict[Path, str] = {}


def _furniture(site: Path) -> str:
    if site not in _FURNITURE:
        digest = hashlib.sha256()
        for path in sorted((site / "_static").rglob("*")):
            if path.suffix in (".css", ".js") and "vendor" not in path.parts:
                digest.update(path.name.encode() + path.read_bytes())
        _FURNITURE[site] = digest.hexdigest()
    return _FURNITURE[site]


def main() -> int:
    """Keep what the last run found."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(FOUND.glob("*/*")):
        found.setdefault(path.parent.name, {})[path.name.replace("__", "/")] = path.read_text()
    if not found:
        print("Nothing was found yet: make test comes first.", file=sys.stderr)
        return 2
    KEPT.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    counts = ", ".join(f"{kind}: {len(pages)} pages" for kind, pages in found.items())
    print(f"{KEPT.relative_to(ROOT)}: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
