"""Choices of 330 people among four decks of cards: the Iowa gambling task, real data."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.data.source import Source, read_only

__all__ = ["LOSSES", "SOURCE", "TRIALS", "WINS", "Decks", "Games", "load"]

TRIALS = 100
UNIT = 50  # all losses are multiples of so many dollars
WINS = np.array([100, 100, 50, 50])
"""What a card of each deck wins, always."""
LOSSES = np.array([
    [350, 300, 250, 200, 150, 0, 0, 0, 0, 0], [1250, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [50, 50, 50, 50, 50, 0, 0, 0, 0, 0], [250, 0, 0, 0, 0, 0, 0, 0, 0, 0],
])  # fmt: skip
"""What each ten cards of a deck lose, in random order; every block of ten in the data is this."""

SOURCE = Source(
    "Iowa gambling task, four studies",
    "H. Steingroever et al. (2015), Data from 617 healthy participants performing the Iowa "
    "gambling task, https://doi.org/10.5334/jopd.ak, https://osf.io/8t7rm",
    "CC BY-SA 4.0 (see paralg/data/iowa_gambling.LICENSE.md)",
    "the four studies with one scheme of payoffs (330 people), their first 100 choices; wins left "
    "out, since the deck determines them",
    "iowa_gambling.npz", "69475e19ea6d300e8998a10b5710554b197af1b37df9f267750af8e0acc0ec46",
)  # fmt: skip


class Games(NamedTuple):
    """Decks that were chosen, 0..3, and what was lost, in dollars of play money."""

    choices: NDArray[np.int64]
    losses: NDArray[np.int64]

    @property
    def gains(self) -> NDArray[np.int64]:
        """Win less loss of every choice."""
        return WINS[self.choices] - self.losses


@dataclass(frozen=True, eq=False)
class Decks:
    """Shuffled cards for many games at once: of each ten cards of a deck, one of each kind."""

    losses: NDArray[np.int64]  # (rows, 4, 100), what the cards of each deck lose, in order
    drawn: NDArray[np.int64]  # (rows, 4), cards taken so far; `draw` adds to it

    @classmethod
    def shuffled(cls, rows: int, rng: np.random.Generator) -> "Decks":
        """Return new decks for so many games."""
        checks.integer("rows", rows), checks.instance("rng", rng, np.random.Generator)
        blocks = np.broadcast_to(LOSSES[:, None], (rows, 4, TRIALS // 10, 10))
        cards = rng.permuted(blocks, axis=3).reshape(rows, 4, TRIALS)
        return cls(cards, np.zeros((rows, 4), int))

    def draw(self, decks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take one card in every game; return what it loses, shape (rows,)."""
        decks = checks.array("decks", decks, "i", least=0)
        checks.sizes(decks=(decks, f"{len(self.drawn)}"))
        if decks.max(initial=0) > 3:
            raise ValueError(f"decks must lie in 0..3, got {decks}")
        own = np.arange(len(decks))
        lost = self.losses[own, decks, self.drawn[own, decks]]
        self.drawn[own, decks] += 1
        return lost


@functools.cache
def load() -> Games:
    """Return choices and losses, (330, 100) each, read-only; an OSError if the file is damaged."""
    stored = SOURCE.arrays()
    return read_only(Games(stored["choices"].astype(int), stored["fifties"].astype(int) * UNIT))
