"""The chapter's graphs: three real ones from the shelf of data, and a synthetic one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paralg.data import graphs
from paralg.data.source import Source
from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = [
    "GRAPHS", "SOURCES", "barabasi_albert", "les_miserables", "stdlib_imports", "topic_words",
]  # fmt: skip

SOURCES = graphs.SOURCES | {
    "barabasi_albert": Source(
        "Preferential attachment with random weights (synthetic)", "generated", "no rights claimed"
    ),
}


def les_miserables() -> Digraph:
    """Return 77 characters and how often each two appear in a chapter together (both
    directions)."""
    return _digraph(graphs.les_miserables())


def stdlib_imports() -> Digraph:
    """Return which module of Python's standard library imports which, weighted by names taken."""
    return _digraph(graphs.stdlib_imports())


def topic_words() -> Digraph:
    """Return which words of Python's documentation stand near each other; symmetric, with hubs."""
    return _digraph(graphs.topic_words())


def _digraph(arcs: graphs.ArcList) -> Digraph:
    """Return the weighted digraph of a list of arcs."""
    return Digraph.from_arcs(
        arcs.tails, arcs.heads, arcs.weights, names=arcs.names, undirected=arcs.undirected
    )


def barabasi_albert(n: int, attach: int = 10, seed: int = 0) -> Digraph:
    """Grow a synthetic graph with a heavy tail [barabasi-1999-emergence].

    Each new node ties itself to ``attach`` old ones in proportion to their degree; weights are
    exponential, and every tie is walked both ways. ValueError unless ``1 <= attach < n``.

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
