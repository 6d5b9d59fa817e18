"""Two tasks that only a selective memory solves, and real text, all drawn from a generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from paralg.data import pydoc_text

__all__ = ["Batch", "InductionHeads", "SelectiveCopying", "Task", "Text"]


@dataclass(frozen=True)
class Batch:
    """Sequences and what should be said where.

    Parameters
    ----------
    tokens : ndarray of int64, shape (b, L)
        Input.
    targets : ndarray of int64, shape (b, k)
        Right answers at the last k positions.
    """

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]

    @property
    def asked(self) -> int:
        """Number k of positions, counted from the end, whose output matters."""
        return self.targets.shape[1]


class Task(Protocol):
    """A source of batches."""

    vocab_size: int

    def draw(self, batch: int, rng: np.random.Generator, **sizes: int) -> Batch:
        """Return ``batch`` independent rows."""


@dataclass(frozen=True)
class SelectiveCopying:
    """Repeat the data tokens that lie scattered among noise, in order, when asked.

    Parameters
    ----------
    length : int
        Tokens before the first question.
    data : int
        Data tokens among them.
    letters : int
        Size of the data alphabet; letter v is token v, noise and "emit" are the two tokens after.

    Notes
    -----
    A fixed convolution kernel cannot do it: where a data token has to be fetched from depends on
    where the others happened to lie.

    References
    ----------
    [gu-2023-mamba], section 4.1.1; sizes reduced.

    Examples
    --------
    >>> batch = SelectiveCopying(6, 2, 4).draw(1, np.random.default_rng(1))
    >>> batch.tokens.tolist(), batch.targets.tolist()
    ([[4, 1, 4, 2, 4, 4, 5, 5]], [[1, 2]])
    """

    length: int = 24
    data: int = 4
    letters: int = 8

    @property
    def vocab_size(self) -> int:
        """Letters, noise, emit."""
        return self.letters + 2

    @property
    def chance(self) -> float:
        """Share of right tokens when guessing."""
        return 1 / self.letters

    def draw(self, batch: int, rng: np.random.Generator, *, length: int | None = None) -> Batch:
        """Return rows of ``length + data`` tokens and their ``data`` letters."""
        length = self.length if length is None else length
        if length < self.data:
            raise ValueError(f"length must be at least {self.data}, got {length}")
        letters = rng.integers(0, self.letters, (batch, self.data))
        places = np.sort(rng.random((batch, length)).argsort(axis=1)[:, : self.data], axis=1)
        tokens = np.full((batch, length + self.data), self.letters)
        np.put_along_axis(tokens, places, letters, axis=1)
        tokens[:, length:] = self.letters + 1
        return Batch(tokens, letters)


@dataclass(frozen=True)
class InductionHeads:
    """Say which letter followed a marker, when the marker comes again at the end.

    Parameters
    ----------
    length : int
        Tokens, the two markers included.
    letters : int
        Size of the alphabet; the marker is the token after it.

    References
    ----------
    [gu-2023-mamba], section 4.1.2; sizes reduced.

    Examples
    --------
    >>> batch = InductionHeads(8, 4).draw(1, np.random.default_rng(1))
    >>> batch.tokens.tolist(), batch.targets.tolist()
    ([[1, 4, 3, 3, 0, 0, 3, 4]], [[3]])
    """

    length: int = 64
    letters: int = 16

    @property
    def vocab_size(self) -> int:
        """Letters and marker."""
        return self.letters + 1

    @property
    def chance(self) -> float:
        """Share of right answers when guessing."""
        return 1 / self.letters

    def draw(
        self, batch: int, rng: np.random.Generator, *, length: int | None = None,
        distance: int | None = None,
    ) -> Batch:  # fmt: skip
        """Return rows of ``length`` tokens, the last a marker, and the letter it asks for.

        The first marker stands anywhere, or ``distance`` tokens before the last.
        """
        length = self.length if length is None else length
        if length < 3:
            raise ValueError(f"length must be at least 3, got {length}")
        if distance is not None and not 2 <= distance < length:
            raise ValueError(f"distance must be between 2 and {length - 1}, got {distance}")
        tokens = rng.integers(0, self.letters, (batch, length))
        marker = rng.integers(0, length - 2, (batch, 1))
        if distance is not None:
            marker[:] = length - 1 - distance
        np.put_along_axis(tokens, marker, self.letters, axis=1)
        tokens[:, -1] = self.letters
        return Batch(tokens, np.take_along_axis(tokens, marker + 1, axis=1))


@dataclass(frozen=True)
class Text:
    """Predict each next character of English documentation text, 27 symbols.

    Parameters
    ----------
    length : int
        Characters of a window.

    See Also
    --------
    paralg.data.pydoc_text : the text, its source and licence.
    """

    length: int = 128
    vocab_size: int = len(pydoc_text.SYMBOLS)

    def draw(
        self, batch: int, rng: np.random.Generator, *, length: int | None = None,
        split: str = "train",
    ) -> Batch:  # fmt: skip
        """Return windows of ``length`` characters, and the character after each of them."""
        length = self.length if length is None else length
        windows = pydoc_text.windows(batch, length + 1, rng, split=split)
        return Batch(windows[:, :-1], windows[:, 1:])
