"""English text in 27 symbols, from the documentation topics of Python's standard library.

``pydoc_data.topics`` differs between Python versions, so one extract is shipped and pinned by hash:
paragraphs that occur before are dropped, letters are lower-cased, and every run of other characters
becomes one space.
``python -m paralg.data.pydoc_text PATH`` writes such an extract from the running Python.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.data.shipped import arrays, read_only
from paralg.data.source import Source

__all__ = ["SOURCE", "SYMBOLS", "decode", "encode", "extract", "load", "windows"]

SYMBOLS = "abcdefghijklmnopqrstuvwxyz "
SPLITS = {"train": (0.0, 0.9), "validation": (0.9, 0.95), "test": (0.95, 1.0)}
SOURCE = Source(
    "Topics of the Python 3.11.7 documentation",
    "module pydoc_data.topics, Python Software Foundation, https://docs.python.org/3.11/",
    "PSF License Version 2 (full text in paralg/data/pydoc_text.LICENSE.md)",
    "repeated paragraphs dropped, lower-cased, everything but letters turned into single spaces",
)

_FILE = Path(__file__).with_name("pydoc_text.npz")
_SHA256 = "c27336c62256edb7f872033c454c8ba6d93ed05e63e6835020100bd04b3fd486"


def encode(text: str) -> NDArray[np.int64]:
    """Turn lower-case text into tokens 0..26 (26 is the space).

    Raises
    ------
    ValueError
        If a character is not one of the 27 symbols.

    Examples
    --------
    >>> encode("a z").tolist()
    [0, 26, 25]
    """
    strange = sorted(set(text) - set(SYMBOLS))
    if strange:
        raise ValueError(f"text must use the 27 symbols a..z and space, got {strange[0]!r}")
    return np.array([SYMBOLS.index(c) for c in text], dtype=np.int64)


def decode(x: ArrayLike) -> str:
    """Spell a token row; a mask (any token outside 0..26) is written ``_``."""
    return "".join(SYMBOLS[v] if 0 <= v < len(SYMBOLS) else "_" for v in np.asarray(x).ravel())


def extract(texts: Iterable[str]) -> str:
    """Reduce texts to the 27 symbols, keeping each distinct paragraph once.

    Parameters
    ----------
    texts : iterable of str
        Documents; paragraphs are separated by blank lines.

    Returns
    -------
    str

    Examples
    --------
    >>> extract(["One.  Two!\\n\\nThree", "three\\n\\nfour 4"])
    'one two three four'
    """
    paragraphs = (p for text in texts for p in re.split(r"\n\s*\n", text))
    reduced = (" ".join(re.findall("[a-z]+", p.lower())) for p in paragraphs)
    return " ".join(dict.fromkeys(p for p in reduced if p))


@functools.cache
def load(split: str = "train") -> NDArray[np.int64]:
    """Return a contiguous part of the shipped text as tokens.

    Parameters
    ----------
    split : {"train", "validation", "test"}
        The first 90 %, the next 5 %, the last 5 %.

    Returns
    -------
    ndarray of int64, shape (n,), read-only

    Raises
    ------
    ValueError
        If `split` is unknown.
    OSError
        If the shipped file is missing or not the one whose hash is recorded.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    tokens = arrays(_FILE, _SHA256)["tokens"].astype(np.int64)
    first, last = (round(share * len(tokens)) for share in SPLITS[split])
    return read_only((tokens[first:last],))[0]


def windows(
    n: int, length: int, rng: np.random.Generator, *, split: str = "train"
) -> NDArray[np.int64]:
    """Draw windows of consecutive tokens at uniform offsets.

    Parameters
    ----------
    n : int
        Number of windows.
    length : int
        Tokens per window.
    rng : numpy.random.Generator
    split : {"train", "validation", "test"}

    Returns
    -------
    ndarray of int64, shape (n, length)

    Raises
    ------
    ValueError
        If a window is longer than the text.
    """
    text = load(split)
    if not 0 < length <= len(text):
        raise ValueError(f"length must lie in 1..{len(text)}, got {length}")
    start = rng.integers(0, len(text) - length + 1, size=n)
    return text[start[:, None] + np.arange(length)]


def main(path: str) -> None:
    """Write the extract of the running Python's topics to `path` (an .npz file)."""
    from pydoc_data.topics import topics

    tokens = encode(extract(topics.values())).astype(np.uint8)
    np.savez_compressed(path, tokens=tokens)


if __name__ == "__main__":
    main(*sys.argv[1:])
