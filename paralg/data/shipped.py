"""Read a data file that ships beside its loader, and say so if it is missing or another one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["arrays", "read_only"]

_Arrays = TypeVar("_Arrays", bound=tuple)


def arrays(path: Path, sha256: str) -> dict[str, NDArray]:
    """Return the arrays of an ``.npz`` file; an OSError if it is not the one of this hash."""
    if not path.exists():
        raise OSError(f"the shipped data {path.name} is missing from paralg/data")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise OSError(f"{path.name} is damaged: expected SHA-256 {sha256}, got {found}")
    with np.load(path) as archive:
        return dict(archive)


def read_only(found: _Arrays) -> _Arrays:
    """Make the arrays of a tuple read-only: a loader's result is cached and shared."""
    for array in found:
        array.setflags(write=False)
    return found
