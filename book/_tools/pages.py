"""Notebooks of the pages that are written as text, for Binder, Colab and JupyterLab.

    python book/_tools/pages.py            write those that are missing or old
    python book/_tools/pages.py --check    say which they are

The page under ``book/`` is the source; its notebook under ``notebooks/`` is made from it and has
the same cells.  A quoted listing becomes a line that says where it stands, a quiz becomes a cell.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import nb  # noqa: E402

ROOT = HERE.parents[1]
_CODE = re.compile(r"^```\{code-cell\}", re.MULTILINE)
_QUIZ = re.compile(r"^```\{quiz\} (\w+)\n```$", re.MULTILINE)
_LISTING = re.compile(r"^```\{literalinclude\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CAPTION = re.compile(r'^:caption: "?(.*?)"?$', re.MULTILINE)


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages under ``book/`` that have cells to execute."""
    found = (p for p in sorted((root / "book").rglob("*.md")) if HERE not in p.parents)
    return [path for path in found if _CODE.search(path.read_text(encoding="utf-8"))]


def notebook_of(page: Path, root: Path = ROOT) -> Path:
    """Return where the notebook of a page stands: the same way down from ``notebooks/``."""
    return root / "notebooks" / page.relative_to(root / "book").with_suffix(".ipynb")


def convert(page: Path, root: Path = ROOT):
    """Return the notebook of a page; cells it has in common with the one that stands keep ids."""
    target = notebook_of(page, root)
    text = _LISTING.sub(_told, page.read_text(encoding="utf-8"))
    text = _QUIZ.sub(r'```{code-cell}\nfrom paralg.teach import quiz\n\nquiz("\1")\n```', text)
    notebook = nb.from_text(text, page.stem, nb.read(target) if target.exists() else None)
    source = page.relative_to(root).as_posix()
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    first.source += f"\n\n*This notebook is made from `{source}`, where changes belong.*"
    return notebook


def _told(listing: re.Match) -> str:
    path = listing[1].removeprefix("../").removeprefix("../")
    caption = _CAPTION.search(listing[2])
    return f"*Listing:* {caption[1]}, in `{path}`." if caption else f"*Listing:* `{path}`."


def stale(root: Path = ROOT) -> list[Path]:
    """Return the pages whose notebook is missing or not what it would be made today."""
    found = []
    for page in pages(root):
        target = notebook_of(page, root)
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        if text != nb.dumps(convert(page, root)):
            found.append(page)
    return found


def main(argv: list[str] | None = None) -> int:
    """Write the notebooks, or say which are old; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    old = stale(args.root)
    for page in old:
        if not args.check:
            nb.write(convert(page, args.root), notebook_of(page, args.root))
        print(notebook_of(page, args.root).relative_to(args.root))
    return int(bool(old) and args.check)


if __name__ == "__main__":
    sys.exit(main())
