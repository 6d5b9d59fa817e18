"""Three real graphs with weights, as lists of arcs, each with its source and licence.

`make` beside this file rebuilds the two derived ones from the running Python.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.data.source import Source

__all__ = ["SOURCES", "ArcList", "les_miserables", "stdlib_imports", "topic_words"]

_HERE = Path(__file__).parent
_PSF = "PSF License Version 2 (full text in LICENSES.md beside the data)"

SOURCES = {
    "les_miserables": Source(
        "Characters of Les Misérables who appear together",
        "Donald E. Knuth, The Stanford GraphBase (1993), as distributed with NetworkX",
        "NetworkX: BSD-3-Clause; Knuth's files may be copied freely if unchanged",
        "the counts of pairs only, one line a pair, in alphabetical order",
    ),
    "stdlib_imports": Source(
        "Imports in the standard library of Python 3.11.7",
        "Python Software Foundation, https://github.com/python/cpython",
        _PSF,
        "arcs counted from the syntax trees, weight = names imported; test suites left out",
    ),
    "topic_words": Source(
        "Neighbouring words in the topics of the Python 3.11.7 documentation",
        "module pydoc_data.topics, Python Software Foundation",
        _PSF,
        "the 2,000 commonest words; weight = pairs within 4 words",
        "graphs/topic_words.npz",
        "b5a30decb0183f5f23e87a33f566aa7a6e670d9876edf1831b530c4e974592a9",
    ),
}


class ArcList(NamedTuple):
    """Arcs of a weighted graph with n nodes.

    Tails, heads and weights have shape (m,), numbers of nodes and floats; names are those of the
    nodes, in order; in an undirected graph each arc stands for both directions.
    """

    tails: NDArray[np.int64]
    heads: NDArray[np.int64]
    weights: NDArray[np.float64]
    names: tuple[str, ...]
    undirected: bool


def les_miserables() -> ArcList:
    """Return 77 characters and how often each two appear in a chapter together.

    Examples
    --------
    >>> len(les_miserables().names), len(les_miserables().tails)
    (77, 254)
    """
    return _lines("les_miserables.tsv", undirected=True)


def stdlib_imports() -> ArcList:
    """Return which module of Python's standard library imports which, weighted by names taken."""
    return _lines("stdlib_imports.tsv", undirected=False)


def topic_words() -> ArcList:
    """Return which of 2,000 words of Python's documentation stand near each other."""
    stored = SOURCES["topic_words"].arrays()
    tails, heads = (stored[name].astype(np.int64) for name in ("tails", "heads"))
    names = tuple(str(stored["names"]).split("\n"))
    return ArcList(tails, heads, stored["counts"].astype(np.float64), names, True)


def _lines(name: str, undirected: bool) -> ArcList:
    """Read lines of tail, head and weight; nodes are numbered by first appearance."""
    number: dict[str, int] = {}
    arcs = []
    for line in (_HERE / name).read_text(encoding="utf-8").splitlines():
        tail, head, weight = line.split("\t")
        ends = [number.setdefault(end, len(number)) for end in (tail, head)]
        arcs.append((*ends, float(weight)))
    tails, heads, weights = map(np.array, zip(*arcs, strict=True))
    return ArcList(tails, heads, weights, tuple(number), undirected)
