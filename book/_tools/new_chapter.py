"""Start a chapter: its rooms, its notebook, tests, benchmark, and its line in the contents.

    python book/_tools/new_chapter.py PART PAPER [--experiments]
    make chapter PART=… PAPER=… [EXPERIMENTS=1]

The new chapter runs and passes its tests from the first minute, with a sum along a tree as its
stand-in; everything that is still to be written is marked with the sign ✎.  Title and citation key
come from ``book/_data/papers.yml``; of a paper that it does not know they are asked for at once.
Each chapter brings its page of the library reference, the first of a part the part's, too.  A page
of experiments comes only where it is asked for, with the chapter or later.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import nb  # noqa: E402
import yaml  # noqa: E402

from paralg.teach import chapters  # noqa: E402

TEMPLATE = HERE / "chapter"
PARTS = tuple(part for part in chapters.PARTS if part != "foundations")


class BadRequest(ValueError):
    """A part, a name or a place that will not do; the message says what was expected."""


def files(part: str, paper: str, known: dict | None = None) -> dict[Path, str]:
    """Return path → text of every file of the new chapter, paths relative to the repository.

    Parameters
    ----------
    part, paper : str
    known : dict, optional
        The paper's entry in ``book/_data/papers.yml``.
    """
    words = _words(part, paper, known or {})
    package, made = Path("paralg", part, paper), {}
    for path in sorted((TEMPLATE / "package").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = package / path.relative_to(TEMPLATE / "package")
            made[target.with_name(path.name.removesuffix(".in"))] = _filled(path, words)
    made[Path("tests", part, f"test_{paper}.py")] = _filled(TEMPLATE / "tests.py.in", words)
    registry = Path("tests", "project", "arguments", f"{paper}.py")
    made[registry] = _filled(TEMPLATE / "arguments.py.in", words)
    made[Path("benchmarks", f"bench_{paper}.py")] = _filled(TEMPLATE / "bench.py.in", words)
    notebook = nb.from_text(_filled(TEMPLATE / "chapter.md", words), paper)
    made[Path("notebooks", part, f"{paper}.ipynb")] = nb.dumps(notebook)
    return made


def experiments_page(part: str, paper: str, known: dict | None = None) -> dict[Path, str]:
    """Return path → text of the chapter's page of experiments."""
    text = _filled(TEMPLATE / "experiments.md", _words(part, paper, known or {}))
    name = f"{paper}_experiments"
    return {Path("notebooks", part, f"{name}.ipynb"): nb.dumps(nb.from_text(text, name))}


def _words(part: str, paper: str, known: dict) -> dict[str, str]:
    """What the placeholders of the template stand for."""
    key = known.get("cite")
    return {
        "PART_NAME": part,
        "PAPER_NAME": paper,
        "PAPER-SLUG": paper.replace("_", "-"),
        "PAPER_TITLE": known.get("short", paper.replace("_", " ").capitalize()),
        "PAPER_CITATION": f"{{cite}}`{key}`" if key else "the paper",
        "PAPER_KEY": f"[{key}]" if key else "citation key of the paper",
    }


def _filled(path: Path, words: dict[str, str]) -> str:
    text = path.read_text(encoding="utf-8")
    return re.sub("|".join(words), lambda match: words[match[0]], text)


def entry_of(root: Path, paper: str) -> dict | None:
    """Return what ``book/_data/papers.yml`` says about a paper, or None."""
    path = root / "book" / "_data" / "papers.yml"
    listed = yaml.safe_load(path.read_text(encoding="utf-8"))["papers"] if path.exists() else []
    return next((entry for entry in listed if entry["module"] == paper), None)


ASKED = {
    "number": "number of the paper, or the next free one",
    "short": "title of the chapter, a few words",
    "year": "year",
    "arxiv": "arXiv number, or empty",
    "cite": "citation key author-year-word, as in book/references.bib",
    "patterns": "patterns, the carrying one first, from the list of papers.yml: scan, draft",
    "idea": "the idea in one sentence",
}


def entry_text(part: str, paper: str, answers: dict[str, str]) -> str:
    """Return a paper's entry of ``papers.yml``."""
    quoted = {"short", "cite", "arxiv", "idea"}
    lines = [f"  - number: {answers['number']}", f"    part: {part}", f"    module: {paper}"]
    for name in list(ASKED)[1:]:
        value = answers[name]
        if name == "patterns":
            value = f"[{value}]"
        lines.append(f"    {name}: " + (json.dumps(value, ensure_ascii=False) if name in quoted
                                        else value))  # fmt: skip
    return "\n".join(lines) + "\n"


def ask(part: str, paper: str) -> dict[str, str]:
    """Ask in the terminal for what ``papers.yml`` needs to know of a paper."""
    print(f"book/_data/papers.yml does not know {paper!r}; the map and the part's page need:")
    return {name: input(f"  {question}: ").strip() for name, question in ASKED.items()}


