"""Income and food expenditure of 235 Belgian working-class households, 1857.

``python -m paralg.data.engel TABLE PATH`` writes the shipped file from the package's table.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.data.shipped import arrays, read_only
from paralg.data.source import Source

__all__ = ["SOURCE", "Households", "households"]

SOURCE = Source(
    "Food expenditure of Belgian households, Engel 1857",
    "Koenker and Bassett (1982), with the R package quantreg; taken from the package statsmodels "
    "0.15.0, statsmodels/datasets/engel/engel.csv",
    "public domain, as statsmodels states (see paralg/data/engel.LICENSE.md)",
    "rounded to hundredths of a franc, sorted by income",
)

_FILE = Path(__file__).with_name("engel.npz")
_SHA256 = "5873c5b8141a01379eb20fa686f75293b59a99e0662446f499ce72a08f5dc46a"


class Households(NamedTuple):
    """One number for each household, francs a year, sorted by income.

    Attributes
    ----------
    income, food : ndarray of float64, shape (235,), read-only
    """

    income: NDArray[np.float64]
    food: NDArray[np.float64]


@functools.cache
def households() -> Households:
    """Return the table.

    Raises
    ------
    OSError
        If the shipped file is missing or not the recorded one.
    """
    return read_only(Households(*(arrays(_FILE, _SHA256)["hundredths"] / 100)))


def main(table: str, path: str) -> None:
    """Write the shipped file (an .npz) from the source's table."""
    columns = np.loadtxt(table, delimiter=",", skiprows=1).T
    ordered = columns[:, np.argsort(columns[0], kind="stable")]
    np.savez_compressed(path, hundredths=np.round(100 * ordered).astype(np.uint32))


if __name__ == "__main__":
    main(*sys.argv[1:])
