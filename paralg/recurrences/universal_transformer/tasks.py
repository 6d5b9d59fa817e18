"""Algorithmic tasks on decimal digits: copy, reverse, add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["DIGITS", "END", "PLUS", "SYMBOLS", "Pairs", "StringTask", "say"]

PAD, START, END = 0, 1, 2
DIGITS = np.arange(3, 13)
PLUS = 13
SYMBOLS = 14
_NAMES = ("copy", "reverse", "add")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Source and target sequences, both closed by the end marker.

    Parameters
    ----------
    source : Tensor of int, shape (b, m)
    target : Tensor of int, shape (b, n)
    """

    source: Tensor
    target: Tensor


@dataclass(frozen=True)
class StringTask:
    """Strings of digits and what is to be made of them.

    Parameters
    ----------
    name : {"copy", "reverse", "add"}
        Numbers to be added have their lowest digit first, as in the generators of the released
        code (recalled).

    Raises
    ------
    ValueError
        Another name.

    Examples
    --------
    >>> pairs = StringTask("add").draw(1, np.random.default_rng(0), length=2)
    >>> say(pairs.source[0]), say(pairs.target[0])
    ('86+52', '390')
    """

    name: str

    def __post_init__(self):
        if self.name not in _NAMES:
            raise ValueError(f"expected one of {_NAMES}, got {self.name!r}")

    def draw(self, rows: int, rng: np.random.Generator, *, length: int) -> Pairs:
        """Draw sequences of one length (for ``add``: numbers of so many digits).

        Raises
        ------
        ValueError
            A length below 1.
        """
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        first = rng.integers(0, 10, (rows, length))
        if self.name == "add":
            second = rng.integers(0, 10, (rows, length))
            source = np.concatenate([first + 3, np.full((rows, 1), PLUS), second + 3], axis=1)
            return Pairs(_closed(source), _closed(_sum(first, second) + 3))
        asked = first[:, ::-1] if self.name == "reverse" else first
        return Pairs(_closed(first + 3), _closed(asked + 3))


def _sum(first: NDArray, second: NDArray) -> NDArray:
    """Add digit by digit from the lowest, shape (rows, length + 1)."""
    rows, length = first.shape
    found, carry = np.zeros((rows, length + 1), np.int64), np.zeros(rows, np.int64)
    for k in range(length):
        carry, found[:, k] = np.divmod(first[:, k] + second[:, k] + carry, 10)
    found[:, -1] = carry
    return found


def _closed(tokens: NDArray) -> Tensor:
    return torch.from_numpy(np.pad(tokens, ((0, 0), (0, 1)), constant_values=END))


def say(tokens: Tensor) -> str:
    """Return a sequence as text, up to its end marker.

    Examples
    --------
    >>> say(torch.tensor([3, 12, 13, 4, 2]))
    '09+1'
    """
    letters = {END: "", PLUS: "+", PAD: "_", START: "^"} | {int(d): str(d - 3) for d in DIGITS}
    known = [int(t) for t in tokens]
    cut = known.index(END) if END in known else len(known)
    return "".join(letters[t] for t in known[:cut])
