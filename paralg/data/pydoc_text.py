"""English text in 27 symbols, from the documentation topics of Python's standard library.

``pydoc_data.topics`` differs between Python versions, so one extract is shipped and pinned by hash:
paragraphs that occur before are dropped, letters are lower-cased, and every run of other characters
becomes one space.
"""

import functools
import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.data.source import Source, read_only

__all__ = ["SOURCE", "SYMBOLS", "decode", "encode", "extract", "load", "windows"]

SYMBOLS = "abcdefghijklmnopqrstuvwxyz "
SPLITS = {"train": (0.0, 0.9), "validation": (0.9, 0.95), "test": (0.95, 1.0)}
SOURCE = Source(
    "Topics of the Python 3.11.7 documentation",
    "module pydoc_data.topics, Python Software Foundation, https://docs.python.org/3.11/",
    "PSF License Version 2 (full text in paralg/data/pydoc_text.LICENSE.md)",
    "repeated paragraphs dropped, lower-cased, everything but letters turned into single spaces",
    "pydoc_text.npz", "c27336c62256edb7f872033c454c8ba6d93ed05e63e6835020100bd04b3fd486",
)  # fmt: skip


def encode(text: str) -> NDArray[np.int64]:
    """Turn lower-case text into tokens 0..26 (26 is the space); ValueError for other symbols."""
    checks.instance("text", text, str)
    strange = sorted(set(text) - set(SYMBOLS))
    if strange:
        raise ValueError(f"text must use the 27 symbols a..z and space, got {strange[0]!r}")
    return np.array([SYMBOLS.index(c) for c in text], dtype=np.int64)


def decode(x: ArrayLike) -> str:
    """Spell a token row; a mask (any token outside 0..26) is written ``_``."""
    row = checks.array("x", x, "i").ravel()
    return "".join(SYMBOLS[v] if 0 <= v < len(SYMBOLS) else "_" for v in row)


def extract(texts: Iterable[str]) -> str:
    r"""Reduce texts to the 27 symbols, keeping each paragraph, between blank lines, once.

    >>> extract(["One.  Two!\n\nThree", "three\n\nfour 4"])
    'one two three four'
    """
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise TypeError(f"texts must be several, got {texts!r:.60}")
    paragraphs = (p for text in texts for p in re.split(r"\n\s*\n", text))
    reduced = (" ".join(re.findall("[a-z]+", p.lower())) for p in paragraphs)
    return " ".join(dict.fromkeys(p for p in reduced if p))


@functools.cache
def load(split: str = "train") -> NDArray[np.int64]:
    """Return the tokens of a part of the shipped text, shape (n,), read-only.

    `split` is "train", the first 90 %, "validation", the next 5 %, or "test", the last 5 %; else a
    ValueError. An OSError if the file is missing or damaged.
    """
    checks.one_of("split", split, SPLITS)
    tokens = SOURCE.arrays()["tokens"].astype(np.int64)
    first, last = (round(share * len(tokens)) for share in SPLITS[split])
    return read_only((tokens[first:last],))[0]


def windows(
    n: int, length: int, rng: np.random.Generator, *, split: str = "train"
) -> NDArray[np.int64]:
    """Draw n windows of consecutive tokens, shape (n, length), at uniform offsets in a part."""
    text = load(split)
    checks.instance("rng", rng, np.random.Generator)
    checks.integer("n", n), checks.integer("length", length)
    if not 0 < length <= len(text):
        raise ValueError(f"length must lie in 1..{len(text)}, got {length}")
    start = rng.integers(0, len(text) - length + 1, size=n)
    return text[start[:, None] + np.arange(length)]
