"""Where a data set comes from, and its file: the record every loader of this package carries."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks

__all__ = ["Source", "read_only"]

_Arrays = TypeVar("_Arrays", bound=tuple)


@dataclass(frozen=True)
class Source:
    """Origin, licence and changes of a data set, and the file in which it is shipped.

    ``origin`` says who made it and where it is found, or "generated"; ``file`` is an ``.npz`` file
    below the folder of this module, and ``sha256`` its hash; both are empty when there is none.

    Examples
    --------
    >>> str(Source("squares", "generated", "no rights claimed"))
    'squares. Origin: generated. Licence: no rights claimed.'
    """

    title: str
    origin: str
    licence: str
    changes: str = ""
    file: str = ""
    sha256: str = ""

    def __post_init__(self):
        for name, value in vars(self).items():
            checks.instance(name, value, str)

    def __str__(self) -> str:
        text = f"{self.title}. Origin: {self.origin}. Licence: {self.licence}."
        return f"{text} Changes: {self.changes}." if self.changes else text

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(__file__).parent / self.file

    def arrays(self) -> dict[str, NDArray]:
        """Return the arrays of the file; an OSError if it is missing or has another hash."""
        if not self.path.is_file():
            raise OSError(f"the shipped data {self.path.name} is missing from paralg/data")
        found = hashlib.sha256(self.path.read_bytes()).hexdigest()
        if found != self.sha256:
            raise OSError(
                f"{self.path.name} is damaged: expected SHA-256 {self.sha256}, got {found}"
            )
        with np.load(self.path) as archive:
            return dict(archive)


def read_only(found: _Arrays) -> _Arrays:
    """Make the arrays of a tuple read-only: a loader's result is cached and shared."""
    for array in found:
        array.setflags(write=False)
    return found
