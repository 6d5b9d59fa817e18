"""The house: rooms of a chapter, their sizes, which way imports point, one word per thing."""

import ast
import importlib
import inspect
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests import cost

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "paralg"
SAVED = ".ipynb_checkpoints"  # what JupyterLab keeps beside a file that is saved
CHAPTERS = cost.chapters()
NAMES = [f"{chapter.parent.name}/{chapter.name}" for chapter in CHAPTERS]

LEVELS = ("core", "data figures teach simd", "training", "models sequence")
"""Shelves from the ground up: each imports what stands lower, or beside it in `BESIDE`."""
BESIDE = {("figures", "teach"), ("teach", "figures"), ("data", "figures"), ("sequence", "models")}
TOP = ("__init__", "__main__", "cli", "warm")
"""Modules over everything: the commands."""
LIGHT = ("core", "data", "figures", "teach")
"""Shelves that a chapter without torch stands on."""

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=NAMES)


@cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def modules():
    return sorted(one for one in LIBRARY.rglob("*.py") if one.parent.name != SAVED)


def imported(path, *, at_import_only=False):
    """Yield every module of the library that a file imports, at its top or inside a function."""
    body = tree(path).body if at_import_only else [tree(path)]
    for node in (node for top in body for node in ast.walk(top)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(path):
    """Imports of the library's own modules, as tuples of names after ``paralg``."""
    return {
        tuple(name.split(".")[1:]) for name in imported(path) if name.startswith("paralg.")
    }  # fmt: skip


def where(path):
    return path.relative_to(LIBRARY).with_suffix("").parts


# ---- rooms and sizes


@each_chapter
def test_rooms_have_the_names_of_the_design(chapter):
    rooms = {path.name for path in chapter.iterdir() if path.is_dir()} - {"__pycache__", SAVED}
    assert rooms <= cost.ROOMS
    assert {"checks.py", "quiz.json", "explorer.py", "explorer.js", "answers.py"} <= {
        path.name for path in (chapter / "teaching").iterdir()
    }
    loose = {path.name for path in chapter.iterdir() if path.is_file()}
    assert all(name.endswith(".py") for name in loose), "data and scripts lie in rooms"
    if (chapter / "experiments").is_dir():
        weights = {path.parent.name for path in chapter.rglob("*.safetensors")}
        assert weights <= {"weights"}


@each_chapter
def test_a_chapter_keeps_its_budget_of_lines(chapter):
    size = cost.size(chapter)
    budget = {"lines": cost.CHAPTER_LINES, "command": cost.COMMAND_LINES,
              "plain": cost.PLAIN_LINES, "tests": cost.TEST_LINES}  # fmt: skip
    for what, most in budget.items():
        assert size[what] <= most, what
    assert size["files"] <= cost.PLAIN_FILES, [path.name for path in cost.plain(chapter)]


def test_the_library_keeps_its_budget_of_lines():
    assert cost.lines(LIBRARY) <= cost.all_lines()


@each_chapter
def test_a_chapter_says_in_which_order_it_is_read(chapter):
    text = ast.get_docstring(tree(chapter / "__init__.py"))
    order = [int(number) for number in re.findall(r"^\s*(\d)\.", text, flags=re.M)]
    assert order == list(range(1, len(order) + 1))
    assert len(order) >= 2
    for path in cost.plain(chapter):
        assert path.stem in text, f"{path.name} is not in the reading order"


# ---- arrows


def level(shelf):
    return next((i for i, names in enumerate(LEVELS) if shelf in names.split()), None)


def test_shelves_import_only_what_stands_lower():
    wrong = []
    for path in modules():
        shelf, *_ = where(path)
        if level(shelf) is None:
            continue
        for target in inside(path):
            other = target[0]
            if other in (shelf, *TOP) and other not in ("cli", "warm"):
                continue
            allowed = level(other) is not None and (
                level(other) < level(shelf) or (shelf, other) in BESIDE
            )
            if not allowed:
                wrong.append(f"{'/'.join(where(path))} imports {'.'.join(target)}")
    assert sorted(set(wrong)) == []


def test_no_part_imports_another_part_and_no_method_another_chapter():
    parts = (*cost.PARTS, "foundations")
    wrong = []
    for path in modules():
        part, *rest = where(path)
        if part not in parts:
            continue
        package = rest[0] if (LIBRARY / part / rest[0]).is_dir() else None
        room = rest[1] if package and len(rest) > 2 else None
        for target in inside(path):
            if target[0] not in parts:
                continue
            if target[0] != part:
                wrong.append(f"{'/'.join(where(path))} imports {'.'.join(target)}")
            other = target[1] if len(target) > 1 else None
            is_chapter = other and (LIBRARY / part / other / "__init__.py").exists()
            free = package in (None, "compared", other) or room in ("experiments", "teaching")
            if is_chapter and not free:
                wrong.append(f"{'/'.join(where(path))} imports {'.'.join(target)}")
    assert sorted(set(wrong)) == []


@pytest.mark.parametrize("shelf", LIGHT)
def test_shelves_without_torch_do_not_import_it(shelf):
    for path in (one for one in modules() if LIBRARY / shelf in one.parents):
        heavy = {name.partition(".")[0] for name in imported(path, at_import_only=True)}
        assert not heavy & {"torch", "safetensors"}, path


# ---- words


def test_no_two_classes_of_the_library_share_a_name():
    names = Counter(
        node.name
        for path in modules()
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, times in names.items() if times > 1} == set()


IMAGES = (
    r"\bnobody\b", r"\bborn\b", r"\bhires?\b", r"\bhired\b", r"\bleader\b", r"comes? home",
    r"\bobeys?\b", r"\bpatience\b", r"\bturnstile\b", r"\bstaff\b",
)  # fmt: skip


def test_comments_and_names_say_the_thing():
    found = []
    for path in modules():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search("|".join(IMAGES), line, flags=re.I):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_public_functions_describe_their_parameters():
    poor = []
    for chapter in CHAPTERS:
        package = importlib.import_module(f"paralg.{chapter.parent.name}.{chapter.name}")
        for name in package.__all__:
            value = getattr(package, name)
            if inspect.isfunction(value):
                text = inspect.getdoc(value) or ""
                for parameter in inspect.signature(value).parameters:
                    if not re.search(rf"\b{parameter}\b", text):
                        poor.append(f"{package.__name__}.{name}({parameter})")
    assert poor == []
