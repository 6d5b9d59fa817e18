"""The chapter's graphs: three real ones from the shelf of data, and a synthetic one."""

from paralg.data import graphs
from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = [
    "GRAPHS", "SOURCES", "barabasi_albert", "les_miserables", "stdlib_imports", "topic_words",
]  # fmt: skip

SOURCES = graphs.SOURCES


def les_miserables() -> Digraph:
    """Return 77 characters and how often each two appear in a chapter together, both ways."""
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
        arcs.tails, arcs.heads, arcs.weights, names=arcs.names or None, undirected=arcs.undirected
    )


def barabasi_albert(n: int, attach: int = 10, seed: int = 0) -> Digraph:
    """Grow a synthetic graph with a heavy tail and exponential weights, walked both ways."""
    return _digraph(graphs.barabasi_albert(n, attach, seed))


GRAPHS = {make.__name__: make for make in (les_miserables, stdlib_imports, topic_words)}
