"""Monthly mean sunspot numbers, January 1749 to June 2009."""

import functools

import numpy as np
from numpy.typing import NDArray

from paralg.data.source import Source, read_only

__all__ = ["FIRST_YEAR", "SOURCE", "monthly"]

FIRST_YEAR = 1749
SOURCE = Source(
    "Monthly mean sunspot numbers 1749-2009",
    "US National Geophysical Data Center (NOAA); taken from the package statsmodels 0.15.0, "
    "statsmodels/datasets/sunspots/src/sunspots_monthly.dat",
    "public domain, as statsmodels states (see paralg/data/sunspots.LICENSE.md)",
    "the table turned into one series; February 1824 is the source's interpolation",
    "sunspots.npz", "c384e5644c686a22265c97daa10b82c4f5c8ee4d7c59b9d4b554231d29606f5c",
)  # fmt: skip


@functools.cache
def monthly() -> NDArray[np.float64]:
    """Return a number a month, shape (3126,), read-only; an OSError if the file is damaged."""
    return read_only((SOURCE.arrays()["tenths"] / 10,))[0]
