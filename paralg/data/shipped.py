"""Read a data file that ships beside its loader, and say so if it is missing or another one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["arrays"]


def arrays(path: Path, sha256: str) -> dict[str, NDArray]:
    """Return the arrays of an ``.npz`` file whose hash is recorded.

    Parameters
    ----------
    path : Path
    sha256 : str
        Hexadecimal digest of the file.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    OSError
        The file is missing or not the recorded one.
    """
    if not path.exists():
        raise OSError(f"the shipped data {path.name} is missing from paralg/data")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise OSError(f"{path.name} is damaged: expected SHA-256 {sha256}, got {found}")
    with np.load(path) as archive:
        return dict(archive)
