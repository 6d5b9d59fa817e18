"""Small weighted graphs that ship with the book, each with its source and licence.

Three are real; `barabasi_albert` is synthetic and says so.
The scripts `make_imports` and `make_words` beside this file rebuild the two derived ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from paralg.data.source import Source
from paralg.rounds.personalized_pagerank.edges import read_edges
from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = [
    "GRAPHS", "SOURCES", "barabasi_albert", "les_miserables", "stdlib_imports", "topic_words",
]  # fmt: skip

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
    ),
    "barabasi_albert": Source(
        "Preferential attachment with random weights (synthetic)", "generated", "no rights claimed"
    ),
}


def les_miserables() -> Digraph:
    """Return 77 characters and how often each two appear in a chapter together (both directions).

    Examples
    --------
    >>> graph = les_miserables()
    >>> graph.n, graph.m
    (77, 508)
    """
    return read_edges(_HERE / "les_miserables.tsv", delimiter="\t", undirected=True)


def stdlib_imports() -> Digraph:
    """Return which module of Python's standard library imports which, weighted by names taken.

    Directed, with 120 modules that import nothing.

    Examples
    --------
    >>> graph = stdlib_imports()
    >>> graph.n, graph.m, int(graph.dangling.sum())
    (813, 3656, 120)
    """
    return read_edges(_HERE / "stdlib_imports.tsv", delimiter="\t")


def topic_words() -> Digraph:
    """Return which words of Python's documentation stand near each other; symmetric, with hubs.

    Examples
    --------
    >>> graph = topic_words()
    >>> graph.n, graph.names[int(graph.out_degree.argmax())]
    (2000, 'the')
    """
    with np.load(_HERE / "topic_words.npz") as archive:
        names = tuple(str(archive["names"]).split("\n"))
        arcs = [archive[name].astype(np.int64) for name in ("tails", "heads", "counts")]
    return Digraph.from_arcs(*arcs, names=names, undirected=True)


def barabasi_albert(n: int, attach: int = 10, seed: int = 0) -> Digraph:
    """Grow a synthetic graph with a heavy tail: each new node ties itself to ``attach`` old ones.

    An old node is chosen in proportion to its degree; weights are exponential, and every tie is
    walked both ways.

    Parameters
    ----------
    n : int
        Nodes, more than ``attach``.
    attach : int
        Ties of a new node, at least 1.
    seed : int
        Seed of the generator.

    Returns
    -------
    Digraph

    Raises
    ------
    ValueError
        Not ``1 <= attach < n``.

    References
    ----------
    [barabasi-1999-emergence].

    Examples
    --------
    >>> graph = barabasi_albert(100, 3)
    >>> graph.n, graph.m
    (100, 582)
    """
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
    return Digraph.from_arcs(tails, heads, rng.exponential(size=len(tails)), undirected=True)


def _distinct(rng, ends, count):
    """Draw distinct nodes in proportion to how often they occur among the ends."""
    chosen: dict[int, None] = {}  # a set that keeps the order
    while len(chosen) < count:
        drawn = ends[rng.integers(len(ends), size=count)]
        chosen.update(dict.fromkeys(drawn.tolist()))
    return np.array(list(chosen)[:count])


GRAPHS: dict[str, Callable[[], Digraph]] = {
    "les_miserables": les_miserables,
    "stdlib_imports": stdlib_imports,
    "topic_words": topic_words,
}
