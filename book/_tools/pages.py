"""The chapters as notebooks that any program opens: Jupyter, Binder, Colab, a download.

    python book/_tools/pages.py            write those that are missing or old
    python book/_tools/pages.py --check    say which they are

The sources are the notebooks of the chapters and the pages under ``book/`` that have cells; what
is made of them lies under ``notebooks/open/`` and has the same cells in plain Markdown, every
reference a link with its number, captions under figures, code of figures folded.  Numbers and
addresses are those of the last build.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import nb  # noqa: E402
import nbformat  # noqa: E402
import yaml  # noqa: E402
from plain import Plain  # noqa: E402

ROOT = HERE.parents[1]
OPEN = "notebooks/open"
_CODE = re.compile(r"^```\{code-cell\}", re.MULTILINE)
_QUIZ = re.compile(r"^```\{quiz\} (\w+)\n```$", re.MULTILINE)
_LISTING = re.compile(r"^```\{literalinclude\} (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CAPTION = re.compile(r'^:caption: "?(.*?)"?$', re.MULTILINE)
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
INSTALL = """\
# Colab and the like: install the library. Where it is, this does nothing.
import importlib.util

if importlib.util.find_spec("paralg") is None:
    package = "{package}"
    get_ipython().run_line_magic("pip", f"install -q '{{package}}'")"""


def sources(root: Path = ROOT) -> list[Path]:
    """Return notebooks of chapters, and pages under ``book/`` that have cells to execute."""
    chapters = nb.notebooks(root / "notebooks")
    chapters = [path for path in chapters if root / OPEN not in path.parents]
    pages = (p for p in sorted((root / "book").rglob("*.md"))
             if HERE not in p.parents and p.parent.name != ".ipynb_checkpoints")  # fmt: skip
    return chapters + [p for p in pages if _CODE.search(p.read_text(encoding="utf-8"))]


def notebook_of(source: Path, root: Path = ROOT) -> Path:
    """Return where a source's open notebook stands: in the folder of its part."""
    parts = source.relative_to(root).with_suffix(".ipynb").parts[1:]
    return Path(root, OPEN, *(parts if len(parts) > 1 else ("comparisons", *parts)))


def repository(root: Path = ROOT) -> str:
    """Return the address of the repository."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return config["repository"]["url"]


def site_of(url: str) -> str:
    """Return the address of the site that a repository publishes."""
    owner, name = url.rstrip("/").split("/")[-2:]
    return f"https://{owner}.github.io/{name}/"


def convert(source: Path, plain: Plain, root: Path = ROOT):
    """Return the open notebook of a source."""
    notebook = read(source)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cells.append(_cell("markdown", cell.id, plain.text(cell.source)))
        else:
            cells += _code(cell, plain)
    cells = [cell for cell in cells if cell.source]
    path = source.relative_to(root).with_suffix("").as_posix()
    made = (f"*This notebook is made from [a page of the book]({plain.site}{path}.html), to which "
            f"its references lead. Run all its cells, and its figures appear.*")  # fmt: skip
    package = f"paralg[torch] @ git+{repository(root)}"
    install = _cell("code", "install", INSTALL.format(package=package))
    install.metadata["jupyter"] = {"source_hidden": True}
    first = 1 + next(i for i, cell in enumerate(cells) if cell.cell_type == "markdown")
    cells[first:first] = [_cell("markdown", "made-from", made), install]
    notebook = nbformat.v4.new_notebook(metadata=nb.KERNEL, cells=cells)
    nbformat.validate(notebook)
    return notebook


def read(source: Path):
    """Return a source as a notebook of MyST; listings and quizzes of a page become cells."""
    if source.suffix == ".ipynb":
        return nb.read(source)
    text = _LISTING.sub(_told, source.read_text(encoding="utf-8"))
    text = _QUIZ.sub(r'```{code-cell}\nfrom paralg.teach import quiz\n\nquiz("\1")\n```', text)
    return nb.from_text(text, source.stem)


def _told(listing: re.Match) -> str:
    path = listing[1].removeprefix("../").removeprefix("../")
    caption = _CAPTION.search(listing[2])
    return f"*Listing:* {caption[1]}, in `{path}`." if caption else f"*Listing:* `{path}`."


def _code(cell, plain: Plain) -> list:
    """A code cell, folded if the site hides it, and the caption of its figure."""
    code = _cell("code", cell.id, cell.source)
    if FOLDED & set(cell.metadata.get("tags", [])):
        code.metadata["jupyter"] = {"source_hidden": True}
    figure = cell.metadata.get("mystnb", {}).get("figure", {})
    if not figure.get("caption"):
        return [code]
    number = plain.link(figure["name"]) if figure.get("name") else "Figure"
    caption = f"**{number}.** {plain.text(figure['caption'])}"
    return [code, _cell("markdown", f"{cell.id}-caption", caption)]


def _cell(kind: str, name: str, source: str):
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}[kind]
    return make(source, id=name[:64])


def stale(plain: Plain, root: Path = ROOT) -> list[Path]:
    """Return sources whose notebook is missing or old, and notebooks whose source is gone."""
    found, kept = [], set()
    for source in sources(root):
        target = notebook_of(source, root)
        kept.add(target)
        text = target.read_text(encoding="utf-8") if target.exists() else ""
        if text != nb.dumps(convert(source, plain, root)):
            found.append(source)
    return found + sorted(set(nb.notebooks(root / OPEN)) - kept)


def main(argv: list[str] | None = None) -> int:
    """Write the notebooks, or say which are old; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    known = args.root / "_build" / "references.json"
    if not known.exists():
        parser.error("numbers and addresses are those of the last build: make book comes first")
    references = json.loads(known.read_text(encoding="utf-8"))
    plain = Plain(references, site_of(repository(args.root)))
    old = stale(plain, args.root)
    for source in old:
        gone = args.root / OPEN in source.parents
        target = source if gone else notebook_of(source, args.root)
        if gone and not args.check:
            source.unlink()
        elif not args.check:
            nb.write(convert(source, plain, args.root), target)
        print(f"{target.relative_to(args.root)}{' (its source is gone)' if gone else ''}")
    return int(bool(old) and args.check)


if __name__ == "__main__":
    sys.exit(main())
