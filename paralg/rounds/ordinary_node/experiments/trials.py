"""An adversary that swaps identifiers, random cycles with delays, and graphs."""

from collections.abc import Iterator

import numpy as np

from paralg.core.random import draw64
from paralg.data import graphs
from paralg.rounds.ordinary_node.fast.graphs import PortGraph, cycle
from paralg.rounds.ordinary_node.fast.rounds import run_compacted
from paralg.rounds.ordinary_node.local import LocalRun, run_local
from paralg.rounds.ordinary_node.variants import ColourByOrder, delayed

__all__ = ["GRAPHS", "climb", "delayed_runs", "random_graph", "waits"]


def climb(algorithm: str, n: int, rng: np.random.Generator, starts=3, swaps=1500) -> tuple:
    """Return the largest sum of radii that swaps of two identifiers find, and the identifiers."""
    graph, best = cycle(n), (-1, None)
    for _ in range(starts):
        ids = rng.permutation(n)
        value = run_compacted(algorithm, graph, ids).cost.work
        for a, b in rng.integers(0, n, size=(swaps, 2)).tolist():
            ids[a], ids[b] = ids[b], ids[a]
            new = run_compacted(algorithm, graph, ids).cost.work
            if new < value:
                ids[a], ids[b] = ids[b], ids[a]
            value = max(value, new)
        best = max(best, (value, ids.tolist()))
    return best


def waits(n: int):
    """Return a delay of up to ``n // 2`` rounds for each identifier, by a hash."""
    return lambda one: int(draw64(0, one, 0)) % (n // 2 + 1)


def delayed_runs(count: int, seed: int = 0, sizes=(8, 41)) -> Iterator[tuple[LocalRun, list[int]]]:
    """Yield colourings by order with delays on random cycles, and their identifiers.

    A run in which a node waits for more than half the cycle is left out: it would see all before.
    """
    rng = np.random.default_rng(seed)
    while count:
        ids = rng.permutation(n := int(rng.integers(*sizes))).tolist()
        run = run_local(cycle(n), delayed(ColourByOrder, waits(n)), ids)
        if run.most <= n // 2:
            count -= 1
            yield run, ids


def random_graph(n: int, degree: float, seed: int = 0) -> PortGraph:
    """Return a random graph with this mean degree (synthetic)."""
    rng = np.random.default_rng(seed)
    return PortGraph.from_edges(rng.integers(0, n, size=(int(n * degree / 2), 2)), n)


def _real(name: str) -> PortGraph:
    arcs = getattr(graphs, name)()
    return PortGraph.from_edges(np.stack([arcs.tails, arcs.heads], axis=1))


GRAPHS = {"characters of Les Misérables": lambda: _real("les_miserables"),
          "imports of Python's library": lambda: _real("stdlib_imports"),
          "neighbouring words": lambda: _real("topic_words")}  # fmt: skip
"""Real graphs of the shelf of data, as undirected graphs without weights."""
