"""Nine speakers saying /ae/: 640 series of 12 cepstrum coefficients, 7 to 29 frames long.

``python -m paralg.data.japanese_vowels TRAIN TEST PATH`` writes the shipped file from the two
``.ts`` files of the time-series archive.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.data.shipped import arrays, read_only
from paralg.data.source import Source

__all__ = ["CHANNELS", "SOURCE", "SPEAKERS", "Utterances", "load"]

CHANNELS, SPEAKERS = 12, 9
SOURCE = Source(
    "Japanese Vowels",
    "M. Kudo, J. Toyama, M. Shimbo (1999), UCI Machine Learning Repository, "
    "https://doi.org/10.24432/C5NS47; taken from the package aeon 1.6.0",
    "CC BY 4.0 and, as part of aeon, BSD 3-Clause (see paralg/data/japanese_vowels.LICENSE.md)",
    "coefficients rounded to multiples of 0.0002, stored as differences",
)

_FILE = Path(__file__).with_name("japanese_vowels.npz")
_SHA256 = "cafa723940cb0c1cb083724dee7e4499dd75b10f76f83e8de8d484eb24deee1c"
_STEP = 2e-4
_TRAIN = 270


class Utterances(NamedTuple):
    """Padded series, which frames are there, and who speaks."""

    frames: NDArray[np.float32]
    mask: NDArray[np.bool_]
    speakers: NDArray[np.int64]


@functools.cache
def load(split: str = "train") -> Utterances:
    """Return one part as recorded by its authors, padded with zeros at the end.

    Parameters
    ----------
    split : {"train", "test"}
        270 utterances, 30 a speaker; 370 of other occasions, 24 to 88 a speaker.

    Returns
    -------
    Utterances
        ``frames`` of shape (n, 29, 12), ``mask`` (n, 29), ``speakers`` (n,) in 0..8, read-only.

    Raises
    ------
    ValueError
        If `split` is unknown.
    OSError
        If the shipped file is missing or not the recorded one.
    """
    if split not in ("train", "test"):
        raise ValueError(f'split must be "train" or "test", got {split!r}')
    stored = arrays(_FILE, _SHA256)
    lengths = stored["lengths"].astype(int)
    rows = np.cumsum(stored["rows"], axis=0, dtype=np.int64) * _STEP
    mask = np.arange(lengths.max()) < lengths[:, None]
    frames = np.zeros((*mask.shape, CHANNELS), np.float32)
    frames[mask] = rows
    part = slice(_TRAIN) if split == "train" else slice(_TRAIN, None)
    found = Utterances(frames[part], mask[part], stored["labels"][part].astype(np.int64))
    return read_only(found)


def _series(path: str) -> list[tuple[NDArray, int]]:
    """Read a ``.ts`` file: channels divided by colons, the label last."""
    found = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#@":
            *channels, label = line.split(":")
            series = np.array([[float(x) for x in one.split(",")] for one in channels]).T
            found.append((series, int(label) - 1))
    return found


def main(train: str, test: str, path: str) -> None:
    """Write the shipped file (an .npz) from the archive's two files."""
    every = _series(train) + _series(test)
    rows = np.rint(np.concatenate([series for series, _ in every]) / _STEP).astype(np.int16)
    np.savez_compressed(
        path,
        rows=np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1])),
        lengths=np.array([len(series) for series, _ in every], np.uint8),
        labels=np.array([label for _, label in every], np.uint8),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
