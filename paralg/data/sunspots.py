"""Monthly mean sunspot numbers, January 1749 to June 2009.

``python -m paralg.data.sunspots TABLE PATH`` writes the shipped file from the table of the US
National Geophysical Data Center.
"""

from __future__ import annotations

import functools
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paralg.data.shipped import arrays, read_only
from paralg.data.source import Source

__all__ = ["FIRST_YEAR", "SOURCE", "monthly"]

FIRST_YEAR = 1749
SOURCE = Source(
    "Monthly mean sunspot numbers 1749-2009",
    "US National Geophysical Data Center (NOAA); taken from the package statsmodels 0.15.0, "
    "statsmodels/datasets/sunspots/src/sunspots_monthly.dat",
    "public domain, as statsmodels states (see paralg/data/sunspots.LICENSE.md)",
    "the table turned into one series; February 1824 is the source's interpolation",
)

_FILE = Path(__file__).with_name("sunspots.npz")
_SHA256 = "c384e5644c686a22265c97daa10b82c4f5c8ee4d7c59b9d4b554231d29606f5c"


@functools.cache
def monthly() -> NDArray[np.float64]:
    """Return one number for each month.

    Returns
    -------
    ndarray of float64, shape (3126,), read-only

    Raises
    ------
    OSError
        If the shipped file is missing or not the recorded one.
    """
    return read_only((arrays(_FILE, _SHA256)["tenths"] / 10,))[0]


def main(table: str, path: str) -> None:
    """Write the shipped file (an .npz) from the source's table."""
    lines = Path(table).read_text(encoding="utf-8").splitlines()
    years = [line.split()[1:] for line in lines if re.match(r"\d{4} ", line)]
    tenths = [round(10 * float(number)) for year in years for number in year]
    np.savez_compressed(path, tenths=np.array(tenths, np.uint16))


if __name__ == "__main__":
    main(*sys.argv[1:])
