"""Write chapters as text, keep them as clean notebooks.

    python book/_tools/nb.py from-text DRAFT.md notebooks/recurrences/mamba.ipynb
    python book/_tools/nb.py to-text notebooks/recurrences/mamba.ipynb DRAFT.md
    python book/_tools/nb.py verify [NOTEBOOK ...]

The text is MyST as jupytext writes it: ```{code-cell} fences, `+++` between two Markdown cells.
The notebook is the source that is kept: no outputs, and cell ids that stay the same while a cell
does, so that a diff shows what changed.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import re
import sys
import warnings
from collections import Counter, defaultdict, deque
from pathlib import Path

sys.modules.setdefault("rfc3987_syntax", None)  # see book/_ext/notebook_runner.py

import jupytext  # noqa: E402
import nbformat  # noqa: E402

MYST = {"extension": ".md", "format_name": "myst"}
KERNEL = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
VOLATILE = ("trusted", "execution", "collapsed", "scrolled", "ExecuteTime")


def from_text(text: str, chapter: str, existing=None):
    """Return the notebook that MyST `text` describes.

    Parameters
    ----------
    text : str
        MyST Markdown with ``{code-cell}`` fences.
    chapter : str
        Name of the chapter; new ids are derived from it and the cell's content.
    existing : NotebookNode, optional
        The notebook as it stands; cells with equal content keep their ids.

    Returns
    -------
    NotebookNode
        Without outputs, format 4.5.
    """
    # The notebook's metadata are the same for every chapter. The empty lines keep a title such as
    # "decoding: a sample" from being read as the name of an encoding.
    body = "\n\n" + FRONT_MATTER.sub("", text)
    notebook = jupytext.reads(body, fmt=MYST)
    clean = nbformat.v4.new_notebook(metadata=KERNEL)
    clean.cells = [_clean_cell(cell) for cell in notebook.cells]
    for cell, name in zip(clean.cells, _ids(clean.cells, chapter, existing), strict=True):
        cell.id = name
    nbformat.validate(clean)
    return clean


def to_text(notebook) -> str:
    """Return the MyST text of a notebook; ids and outputs are left out."""
    bare = nbformat.v4.new_notebook(metadata=KERNEL)
    bare.cells = [_clean_cell(cell) for cell in notebook.cells]
    bare.metadata["jupytext"] = {"notebook_metadata_filter": "kernelspec,-jupytext"}
    return jupytext.writes(bare, fmt=MYST)


def problems(notebook) -> list[str]:
    """Return what keeps a notebook from being clean; an empty list if nothing does."""
    found = []
    try:
        _validate(notebook)
    except nbformat.ValidationError as error:
        found.append(f"not a valid notebook: {str(error).splitlines()[0]}")
    if notebook.metadata != KERNEL:
        found.append(f"metadata should be {KERNEL}, got {dict(notebook.metadata)}")
    if not notebook.cells:
        return [*found, "there should be at least one cell, got none"]
    for number, cell in enumerate(notebook.cells, 1):
        found += [f"cell {number}: {what}" for what in _cell_problems(cell)]
    counts = Counter(cell["id"] for cell in notebook.cells if cell.get("id"))
    found += [
        f"cell id {name!r} should be unique, got {n} of it" for name, n in counts.items() if n > 1
    ]
    return found or _round_trip_problems(notebook)


def _validate(notebook) -> None:
    """Validate a copy: nbformat would mend missing and double ids, with a warning, in place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nbformat.validate(copy.deepcopy(notebook))


def _cell_problems(cell) -> list[str]:
    found = []
    if not cell.get("id"):
        found.append("no id")
    if cell.get("outputs"):
        found.append("outputs should be empty")
    if cell.get("execution_count") is not None:
        found.append("execution count should be empty")
    found += [f"metadata {key!r} should not be kept" for key in VOLATILE if key in cell.metadata]
    if not cell.source.strip():
        found.append("the cell should say something, got only blanks")
    return found


