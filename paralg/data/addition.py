"""Three-digit addition with reversed digits and end-of-sequence padding, generated.

``579 = 456 + 123`` becomes the 16 tokens ``6 5 4 + 3 2 1 = 9 7 5 . . . . .``:
all numbers are written least significant digit first, so a carry travels in reading order, and the
answer field of eight tokens is filled up with the end token, written ``.`` here.
The first eight tokens are the prompt.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.data.source import Source

__all__ = [
    "DIGITS", "END", "EQUALS", "LENGTH", "PLUS", "PROMPT", "SOURCE", "SYMBOLS",
    "decode", "encode", "held_out", "is_correct", "problems", "sample",
]  # fmt: skip

DIGITS = 3
PLUS, EQUALS, END = 10, 11, 12
SYMBOLS = "0123456789+=."
PROMPT = 2 * DIGITS + 2
LENGTH = 16
SOURCE = Source("Reversed three-digit addition", "generated", "no rights claimed")

_TEST_EVERY = 20


def encode(a: ArrayLike, b: ArrayLike) -> NDArray[np.int64]:
    """Write the problems ``a + b``, summands (n,) of 0..999, with answers as tokens, shape (n, 16).

    >>> decode(encode([456], [123]))
    ['654+321=975.....']
    """
    a, b = _summands(a, b)
    plus, equals = (np.full((len(a), 1), sign) for sign in (PLUS, EQUALS))
    return np.concatenate([_digits(a), plus, _digits(b), equals, _answer_field(a + b)], axis=1)


def _summands(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return equally many numbers of 0..999."""
    found = [np.atleast_1d(checks.array(name, value, "i").astype(np.int64))
             for name, value in (("a", a), ("b", b))]  # fmt: skip
    checks.sizes(a=(found[0], "n"), b=(found[1], "n"))
    for name, value in zip("ab", found, strict=True):
        if value.size and not (value.min() >= 0 and value.max() < 10**DIGITS):
            raise ValueError(f"{name} must lie in 0..999, got {value.min()}..{value.max()}")
    return found[0], found[1]


def _digits(n: NDArray[np.int64], width: int = DIGITS) -> NDArray[np.int64]:
    return n[:, None] // 10 ** np.arange(width) % 10


def _answer_field(n: NDArray[np.int64]) -> NDArray[np.int64]:
    width = LENGTH - PROMPT
    significant = n[:, None] >= 10 ** np.arange(width)
    significant[:, 0] = True
    return np.where(significant, _digits(n, width), END)


def decode(x: ArrayLike) -> list[str]:
    """Spell token rows; a mask (any token outside 0..12) is written ``_``."""
    rows = np.atleast_2d(checks.array("x", x, "i"))
    checks.sizes(x=(rows, "n L"))
    return ["".join(SYMBOLS[v] if 0 <= v < len(SYMBOLS) else "_" for v in row) for row in rows]


def is_correct(x: ArrayLike) -> NDArray[np.bool_]:
    """Say which rows, shape (n, 16), have all eight tokens of the answer right."""
    x = np.atleast_2d(checks.array("x", x, "i"))
    checks.sizes(x=(x, f"n {LENGTH}"))
    powers, ends = 10 ** np.arange(DIGITS), (0, DIGITS + 1)
    a, b = (np.clip(x[:, i : i + DIGITS], 0, 9) @ powers for i in ends)
    right = encode(a, b)
    return (x[:, PROMPT:] == right[:, PROMPT:]).all(axis=1) & (
        x[:, :PROMPT] == right[:, :PROMPT]).all(axis=1)  # fmt: skip


def held_out(a: ArrayLike, b: ArrayLike) -> NDArray[np.bool_]:
    """Say which problems are kept for testing: about one in twenty, by a fixed hash."""
    a, b = (part.astype(np.uint64) for part in _summands(a, b))
    key = a * np.uint64(1000) + b
    mixed = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)
    return mixed % np.uint64(_TEST_EVERY) == 0


def sample(n: int, rng: np.random.Generator, *, split: str = "train") -> NDArray[np.int64]:
    """Draw n problems, shape (n, 16), uniformly from the part `split`, "train" or "test"."""
    checks.one_of("split", split, ("train", "test"))
    checks.integer("n", n), checks.instance("rng", rng, np.random.Generator)
    pairs = np.zeros((0, 2), dtype=np.int64)
    while len(pairs) < n:
        share = 1 if split == "train" else _TEST_EVERY
        fresh = rng.integers(0, 10**DIGITS, size=(2 * share * (n - len(pairs)) + 8, 2))
        fits = held_out(fresh[:, 0], fresh[:, 1]) == (split == "test")
        pairs = np.concatenate([pairs, fresh[fits]])
    return encode(pairs[:n, 0], pairs[:n, 1])


def problems(n: int, *, seed: int = 0, mask: int = END + 1) -> NDArray[np.int64]:
    """Return n held-out problems, shape (n, 16), with the token `mask` for the answer.

    >>> decode(problems(1))[0][PROMPT:]
    '________'
    """
    checks.integer("seed", seed), checks.integer("mask", mask)
    x = sample(n, np.random.default_rng(seed), split="test")
    x[:, PROMPT:] = mask
    return x
