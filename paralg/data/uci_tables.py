"""Three small tables with known classes: irises, wines, and cells of breast tumours."""

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.data.source import Source, read_only

__all__ = ["NAMES", "SOURCE", "ClassTable", "load"]

NAMES = ("iris", "wine", "breast_cancer")
SOURCE = Source(
    "Iris, Wine, and Breast Cancer Wisconsin (Diagnostic)",
    "R. A. Fisher (1936); S. Aeberhard and M. Forina (1992); W. Wolberg, O. Mangasarian, N. Street "
    "and W. Street (1993); UCI Machine Learning Repository, https://archive.ics.uci.edu, datasets "
    "53, 109 and 17; taken from the package scikit-learn 1.9.1, sklearn/datasets/data",
    "CC BY 4.0 and, as part of scikit-learn, BSD 3-Clause (see paralg/data/uci_tables.LICENSE.md)",
    "columns stored in single precision",
    "uci_tables.npz", "ba7c07bb1b3067f127d0e7aa79df194313bf072213e1ea0d75de180a60bb9369",
)  # fmt: skip


class ClassTable(NamedTuple):
    """Measurements (n, d) and the class of each row (n,)."""

    points: NDArray[np.float64]
    classes: NDArray[np.uint8]


@functools.cache
def load(name: str) -> ClassTable:
    """Return "iris" (150, 4), "wine" (178, 13) or "breast_cancer" (569, 30), read-only.

    ValueError for another name, OSError if the file is missing or damaged.
    """
    checks.one_of("name", name, NAMES)
    stored = SOURCE.arrays()
    points = stored[name].astype(str).astype(np.float64)  # the shortest decimals
    return read_only(ClassTable(points, stored[f"{name}_classes"]))
