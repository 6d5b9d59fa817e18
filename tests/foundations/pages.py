"""The three pages as text: their cells, exercises and printed solutions."""

from __future__ import annotations

import re
from pathlib import Path

NAMES = ("work_span", "primitives", "measuring")
FOLDER = Path(__file__).parents[2] / "book" / "foundations"

_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_SOLUTION = re.compile(r"^````\{solution\} (\S+)\n(.*?)^````\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


def text_of(name: str) -> str:
    """Return the source of a page."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def cells_of(name: str) -> list[tuple[str, str]]:
    """Return (options, code) of every code cell."""
    return [_split(match[1]) for match in _CELL.finditer(text_of(name))]


def _split(cell: str) -> tuple[str, str]:
    """Take the options, in a YAML block or as lines with a colon, off the code."""
    if cell.startswith("---\n"):
        options, code = cell[4:].split("\n---\n", 1)
        return options, code
    lines = cell.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines) if not line.startswith(":")), len(lines))
    return "".join(lines[:start]), "".join(lines[start:])


def solutions_of(name: str) -> dict[str, str]:
    """Return the Python code of every printed solution by exercise."""
    return {label: _CODE.search(body)[1] for label, body in _SOLUTION.findall(text_of(name))
            if _CODE.search(body)}  # fmt: skip
