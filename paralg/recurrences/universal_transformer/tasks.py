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
_NUMBERINGS = ("start", "plus", "end")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Source and target sequences, both closed by the end marker.

    Parameters
    ----------
    source : Tensor of int, shape (b, m)
    target : Tensor of int, shape (b, n)
    positions : Tensor of int, shape (m,)
        Index of each source token.
    """

    source: Tensor
    target: Tensor
    positions: Tensor


@dataclass(frozen=True)
class StringTask:
    """Strings of digits and what is to be made of them.

    Parameters
    ----------
    name : {"copy", "reverse", "add"}
        Numbers to be added have their lowest digit first, as in the released generators; here both
        have the same number of digits, and leading zeros may occur.
    numbering : {"start", "plus", "end"}
        How source tokens are counted: from the first one; again from 0 after the plus, so that
        digits of equal weight have equal indices; or digits from the last one.

    Raises
    ------
    ValueError
        Another name or numbering, or a numbering from a plus that is not there.

    Examples
    --------
    >>> pairs = StringTask("add").draw(1, np.random.default_rng(0), length=2)
    >>> say(pairs.source[0]), say(pairs.target[0])
    ('86+52', '390')
    """

    name: str
    numbering: str = "start"

    def __post_init__(self):
        if self.name not in _NAMES:
            raise ValueError(f"expected one of {_NAMES}, got {self.name!r}")
        if self.numbering not in _NUMBERINGS:
            raise ValueError(f"numbering must be one of {_NUMBERINGS}, got {self.numbering!r}")
        if (self.numbering == "plus") > (self.name == "add"):
            raise ValueError(f"only 'add' has a plus to count from, got {self.name!r}")

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
            return self._pairs(source, _sum(first, second) + 3, length)
        asked = first[:, ::-1] if self.name == "reverse" else first
        return self._pairs(first + 3, asked + 3, length)

    def wanted(self, length: int) -> NDArray[np.int64]:
        """Return which source tokens each target digit is made of, shape (length, 1 or 2).

        Examples
        --------
        >>> StringTask("reverse").wanted(3).T.tolist(), StringTask("add").wanted(2).tolist()
        ([[2, 1, 0]], [[0, 3], [1, 4]])
        """
        index = np.arange(length)
        if self.name == "add":
            return np.stack([index, index + length + 1], axis=1)
        return (index if self.name == "copy" else index[::-1].copy())[:, None]

    def _pairs(self, source: NDArray, target: NDArray, length: int) -> Pairs:
        closed = _closed(source)
        positions = torch.arange(closed.shape[1])
        if self.numbering == "plus":
            positions[length + 1 :] -= length + 1
        elif self.numbering == "end":
            positions[:-1] = positions[:-1].flip(0)
        return Pairs(closed, _closed(target), positions)


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
