"""Three real graphs with weights and a synthetic one, as lists of arcs, each with its source.

`make` beside this file rebuilds the two derived ones from the running Python.
"""

from pathlib import Path

import numpy as np

from paralg.core import checks
from paralg.data.arcs import ArcList
from paralg.data.edge_lists import EdgeFormat, read_edge_list
from paralg.data.source import Source

__all__ = [
    "SOURCES", "ArcList", "barabasi_albert", "les_miserables", "stdlib_imports", "topic_words",
]  # fmt: skip

_HERE = Path(__file__).parent
_TABS = EdgeFormat("\t", comment="", quote="", first="arc")
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
        "module pydoc_data.topics, Python Software Foundation", _PSF,
        "the 2,000 commonest words; weight = pairs within 4 words",
        "graphs/topic_words.npz",
        "b5a30decb0183f5f23e87a33f566aa7a6e670d9876edf1831b530c4e974592a9",
    ),
    "barabasi_albert": Source(
        "Preferential attachment with random weights (synthetic)", "generated", "no rights claimed"
    ),
}  # fmt: skip


def les_miserables() -> ArcList:
    """Return 77 characters and how often each two appear in a chapter together.

    >>> len(les_miserables().names), len(les_miserables().tails)
    (77, 254)
    """
    return read_edge_list(_HERE / "les_miserables.tsv", _TABS._replace(undirected=True))[0]


def stdlib_imports() -> ArcList:
    """Return which module of Python's standard library imports which, weighted by names taken."""
    return read_edge_list(_HERE / "stdlib_imports.tsv", _TABS)[0]


def topic_words() -> ArcList:
    """Return which of 2,000 words of Python's documentation stand near each other."""
    stored = SOURCES["topic_words"].arrays()
    tails, heads = (stored[name].astype(np.int64) for name in ("tails", "heads"))
    names = tuple(str(stored["names"]).split("\n"))
    return ArcList(tails, heads, stored["counts"].astype(np.float64), names, True)


def barabasi_albert(n: int, attach: int = 10, seed: int = 0) -> ArcList:
    """Grow a synthetic graph with a heavy tail [barabasi-1999-emergence].

    Each new node ties itself to ``attach`` old ones in proportion to their degree; weights are
    exponential, and every tie is walked both ways. ValueError unless ``1 <= attach < n``.

    >>> graph = barabasi_albert(100, 3)
    >>> len(graph.tails)
    291
    """
    checks.integers(0, n=n, attach=attach, seed=seed)
    if not 1 <= attach < n:
        raise ValueError(f"expected 1 <= attach < n, got attach={attach} and n={n}")
    rng = np.random.default_rng(seed)
    ends = np.empty(2 * attach * (n - attach), dtype=np.int64)
    chosen = np.arange(attach)
    for node in range(attach, n):
        used = 2 * attach * (node - attach)
        ends[used : used + attach], ends[used + attach : used + 2 * attach] = node, chosen
        chosen = _distinct(rng, ends[: used + 2 * attach], attach)
    pairs = ends.reshape(-1, 2, attach)
    tails, heads = pairs[:, 0].ravel(), pairs[:, 1].ravel()
    return ArcList(tails, heads, rng.exponential(size=len(tails)), (), True)


def _distinct(rng, ends, count):
    """Draw distinct nodes in proportion to how often they occur among the ends."""
    chosen: dict[int, None] = {}  # a set that keeps the order
    while len(chosen) < count:
        drawn = ends[rng.integers(len(ends), size=count)]
        chosen.update(dict.fromkeys(drawn.tolist()))
    return np.array(list(chosen)[:count])
