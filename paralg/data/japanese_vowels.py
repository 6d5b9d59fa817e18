"""Nine speakers saying /ae/: 640 series of 12 cepstrum coefficients, 7 to 29 frames long."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.data.source import Source, read_only

__all__ = ["CHANNELS", "SOURCE", "SPEAKERS", "Utterances", "load"]

CHANNELS, SPEAKERS = 12, 9
STEP = 2e-4  # all coefficients are multiples of it
SOURCE = Source(
    "Japanese Vowels",
    "M. Kudo, J. Toyama, M. Shimbo (1999), UCI Machine Learning Repository, "
    "https://doi.org/10.24432/C5NS47; taken from the package aeon 1.6.0",
    "CC BY 4.0 and, as part of aeon, BSD 3-Clause (see paralg/data/japanese_vowels.LICENSE.md)",
    "coefficients rounded to multiples of 0.0002, stored as differences",
    "japanese_vowels.npz", "cafa723940cb0c1cb083724dee7e4499dd75b10f76f83e8de8d484eb24deee1c",
)  # fmt: skip
_PARTS = {"train": slice(270), "test": slice(270, None)}


class Utterances(NamedTuple):
    """Series (n, 29, 12), padded with zeros; which frames (n, 29) are there; who (n,) speaks."""

    frames: NDArray[np.float32]
    mask: NDArray[np.bool_]
    speakers: NDArray[np.int64]


@functools.cache
def load(split: str = "train") -> Utterances:
    """Return one part as recorded by its authors, read-only.

    `split` is "train", 270 utterances, 30 a speaker, or "test", 370 of other occasions, 24 to 88 a
    speaker; else a ValueError. An OSError if the file is missing or damaged.
    """
    stored, part = SOURCE.arrays(), _PARTS[checks.one_of("split", split, _PARTS)]
    lengths = stored["lengths"].astype(int)
    mask = np.arange(lengths.max()) < lengths[:, None]
    frames = np.zeros((*mask.shape, CHANNELS), np.float32)
    frames[mask] = np.cumsum(stored["rows"], axis=0, dtype=np.int64) * STEP
    speakers = stored["labels"].astype(np.int64)
    return read_only(Utterances(frames[part], mask[part], speakers[part]))
