"""Earthquakes of the week after the magnitude 7.1 shock at Ridgecrest, California, in July 2019.

829 events of magnitude 2.5 and above with their times: a sequence that excites itself.
"""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.data.source import Source, read_only

__all__ = ["SOURCE", "Quakes", "load"]

SOURCE = Source(
    "Ridgecrest aftershocks, 6 to 13 July 2019",
    "ANSS Comprehensive Earthquake Catalog, U.S. Geological Survey; taken from the package "
    "pycsep 0.8.0, csep/artifacts/ObservedCatalogs/sample_comcat_catalog.csv",
    "public domain in the US and, as part of pycsep, BSD 3-Clause "
    "(see paralg/data/ridgecrest.LICENSE.md)",
    "only times and magnitudes kept; times in seconds after the first event",
    "ridgecrest.npz", "d3ecef001ddc73ff2e544837137bbe4742fe37b6795fddf4c8f4f765f6e48b40",
)  # fmt: skip


class Quakes(NamedTuple):
    """Hours after the first event, in order, and magnitudes, each of shape (829,)."""

    hours: NDArray[np.float64]
    magnitudes: NDArray[np.float64]


@functools.cache
def load() -> Quakes:
    """Return times and magnitudes, read-only; an OSError if the file is missing or damaged."""
    stored = SOURCE.arrays()
    return read_only(Quakes(stored["hundredths"] / 360_000, stored["magnitudes"] / 100))
