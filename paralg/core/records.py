"""Shipped records: numbers that take long are made by a script and read by a page."""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paralg.core import checks

__all__ = ["Records"]

SCALE = "PARALG_SCALE"
"""Environment variable: ``full`` makes every record that a page reads again."""


@dataclass(frozen=True)
class Records:
    """The records of a chapter: a folder of files ``NAME.json``, and by name what makes each.

    Makers return numbers, strings, lists and dicts, the same on every call (no seconds).
    A chapter has one in ``experiments/records.py``, whose last line is ``records.main()`` under
    ``if __name__ == "__main__"``.

    >>> import tempfile
    >>> records = Records(Path(tempfile.mkdtemp()), {"squares": lambda: {"n": [1, 4, 9]}})
    >>> records.main(["squares"])
    squares: made
    >>> records.read("squares")
    {'n': [1, 4, 9]}
    """

    folder: Path
    makers: Mapping[str, Callable[[], Any]]

    def __post_init__(self):
        checks.instance("folder", self.folder, Path)
        checks.instance("makers", self.makers, Mapping)

    def read(self, name: str) -> Any:
        """Return a shipped record; made again where the environment says ``PARALG_SCALE=full``.

        ValueError if there is no such record, FileNotFoundError if it has not been made.
        """
        if os.environ.get(SCALE) == "full":
            return self.make(name)
        self._maker(name)
        path = self.folder / f"{name}.json"
        if not path.exists():
            raise FileNotFoundError(f"{path.name} is missing: run this module with {name!r}")
        return json.loads(path.read_text(encoding="utf-8"))

    def make(self, name: str) -> Any:
        """Return a record as if read, from its maker; ValueError if there is no such record."""
        return json.loads(json.dumps(self._maker(name)()))

    def main(self, argv: Sequence[str] | None = None) -> None:
        """Make and write the records named on the command line, or all of them."""
        checks.instance("argv", argv, Sequence, type(None))
        names = (sys.argv[1:] if argv is None else argv) or self.makers
        for name in names:
            self._maker(name)
        self.folder.mkdir(exist_ok=True)
        for name in names:
            start = time.process_time()
            text = _text(self.make(name))
            scratch = self.folder / f"{name}.tmp"
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(self.folder / f"{name}.json")
            print(f"{name}: made")
            print(f"  {time.process_time() - start:.0f} s of processor time", file=sys.stderr)

    def _maker(self, name: str) -> Callable[[], Any]:
        if name not in self.makers:
            raise ValueError(f"expected one of {', '.join(self.makers)}, got {name!r}")
        return self.makers[name]


def _text(value: Any) -> str:
    """JSON with one line per entry of the outer dict, so that a change can be read in a diff."""
    if not isinstance(value, dict):
        return json.dumps(value) + "\n"
    lines = (f" {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
