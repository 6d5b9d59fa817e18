"""What a text teaches: a character for each slot, a count for each character, which slots exist.

Sizes in all modules: B images; C characters, number 0 the end; L characters in a text, at most
``longest``; P = longest + 1 slots; S visual tokens; width d; N character nodes, all C or a subset.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["END", "IGNORED", "Labels", "CharacterSet"]

END, IGNORED = 0, -100
"""The end is character 0; a slot after the end has no character to learn (the code has 100)."""


class Labels(NamedTuple):
    """Targets of B texts: characters (B, P), counts (B, C) and slots (B, P), 1 where one exists."""

    characters: NDArray[np.int64]
    counts: NDArray[np.int64]
    slots: NDArray[np.int64]


@dataclass(frozen=True)
class CharacterSet:
    """The characters that can be read, how many at most; as the released code of [du-2025-context].

    Parameters
    ----------
    characters : str
        Each once; they get the numbers 1, 2, …
    longest : int
        Characters of the longest text; the paper's models have 25.

    Examples
    --------
    >>> words = CharacterSet("abcdefghijklmnopqrstuvwxyz", longest=6)
    >>> labels = words.encode(["noon"])
    >>> labels.characters.tolist(), labels.slots.tolist()
    ([[14, 15, 15, 14, 0, -100, -100]], [[1, 1, 1, 1, 1, 0, 0]])
    >>> labels.counts[0, [0, 14, 15]].tolist(), words.decode(labels.characters)
    ([1, 2, 2], ['noon'])
    """

    characters: str
    longest: int = 25

    def __post_init__(self):
        checks.instance("characters", self.characters, str)
        checks.integer("longest", self.longest, 1)
        if not self.characters or len(set(self.characters)) < len(self.characters):
            raise ValueError(f"characters must be given once each, got {self.characters!r}")
        object.__setattr__(self, "C", len(self.characters) + 1)
        object.__setattr__(self, "P", self.longest + 1)

    def number(self, text: str) -> list[int]:
        """Return the numbers of a text's characters; those that are not known are skipped.

        ValueError if none is left, or more than `longest`.
        """
        checks.instance("text", text, str)
        found = [self.characters.index(one) + 1 for one in text if one in self.characters]
        if not 0 < len(found) <= self.longest:
            raise ValueError(f"text must have 1 to {self.longest} known characters, got {text!r}")
        return found

    def encode(self, texts: Sequence[str]) -> Labels:
        """Return the three targets of texts; an error as of :meth:`number`."""
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            raise TypeError(f"texts must be several, got {texts!r:.60}")
        characters = np.full((len(texts), self.P), IGNORED)
        counts = np.zeros((len(texts), self.C), dtype=np.int64)
        for row, text in enumerate(texts):
            numbers = [*self.number(text), END]
            characters[row, : len(numbers)] = numbers
            counts[row] = np.bincount(numbers, minlength=self.C)
        return Labels(characters, counts, (characters != IGNORED).astype(np.int64))

    def decode(self, numbers: ArrayLike) -> list[str]:
        """Spell rows of slots up to the first end, or all slots where there is none."""
        rows = checks.array("numbers", numbers, "i")
        checks.sizes(numbers=(rows, "B slots"))
        known = rows[rows != IGNORED]
        if known.size and not 0 <= known.min() <= known.max() < self.C:
            raise ValueError(f"numbers must be below {self.C}, got {known.min()}..{known.max()}")
        texts = ("".join((*self.characters, "\0")[v - 1] for v in row.clip(END)) for row in rows)
        return [text.partition("\0")[0] for text in texts]
