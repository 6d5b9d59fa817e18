"""What every chapter costs beside its budgets: ``make cost``.

Lines are counted now; seconds are processor time of the last execution of the pages and of the last
run of the tests; a visit that was not repeated counts with what it cost when it was made.
A mark ``!`` stands at what is over its budget.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import paralg  # noqa: E402

PARTS = tuple(part for part in paralg.PARTS if part != "foundations")
PLAIN_LINES, PLAIN_FILES = 450, 4
CHAPTER_LINES, COMMAND_LINES, TEST_LINES = 2400, 1200, 600
HOUSE_LINES = 29_360
"""Shelves and the first six chapters: 28,000, 1,300 for graphs, checks, prices, 60 for tables."""
FURTHER_LINES = 1600  # a chapter after the first six, in the mean
COMPARED_LINES = 400  # a page that compares the chapters of a part, after the first two
CORE_PAGE = {"words": 5000, "cells": 50}
EXPERIMENTS_PAGE = {"words": 3500, "cells": 40}
OWN_TESTS, PAGE_TESTS, EXECUTION = 8.0, 8.0, 20.0  # processor seconds
NOT_PLAIN = {"__init__.py", "__main__.py", "theory.py", "variants.py"}
ROOMS = {"fast", "experiments", "teaching", "command"}


def lines(*paths: Path) -> int:
    """Lines of Python in files and folders."""
    files = [f for path in paths for f in (path.rglob("*.py") if path.is_dir() else [path])]
    files = [file for file in files if file.parent.name != ".ipynb_checkpoints"]
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def all_lines() -> int:
    """Lines that the library may have, with as many chapters and comparisons as are finished."""
    compared = len(list((ROOT / "paralg").glob("*/compared")))
    further = FURTHER_LINES * max(0, len(chapters()) - 6)
    return HOUSE_LINES + further + COMPARED_LINES * max(0, compared - 2)


def chapters() -> list[Path]:
    """Packages of finished papers, in the order of the parts."""
    return [
        folder
        for part in PARTS
        for folder in sorted((ROOT / "paralg" / part).glob("[a-z]*/"))
        if (folder / "__init__.py").exists() and folder.name != "compared"
    ]


def plain(chapter: Path) -> list[Path]:
    """The files in which a newcomer reads the paper."""
    return sorted(path for path in chapter.glob("*.py") if path.name not in NOT_PLAIN)


def tests_of(chapter: Path) -> list[Path]:
    """The chapter's own test files; those of its command are counted with the command."""
    found = sorted((ROOT / "tests" / chapter.parent.name).glob(f"test_{chapter.name}*.py"))
    return [path for path in found if not path.stem.endswith("_command")]


def size(chapter: Path) -> dict[str, int]:
    """Lines of a chapter: all rooms but the command's, the command's, the plain ones, its tests."""
    command = lines(chapter / "command") if (chapter / "command").is_dir() else 0
    return {
        "lines": lines(chapter) - command, "command": command,
        "plain": lines(*plain(chapter)), "files": len(plain(chapter)),
        "tests": lines(*tests_of(chapter)),
    }  # fmt: skip


def notebooks(chapter: Path) -> list[Path]:
    """The chapter's page and its experiments page, where there is one."""
    folder = ROOT / "notebooks" / chapter.parent.name
    names = (f"{chapter.name}.ipynb", f"{chapter.name}_experiments.ipynb")
    return [folder / name for name in names if (folder / name).exists()]


def page_size(path: Path) -> dict[str, int]:
    """Words of prose and number of cells of a notebook."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return {"words": sum(len(text.split()) for text in prose), "cells": len(cells)}


def seconds_of_execution(path: Path) -> float | None:
    """Processor seconds of a page's execution; None while it is not executed."""
    from notebook_store import Store, read_notebook

    store = Store(ROOT)
    done = store.load(store.key(read_notebook(path)))
    return done.cpu or None if done else None


def seconds_of_tests() -> dict[str, float]:
    """Processor seconds of every test of the last run."""
    spent: dict[str, float] = {}
    for path in sorted((ROOT / "_build" / "cost").glob("*.json")):
        spent |= json.loads(path.read_text())
    return spent


def processor_seconds() -> float:
    """Processor time of this process, of what it started, and of what all these have reaped."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # nothing that it started is alive
        return sum(os.times()[:4])
    import psutil

    process, total = psutil.Process(), 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            total += sum(one.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def _sum(spent: dict[str, float], wanted) -> float | None:
    found = [seconds for test, seconds in spent.items() if wanted(test)]
    return sum(found) if found else None


def _when_changed(test: str) -> bool:
    """Whether it looks only at a page that changed: axe, a second execution; in no budget."""
    return test.startswith("axe: ") or "::test_a_second_execution" in test


def _shown(value: float | None, budget: float) -> str:
    if value is None:
        return "-"
    text = f"{value:,.0f}" if isinstance(value, int) else f"{value:.1f}"
    return f"{text}{'!' if value > budget else ''}"


def row(chapter: Path, spent: dict[str, float]) -> list[str]:
    """One chapter as cells of the table."""
    own, pages = size(chapter), [page_size(path) for path in notebooks(chapter)]
    names = [path.relative_to(ROOT).with_suffix("").as_posix() for path in notebooks(chapter)]
    executed = [seconds_of_execution(path) for path in notebooks(chapter)]
    files = {path.relative_to(ROOT).as_posix() for path in tests_of(chapter)}
    marks = [mark for n in names for mark in (f"[{n}.", f"[{chapter.name}")]
    of_pages = _sum(spent, lambda test: not _when_changed(test) and any(m in test for m in marks))
    budgets = (CORE_PAGE, EXPERIMENTS_PAGE)
    return [
        chapter.name, _shown(own["lines"], CHAPTER_LINES), _shown(own["plain"], PLAIN_LINES),
        _shown(own["command"], COMMAND_LINES), _shown(own["tests"], TEST_LINES),
        *(" + ".join(_shown(page[what], budget[what])
                     for page, budget in zip(pages, budgets, strict=False)) or "-"
          for what in ("words", "cells")),
        _shown(None if None in executed or not executed else sum(executed), EXECUTION),
        _shown(_sum(spent, lambda test: test.partition("::")[0] in files), OWN_TESTS),
        _shown(of_pages, PAGE_TESTS),
    ]  # fmt: skip


HEAD = ("chapter", "lines", "plain", "command", "tests", "words", "cells", "run s", "tests s",
        "pages s")  # fmt: skip
BUDGET = ("budget", CHAPTER_LINES, PLAIN_LINES, COMMAND_LINES, TEST_LINES, "5000 + 3500",
          "50 + 40", EXECUTION, OWN_TESTS, PAGE_TESTS)  # fmt: skip


def main() -> int:
    """Print the table and the size of the whole."""
    spent = seconds_of_tests()
    rows = [HEAD, tuple(map(str, BUDGET)), *(row(chapter, spent) for chapter in chapters())]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(HEAD))]
    for cells in rows:
        print("  ".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True)))
    print(f"\nparalg: {_shown(lines(ROOT / 'paralg'), all_lines())} lines of Python "
          f"(budget {all_lines():,} with {len(chapters())} chapters)")  # fmt: skip
    if not spent:
        print("No seconds of tests: make test comes first.")
    else:
        changed = _sum(spent, _when_changed) or 0.0
        print(f"all tests of the last run: {sum(spent.values()):.0f} processor seconds, "
              f"{changed:.0f} of them axe and second executions of changed pages")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
