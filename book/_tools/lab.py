"""JupyterLab on copies of the open notebooks: what a reader saves changes nothing of the book.

The copies are in ``lab/`` and are the reader's. One that was not touched follows the book; one that
was stays as it is, and a newer one of the book comes beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import nb

ROOT = Path(__file__).resolve().parents[2]
KNOWN = ".copied.json"  # digest of what was copied, by name


def copy(source: Path, target: Path) -> list[Path]:
    """Copy what is new, and return the copies that stay beside a newer notebook of the book."""
    known_file, mine = target / KNOWN, []
    known = json.loads(known_file.read_text("utf-8")) if known_file.is_file() else {}
    for path in nb.notebooks(source):
        name, book = path.relative_to(source).as_posix(), path.read_bytes()
        own = target / name
        if own.is_file() and _digest(own.read_bytes()) != known.get(name):
            if _digest(book) == known.get(name):
                continue
            mine.append(own)
            own = own.with_suffix(".new.ipynb")
        else:
            known[name] = _digest(book)
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_bytes(book)
    known_file.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return mine


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Copy, say what was left alone, and become JupyterLab."""
    target = ROOT / "lab"
    target.mkdir(exist_ok=True)
    for path in copy(ROOT / "notebooks" / "open", target):
        print(f"{path.relative_to(ROOT)} is as you saved it; the book has a newer one, "
              f"{path.stem}.new.ipynb beside it", flush=True)  # fmt: skip
    command = [sys.executable, "-m", "jupyter", "lab", f"--notebook-dir={target}"]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main()
