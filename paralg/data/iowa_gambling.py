"""Choices of 330 people among four decks of cards: the Iowa gambling task, real data.

``python -m paralg.data.iowa_gambling FOLDER PATH`` writes the shipped file from the tables
``choice_100.csv``, ``lo_100.csv``, ``index_100.csv`` and those with 150 of the collection.
"""

from __future__ import annotations

import csv
import functools
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.data.shipped import arrays, read_only
from paralg.data.source import Source

__all__ = ["LOSSES", "SOURCE", "TRIALS", "WINS", "Games", "load"]

TRIALS = 100
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
)

_FILE = Path(__file__).with_name("iowa_gambling.npz")
_SHA256 = "69475e19ea6d300e8998a10b5710554b197af1b37df9f267750af8e0acc0ec46"
_STUDIES = {100: ("Horstmann", "SteingroverInPrep"), 150: ("Steingroever2011", "Wetzels")}
_UNIT = 50


class Games(NamedTuple):
    """Decks that were chosen, 0..3, and what was lost, in dollars of play money."""

    choices: NDArray[np.int64]
    losses: NDArray[np.int64]

    @property
    def gains(self) -> NDArray[np.int64]:
        """Win less loss of every choice."""
        return WINS[self.choices] - self.losses


@functools.cache
def load() -> Games:
    """Return choices and losses, each of shape (330, 100), read-only.

    Raises
    ------
    OSError
        If the shipped file is missing or not the recorded one.
    """
    stored = arrays(_FILE, _SHA256)
    found = Games(stored["choices"].astype(int), stored["fifties"].astype(int) * _UNIT)
    return read_only(found)


def _table(path: Path) -> list[list[str]]:
    """Read a table without its header and without the names of its rows."""
    with open(path, encoding="utf-8", newline="") as file:
        return [row[1:] for row in list(csv.reader(file))[1:]]


def _study(folder: Path, kind: str, trials: int) -> NDArray:
    """Return the first choices or losses of the wanted studies of one length."""
    names = [row[-1] for row in _table(folder / f"index_{trials}.csv")]
    rows = np.array(_table(folder / f"{kind}_{trials}.csv"), float)[:, :TRIALS].astype(int)
    return np.concatenate([rows[np.array(names) == name] for name in _STUDIES[trials]])


def main(folder: str, path: str) -> None:
    """Write the shipped file (an .npz) from the collection's tables."""
    choices, losses = (
        np.concatenate([_study(Path(folder), kind, trials) for trials in _STUDIES])
        for kind in ("choice", "lo")
    )
    np.savez_compressed(path, choices=(choices - 1).astype(np.uint8),
                        fifties=(-losses // _UNIT).astype(np.uint8))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
