"""Earthquakes of the week after the magnitude 7.1 shock at Ridgecrest, California, in July 2019.

829 events of magnitude 2.5 and above with their times: a sequence that excites itself.
``python -m paralg.data.ridgecrest TABLE PATH`` writes the shipped file from the table.
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

__all__ = ["SOURCE", "Quakes", "load"]

SOURCE = Source(
    "Ridgecrest aftershocks, 6 to 13 July 2019",
    "ANSS Comprehensive Earthquake Catalog, U.S. Geological Survey; taken from the package "
    "pycsep 0.8.0, csep/artifacts/ObservedCatalogs/sample_comcat_catalog.csv",
    "public domain in the US and, as part of pycsep, BSD 3-Clause "
    "(see paralg/data/ridgecrest.LICENSE.md)",
    "only times and magnitudes kept; times in seconds after the first event",
)

_FILE = Path(__file__).with_name("ridgecrest.npz")
_SHA256 = "d3ecef001ddc73ff2e544837137bbe4742fe37b6795fddf4c8f4f765f6e48b40"


class Quakes(NamedTuple):
    """Hours after the first event, in order, and magnitudes."""

    hours: NDArray[np.float64]
    magnitudes: NDArray[np.float64]


@functools.cache
def load() -> Quakes:
    """Return times and magnitudes, each of shape (829,), read-only.

    Raises
    ------
    OSError
        If the shipped file is missing or not the recorded one.
    """
    stored = arrays(_FILE, _SHA256)
    found = Quakes(stored["hundredths"] / 360_000, stored["magnitudes"] / 100)
    return read_only(found)


def main(table: str, path: str) -> None:
    """Write the shipped file (an .npz) from the catalogue's table."""
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    times = np.array([row["time_string"] for row in rows], "datetime64[ms]")
    after = (times - times[0]).astype(np.int64) // 10
    magnitudes = [round(100 * float(row["M"])) for row in rows]
    np.savez_compressed(path, hundredths=after, magnitudes=np.array(magnitudes, np.uint16))


if __name__ == "__main__":
    main(*sys.argv[1:])