def add_entry(root: Path, part: str, paper: str) -> None:
    """Put a paper that ``papers.yml`` does not know into it, asking; refuse where no one answers.

    Raises
    ------
    BadRequest
        Without a terminal, or if the answers do not read as an entry.
    """
    path = root / "book" / "_data" / "papers.yml"
    if not path.exists() or entry_of(root, paper) is not None:
        return
    if not sys.stdin.isatty():
        example = entry_text(part, paper, {name: "…" for name in ASKED} | {"number": "43"})
        raise BadRequest(
            f"book/_data/papers.yml does not know {paper!r}. Add an entry to its list of papers, "
            f"and the citation key to book/references.bib, or call this in a terminal to be "
            f"asked:\n\n{example}"
        )
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n"
    text += entry_text(part, paper, ask(part, paper))
    try:
        known = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadRequest(f"the answers do not read as an entry: {error}") from None
    names = {pattern["name"] for pattern in known.get("patterns", [])}
    wrong = [one for one in known["papers"][-1]["patterns"] if names and one not in names]
    if wrong:
        raise BadRequest(f"patterns must be of {', '.join(sorted(names))}; got {', '.join(wrong)}")
    path.write_text(text, encoding="utf-8")


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
    taken += root.glob(f"tests/project/arguments/{paper}.py")
    taken += root.glob(f"benchmarks/bench_{paper}.py")
    if taken:
        there = ", ".join(str(path.relative_to(root)) for path in taken)
        raise BadRequest(f"{paper!r} is taken and nothing was changed: {there}")
    known = entry_of(root, paper)
    if known and known["part"] != part:
        raise BadRequest(f"book/_data/papers.yml has {paper!r} in {known['part']!r}; got {part!r}")


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


def with_experiments(toc: str, part: str, paper: str) -> str:
    """Return the table of contents with the page of experiments under its chapter."""
    chapter = f"- file: notebooks/{part}/{paper}"
    found = re.search(rf"^( *){chapter}\n", toc, re.MULTILINE)
    if not found:
        raise BadRequest(f"_toc.yml should have a line '{chapter}', got none")
    indent = found[1]
    entry = f"{indent}  sections:\n{indent}    {chapter}_experiments\n"
    return toc[: found.end()] + entry + toc[found.end() :]


def with_reference(toc: str, part: str) -> str:
    """Return the table of contents with the part's pages of the library reference, in order."""
    page = f"book/api/{part}"
    lines = toc.splitlines(keepends=True)
    there = {line.strip().removeprefix("- file: "): i for i, line in enumerate(lines)
             if line.strip().startswith("- file: book/api/")}  # fmt: skip
    if "book/api/index" not in there or page in there:
        return toc
    later = [f"book/api/{name}" for name in (*PARTS[PARTS.index(part) :], "models")]
    last = max(there.values())
    at = next((i for name, i in there.items() if name in later), last + 1)
    indent = " " * (len(lines[last]) - len(lines[last].lstrip()))
    entry = f"{indent}- file: {page}\n{indent}  sections:\n{indent}    - glob: {page}/*\n"
    return "".join([*lines[:at], entry, *lines[at:]])


def reference_page(part: str) -> str:
    """Return the text of a part's page of the library reference."""
    title = chapters.PARTS[part]
    papers = f"Each paper of {{ref}}`{title} <part-{part}>` has a page of its own."
    return (
        f"(api-{part})=\n# {title}\n\n{papers}\n\n```{{tableofcontents}}\n```\n\n"
        f"```{{library}} paralg.{part}\n```\n"
    )


def reference_of(part: str, paper: str) -> str:
    """Return the text of a paper's page of the library reference."""
    label, name = f"api-{part}-{paper}".replace("_", "-"), f"paralg.{part}.{paper}"
    return f"({label})=\n# `{paper}`\n\n```{{library}} {name}\n```\n"


def create(root: Path, part: str, paper: str, experiments: bool = False) -> list[Path]:
    """Write the chapter under `root`; all is checked before anything is written.

    With ``experiments`` its page of experiments, too; only that where there is the chapter.

    Returns
    -------
    list of Path
        The new files, relative to `root`.

    Raises
    ------
    BadRequest
    """
    table, texts = (root / "_toc.yml").read_text(encoding="utf-8"), {}
    page = root / "notebooks" / part / f"{paper}.ipynb"
    if not (experiments and page.exists()):
        check_request(root, part, paper)
        table = with_entry(table, part, paper)
        add_entry(root, part, paper)
        texts = files(part, paper, entry_of(root, paper))
        with_page = with_reference(table, part)
        if with_page != table:
            table, texts[Path("book", "api", f"{part}.md")] = with_page, reference_page(part)
        texts[Path("book", "api", part, f"{paper}.md")] = reference_of(part, paper)
    if experiments:
        if page.with_stem(f"{paper}_experiments").exists():
            raise BadRequest(f"{paper!r} has a page of experiments and nothing was changed")
        table = with_experiments(table, part, paper)
        texts |= experiments_page(part, paper, entry_of(root, paper))
    for path, text in texts.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (root / "_toc.yml").write_text(table, encoding="utf-8")
    return list(texts)


def main(argv: list[str] | None = None) -> int:
    """Create the chapter and say what comes next; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("paper", metavar="PAPER", help="module name, local_attention")
    parser.add_argument("--experiments", action="store_true", help="the page of experiments, too")
    parser.add_argument("--root", type=Path, default=HERE.parents[1], help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    try:
        made = create(args.root, args.part, args.paper, args.experiments)
    except BadRequest as error:
        print(f"No chapter was made. {error}", file=sys.stderr)
        return 2
    print("\n".join(["Made:", *(f"  {path}" for path in made), "  its line in _toc.yml", ""]))
    print(f"What is still to be written is marked ✎:  grep -rn ✎ {' '.join(_roots(made))}")
    print("CONTRIBUTING.md has the checklist.")
    return 0


def _roots(paths: list[Path]) -> list[str]:
    doors = (Path(*path.parts[:3]) if path.parts[0] == "paralg" else path for path in paths)
    return sorted({str(path) for path in doors if path.parts[0] != "book"})


if __name__ == "__main__":
    sys.exit(main())
