"""The code that a page prints as the solution of an exercise, as functions."""

import re
from functools import cache
from pathlib import Path

import numpy as np

from paralg.teach.chapters import Chapter
from paralg.teach.objectives import read_page

ROOT = Path(__file__).resolve().parents[2]
_SOLUTION = re.compile(r"^(`{4,})\{solution\} (\S+)\n(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^```python\n(.*?)^```\s*$", re.MULTILINE | re.DOTALL)
_IMPORT = re.compile(r"^(?:import .+|from \S+ import (?:\([^)]*\)|.+))$", re.MULTILINE)
_NAME = re.compile(r"^def (\w+)", re.MULTILINE)


@cache
def printed(chapter: Chapter) -> dict:
    """Return the last function of every printed solution that has one, by exercise.

    A solution may use what the cells of its page import.
    """
    page = _page(chapter)
    if page is None:
        return {}
    codes = {label: _CODE.search(body) for _, label, body in _SOLUTION.findall(page.words)}
    codes = {label: code[1] for label, code in codes.items() if code and _NAME.search(code[1])}
    imported: dict = {}
    if codes:
        exec("\n".join(_IMPORT.findall(page.code)), imported)
    return {label: _last(code, imported) for label, code in codes.items()}


def _page(chapter: Chapter):
    """Return the chapter's page; None if it has none of its own."""
    places = ("book", f"{chapter.name}.md"), ("notebooks", f"{chapter.name}.ipynb")
    paths = (ROOT / folder / chapter.part / name for folder, name in places)
    return next((read_page(path) for path in paths if path.exists()), None)


def _last(code: str, imported: dict):
    space = dict(imported)
    exec(code, space)
    return space[_NAME.findall(code)[-1]]


def with_lists(function):
    """Return a function whose results are the same, with lists for tuples and arrays."""
    return lambda *given: _listed(function(*given))


def _listed(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [*map(_listed, value)] if isinstance(value, (list, tuple)) else value
