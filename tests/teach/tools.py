"""Load the book's tools, which are scripts and not a package."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load(name):
    """Return the module ``book/_tools/<name>.py``."""
    path = ROOT / "book" / "_tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"book_tool_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
