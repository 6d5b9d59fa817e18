"""Income and food expenditure of 235 Belgian working-class households, 1857."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.data.source import Source, read_only

__all__ = ["SOURCE", "Households", "households"]

SOURCE = Source(
    "Food expenditure of Belgian households, Engel 1857",
    "Koenker and Bassett (1982), with the R package quantreg; taken from the package statsmodels "
    "0.15.0, statsmodels/datasets/engel/engel.csv",
    "public domain, as statsmodels states (see paralg/data/engel.LICENSE.md)",
    "rounded to hundredths of a franc, sorted by income",
    "engel.npz", "5873c5b8141a01379eb20fa686f75293b59a99e0662446f499ce72a08f5dc46a",
)  # fmt: skip


class Households(NamedTuple):
    """Income and food of each household, francs a year, shape (235,), sorted by income."""

    income: NDArray[np.float64]
    food: NDArray[np.float64]


@functools.cache
def households() -> Households:
    """Return the table, read-only; an OSError if the file is missing or damaged."""
    return read_only(Households(*(SOURCE.arrays()["hundredths"] / 100)))
