"""Start a chapter: its package, its notebook, its tests, and its line in the table of contents.

    python book/_tools/new_chapter.py PART PAPER        (or: make chapter PART=… PAPER=…)

The new chapter runs and passes its tests from the first minute, with a sum along a tree as its
stand-in; everything that is still to be written is marked with the sign ✎.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import nb  # noqa: E402

from paralg.teach import chapters  # noqa: E402

TEMPLATE = HERE / "chapter"
PARTS = tuple(part for part in chapters.PARTS if part != "foundations")


class BadRequest(ValueError):
    """A part, a name or a place that will not do; the message says what was expected."""


def files(part: str, paper: str) -> dict[Path, str]:
    """Return path → text of every file of the new chapter, paths relative to the repository."""
    package, made = Path("paralg", part, paper), {}
    for path in sorted((TEMPLATE / "package").iterdir()):
        if path.is_file():
            made[package / path.name.removesuffix(".in")] = _filled(path, part, paper)
    made[Path("tests", part, f"test_{paper}.py")] = _filled(TEMPLATE / "tests.py.in", part, paper)
    notebook = nb.from_text(_filled(TEMPLATE / "chapter.md", part, paper), paper)
    made[Path("notebooks", part, f"{paper}.ipynb")] = nb.dumps(notebook)
    return made


def _filled(path: Path, part: str, paper: str) -> str:
    words = {
        "PART_NAME": part,
        "PAPER_NAME": paper,
        "PAPER-SLUG": paper.replace("_", "-"),
        "PAPER_TITLE": paper.replace("_", " ").capitalize(),
    }
    text = path.read_text(encoding="utf-8")
    return re.sub("|".join(words), lambda match: words[match[0]], text)


def check_request(root: Path, part: str, paper: str) -> None:
    """Raise `BadRequest` unless `part` is a part and `paper` a name that is free."""
    if part not in PARTS:
        raise BadRequest(f"PART must be one of {', '.join(PARTS)}; got {part!r}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", paper) or keyword.iskeyword(paper):
        expected = "a module name in lower case such as 'local_attention'"
        raise BadRequest(f"PAPER must be {expected}; got {paper!r}")
    taken = [*root.glob(f"paralg/*/{paper}/__init__.py"), *root.glob(f"paralg/*/{paper}.py")]
    taken += root.glob(f"notebooks/*/{paper}.ipynb")
    taken += root.glob(f"tests/{part}/test_{paper}.py")
    if taken:
        there = ", ".join(str(path.relative_to(root)) for path in taken)
        raise BadRequest(f"{paper!r} is taken and nothing was changed: {there}")


def with_entry(toc: str, part: str, paper: str) -> str:
    """Return the table of contents with the notebook as the last section of its part.

    Raises
    ------
    BadRequest
        If the part's opener is not in the table.
    """
    lines = toc.splitlines(keepends=True)
    opener = next(
        (i for i, x in enumerate(lines) if x.strip() == f"- file: book/parts/{part}"), None
    )
    if opener is None:
        raise BadRequest(f"_toc.yml should have a line '- file: book/parts/{part}', got none")
    indent = " " * (len(lines[opener]) - len(lines[opener].lstrip()))
    entry = f"{indent}    - file: notebooks/{part}/{paper}\n"
    at = opener + 1
    if at == len(lines) or lines[at].strip() != "sections:":
        return "".join([*lines[:at], f"{indent}  sections:\n", entry, *lines[at:]])
    at += 1
    while at < len(lines) and lines[at].startswith(f"{indent}    "):
        at += 1
    return "".join([*lines[:at], entry, *lines[at:]])


def create(root: Path, part: str, paper: str) -> list[Path]:
    """Write the chapter under `root`; all is checked before anything is written.

    Returns
    -------
    list of Path
        The new files, relative to `root`.

    Raises
    ------
    BadRequest
    """
    check_request(root, part, paper)
    toc = root / "_toc.yml"
    table = with_entry(toc.read_text(encoding="utf-8"), part, paper)
    texts = files(part, paper)
    for path, text in texts.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    toc.write_text(table, encoding="utf-8")
    return list(texts)


def main(argv: list[str] | None = None) -> int:
    """Create the chapter and say what comes next; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("paper", metavar="PAPER", help="module name, local_attention")
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    try:
        made = create(args.root, args.part, args.paper)
    except BadRequest as error:
        print(f"No chapter was made. {error}", file=sys.stderr)
        return 2
    print("\n".join(["Made:", *(f"  {path}" for path in made), "  one line in _toc.yml", ""]))
    print(f"What is still to be written is marked ✎:  grep -rn ✎ {' '.join(_roots(made))}")
    print("CONTRIBUTING.md has the checklist.")
    return 0


def _roots(paths: list[Path]) -> list[str]:
    return sorted({str(path.parent if path.parts[0] == "paralg" else path) for path in paths})


if __name__ == "__main__":
    sys.exit(main())
