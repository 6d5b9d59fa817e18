"""Find the chapters of the book: a folder with a part's name, in it one package a paper or page."""

from dataclasses import dataclass
from pathlib import Path

import paralg
from paralg.core import checks

__all__ = ["PARTS", "Chapter", "chapter_of", "find", "find_all"]

PARTS = {
    "kernels": "Data-parallel kernels", "recurrences": "Recurrences as scans",
    "rounds": "Rounds and messages", "decoding": "Parallel decoding",
    "scaling": "Scaling and serving", "learning": "Learning in parallel",
    "discovery": "Parallel discovery", "foundations": "Foundations",
}  # fmt: skip


@dataclass(frozen=True)
class Chapter:
    """Where a chapter's package lies; ``name`` is its module name, ``part`` a key of `PARTS`."""

    name: str
    part: str
    folder: Path

    @property
    def slug(self) -> str:
        """The name as labels write it: hyphens for underscores."""
        return self.name.replace("_", "-")

    @property
    def module(self) -> str:
        """Dotted name of the package."""
        return f"paralg.{self.part}.{self.name}"

    @property
    def teaching(self) -> Path:
        """Folder of checks, answers, quiz and explorer."""
        return self.folder / "teaching"


def find_all() -> dict[str, Chapter]:
    """Return every chapter by name; folders are listed, nothing is imported."""
    root = Path(paralg.__file__).parent
    folders = [(part, one) for part in PARTS for one in sorted((root / part).glob("[a-z]*/"))]
    return {folder.name: Chapter(folder.name, part, folder)
            for part, folder in folders if (folder / "__init__.py").exists()}  # fmt: skip


def find(name: str) -> Chapter:
    """Return the chapter called `name` (hyphens or underscores)."""
    checks.instance("the name of a chapter", name, str)
    chapters = find_all()
    key = name.replace("-", "_")
    if key not in chapters:
        raise KeyError(f"no chapter is called {name!r}; there are: {', '.join(sorted(chapters))}")
    return chapters[key]


def chapter_of(label: str, kind: str) -> Chapter:
    """Return the chapter that a label such as ``ex-mamba-padding`` belongs to."""
    checks.instance("label", label, str)
    chapters = {one.slug: one for one in find_all().values()}
    fitting = [slug for slug in chapters if label.startswith(f"{kind}-{slug}-")]
    if not fitting:
        names = ", ".join(sorted(chapters))
        raise KeyError(f"label must be '{kind}-<chapter>-…' of {names}; got {label!r}")
    return chapters[max(fitting, key=len)]
