"""Handwritten digits: 1,797 images of 8×8 pixels by 13 writers, and the same as tokens."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.data.source import Source, read_only

__all__ = ["LABELS", "LENGTH", "LEVELS", "NULL", "SIDE", "SOURCE", "SYMBOLS", "Digits", "allowed",
           "decode", "encode", "load"]  # fmt: skip

SIDE, LEVELS, LABELS = 8, 8, 10
NULL = LEVELS + LABELS  # stands in the place of a label where none is given
SYMBOLS, LENGTH = NULL + 1, 1 + SIDE * SIDE
SOURCE = Source(
    "Optical recognition of handwritten digits",
    "E. Alpaydin and C. Kaynak (1998), test part, UCI Machine Learning Repository, "
    "https://archive.ics.uci.edu/dataset/80; taken from the package scikit-learn 1.9.1, "
    "sklearn/datasets/data/digits.csv.gz",
    "CC BY 4.0 and, as part of scikit-learn, BSD 3-Clause (see paralg/data/digits.LICENSE.md)",
    "stored as numbers of one byte",
    "digits.npz", "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e",
)  # fmt: skip
_PARTS = {"train": slice(1500), "test": slice(1500, None)}


class Digits(NamedTuple):
    """Ink 0 to 16 of the pixels, (n, 8, 8), and which digit it is, (n,)."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@functools.cache
def load(split: str = "train") -> Digits:
    """Return one part, read-only: "train", the first 1,500 images, or "test", the last 297.

    ValueError for another part, OSError if the file is missing or damaged.
    """
    stored, part = SOURCE.arrays(), _PARTS[checks.one_of("split", split, _PARTS)]
    return read_only(Digits(stored["images"][part], stored["labels"][part]))


def encode(images: NDArray, labels: NDArray) -> NDArray[np.int64]:
    """Return tokens (n, 65): the label, 8 to 17, then 64 pixels row by row in levels 0 to 7.

    >>> encode(np.full((1, 8, 8), 16), np.array([3]))[0, :3].tolist()
    [11, 7, 7]
    """
    images, labels = checks.array("images", images, "i"), checks.array("labels", labels, "i")
    checks.sizes(images=(images, f"n {SIDE} {SIDE}"), labels=(labels, "n"))
    for name, part, most in (("images", images, 2 * LEVELS), ("labels", labels, LABELS - 1)):
        if part.size and not 0 <= part.min() <= part.max() <= most:
            raise ValueError(f"{name} must lie in 0..{most}, got {part.min()}..{part.max()}")
    levels = np.minimum(images.astype(np.int64).reshape(-1, SIDE * SIDE) // 2, LEVELS - 1)
    return np.concatenate([LEVELS + labels.astype(np.int64)[:, None], levels], axis=1)


def decode(tokens: NDArray) -> NDArray:
    """Return the levels of sequences (..., 65) as images (..., 8, 8)."""
    tokens = checks.array("tokens", tokens, "i")
    checks.sizes(tokens=(tokens, f"... {LENGTH}"))
    return tokens[..., 1:].reshape(*tokens.shape[:-1], SIDE, SIDE)


def allowed() -> NDArray[np.bool_]:
    """Say which token may stand where, (65, 19): a label or none first, then levels."""
    mask = np.tile(np.arange(SYMBOLS) < LEVELS, (LENGTH, 1))
    mask[0] = ~mask[0]
    return mask