def _round_trip_problems(notebook) -> list[str]:
    again = from_text(to_text(notebook), "again", existing=notebook)
    if again == notebook:
        return []
    pairs = zip(notebook.cells, again.cells, strict=False)
    number = next((i for i, (a, b) in enumerate(pairs, 1) if a != b), len(again.cells))
    return [f"cell {number} does not survive the way to text and back; rebuild it with from-text"]


def _clean_cell(cell):
    metadata = {key: value for key, value in cell.metadata.items() if key not in VOLATILE}
    make = {"markdown": nbformat.v4.new_markdown_cell, "raw": nbformat.v4.new_raw_cell}
    new = make.get(cell.cell_type, nbformat.v4.new_code_cell)
    return new(cell.source.rstrip(), metadata=metadata, id="0")


def _ids(cells, chapter: str, existing) -> list[str]:
    """Give equal cells their old ids, in order, and the others an id made from their content."""
    old = defaultdict(deque)
    for cell in existing.cells if existing else []:
        old[cell.cell_type, cell.source.rstrip()].append(cell.id)
    ids = [old[key].popleft() if old[key] else None for key in map(_key, cells)]
    taken = set(ids)
    for i, cell in enumerate(cells):
        if ids[i] is None:
            ids[i] = _new_id(chapter, cell, taken)
            taken.add(ids[i])
    return ids


def _key(cell) -> tuple[str, str]:
    return cell.cell_type, cell.source.rstrip()


def _new_id(chapter: str, cell, taken: set) -> str:
    for attempt in range(1000):
        seed = "\0".join([chapter, *_key(cell), str(attempt)])
        name = f"{chapter[:20].replace('_', '-')}-{hashlib.sha256(seed.encode()).hexdigest()[:8]}"
        if name not in taken:
            return name
    raise RuntimeError("a thousand equal cells in one chapter")  # pragma: no cover


def read(path: Path):
    """Return the notebook at `path` as it is, without the repairs of ``nbformat.read``."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def dumps(notebook) -> str:
    """Return a notebook as the text of its file."""
    return nbformat.writes(notebook).rstrip() + "\n"


def write(notebook, path: Path) -> None:
    """Write a notebook through a temporary file, so that no half-written one is left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(dumps(notebook), encoding="utf-8")
    temporary.replace(path)


def _command_from_text(args) -> int:
    existing = read(args.target) if args.target.exists() else None
    text = args.source.read_text(encoding="utf-8")
    notebook = from_text(text, args.target.stem, existing)
    write(notebook, args.target)
    kept = len(
        {c.id for c in notebook.cells} & {c.id for c in (existing.cells if existing else [])}
    )
    print(f"{args.target}: {len(notebook.cells)} cells, {kept} ids kept")
    return 0


def _command_to_text(args) -> int:
    args.target.write_text(to_text(read(args.source)), encoding="utf-8")
    print(args.target)
    return 0


def notebooks(folder: Path) -> list[Path]:
    """Return all notebooks below a folder, without the copies that JupyterLab makes on saving."""
    found = folder.rglob("*.ipynb")
    return sorted(path for path in found if ".ipynb_checkpoints" not in path.parts)


def _command_verify(args) -> int:
    paths = args.notebooks or notebooks(Path("notebooks"))
    found = [f"{path}: {what}" for path in paths for what in problems(read(path))]
    print("\n".join(found) if found else f"{len(paths)} notebooks are clean")
    return 1 if found else 0


def main(argv: list[str] | None = None) -> int:
    """Run one of the three commands; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for name, run in (("from-text", _command_from_text), ("to-text", _command_to_text)):
        command = commands.add_parser(name)
        command.add_argument("source", type=Path)
        command.add_argument("target", type=Path)
        command.set_defaults(run=run)
    verify = commands.add_parser("verify")
    verify.add_argument("notebooks", type=Path, nargs="*")
    verify.set_defaults(run=_command_verify)
    args = parser.parse_args(argv)
    try:
        return args.run(args)
    except FileNotFoundError as error:
        print(f"no such file: {error.filename}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
