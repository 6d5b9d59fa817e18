"""Daily mean discharge of the Choptank River, October 1999 to September 2011."""

import functools

import numpy as np
from numpy.typing import NDArray

from paralg.data.source import Source, read_only

__all__ = ["FIRST_DAY", "SOURCE", "daily"]

FIRST_DAY = "1999-10-01"
SOURCE = Source(
    "Daily discharge of the Choptank River 1999-2011",
    "U.S. Geological Survey, station 01491000 near Greensboro, Maryland; taken from its package "
    "EGRET 3.0.12, inst/extdata/ChoptankRiverFlow.txt",
    "CC0 1.0, and public domain in the United States (see paralg/data/choptank.LICENSE.md)",
    "cubic feet a second in place of cubic metres, rounded to hundredths",
    "choptank.npz", "258ea950c613a437c7fa19c6cd857af7bfb55d2e70b7c427f17db83eb79df203",
)  # fmt: skip


@functools.cache
def daily() -> NDArray[np.float64]:
    """Return cubic feet a second, shape (4383,), read-only; an OSError if the file is damaged."""
    return read_only((SOURCE.arrays()["hundredths"] / 100,))[0]
