"""Tasks: decimal digits to copy, reverse and add; nodes that a source reaches in a graph."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import shortest_path
from torch import Tensor

from paralg.core import checks

__all__ = [
    "END", "PLUS", "SYMBOLS", "GraphBatch", "Pairs", "Reachability", "StringTask", "distances",
    "from_networkx", "say",
]  # fmt: skip

END, PLUS, SYMBOLS = 2, 13, 14
"""Tokens are padding 0, start 1, end, the digits from 3 on, plus."""
_LETTERS = "_^$0123456789+"
_CHOICES = {"name": ("copy", "reverse", "add"), "numbering": ("start", "plus", "end")}


@dataclass(frozen=True, eq=False)
class Pairs:
    """Source and target sequences, both closed by the end marker."""

    source: Tensor
    target: Tensor
    positions: Tensor


@dataclass(frozen=True)
class StringTask:
    """Strings of digits and what is to be made of them."""

    name: str
    numbering: str = "start"

    def __post_init__(self):
        for what, known in _CHOICES.items():
            checks.one_of(what, getattr(self, what), known)
        if (self.numbering == "plus") > (self.name == "add"):
            raise ValueError(f"only 'add' has a plus to count from, got {self.name!r}")

    def draw(self, rows: int, rng: np.random.Generator, *, length: int) -> Pairs:
        """Draw sequences of one length (for ``add``: numbers of so many digits)."""
        rows, length = checks.integer("rows", rows), checks.integer("length", length, 1)
        first = rng.integers(0, 10, (rows, length))
        if self.name == "add":
            second = rng.integers(0, 10, (rows, length))
            source = np.concatenate([first + 3, np.full((rows, 1), PLUS), second + 3], axis=1)
            return self._pairs(source, _sum(first, second) + 3, length)
        asked = first[:, ::-1] if self.name == "reverse" else first
        return self._pairs(first + 3, asked + 3, length)

    def wanted(self, length: int) -> NDArray[np.int64]:
        """Return which source tokens each target digit is made of, shape (length, 1 or 2)."""
        index = np.arange(length)[:, None]
        if self.name == "add":
            return np.hstack([index, index + length + 1])
        return index if self.name == "copy" else index[::-1].copy()

    def _pairs(self, source: NDArray, target: NDArray, length: int) -> Pairs:
        closed = (np.pad(part, ((0, 0), (0, 1)), constant_values=END) for part in (source, target))
        source, target = map(torch.from_numpy, closed)
        positions = torch.arange(source.shape[1])
        if self.numbering == "plus":
            positions[length + 1 :] -= length + 1
        elif self.numbering == "end":
            positions[:-1] = positions[:-1].flip(0)
        return Pairs(source, target, positions)


def _sum(first: NDArray, second: NDArray) -> NDArray:
    """Add digit by digit from the lowest, shape (rows, length + 1)."""
    found = np.pad(first + second, ((0, 0), (0, 1)))
    for k in range(first.shape[1]):
        carry, found[:, k] = np.divmod(found[:, k], 10)
        found[:, k + 1] += carry
    return found


def say(tokens: Tensor) -> str:
    """Return a sequence as text, up to its end marker."""
    return "".join(_LETTERS[int(t)] for t in tokens).partition("$")[0]


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs with a marked source: symbols (b, n), 1 at the source; which node attends to which,
    adjacency with loops, (b, n, n); hops from the source (b, n), -1 where it does not lead."""

    symbols: Tensor
    attention_mask: Tensor
    distance: Tensor

    @property
    def targets(self) -> Tensor:
        """1 where the source leads, shape (b, n)."""
        return (self.distance >= 0).long()


@dataclass(frozen=True)
class Reachability:
    """Random forests of relabelled nodes: which nodes can the source reach?

    Parameters
    ----------
    nodes : int
    window : int
        The parent of a node is one of the last `window` nodes, so that trees grow deep.
    roots : float
        Chance of a node to begin a new tree.

    Examples
    --------
    >>> batch = Reachability(nodes=6).draw(2, np.random.default_rng(0))
    >>> batch.symbols.sum(dim=1).tolist(), tuple(batch.attention_mask.shape)
    ([1, 1], (2, 6, 6))
    """

    nodes: int = 12
    window: int = 3
    roots: float = 0.15

    def __post_init__(self):
        checks.integer("nodes", self.nodes, 1)
        checks.integer("window", self.window, 1)
        checks.number("roots", self.roots, 0, 1)

    def draw(self, rows: int, rng: np.random.Generator) -> GraphBatch:
        """Draw graphs and sources."""
        n = self.nodes
        parents = np.arange(n) - 1 - rng.integers(0, self.window, (rows, n))
        root = (rng.random((rows, n)) < self.roots) | (parents < 0)
        adjacency = np.zeros((rows, n, n), bool)
        r, child = np.nonzero(~root)
        adjacency[r, child, parents[r, child]] = True
        order = np.argsort(rng.random((rows, n)), axis=1)
        adjacency = adjacency[np.arange(rows)[:, None, None], order[:, :, None], order[:, None, :]]
        adjacency |= adjacency.transpose(0, 2, 1) | np.eye(n, dtype=bool)
        return _batch(adjacency, rng.integers(0, n, rows))


def distances(adjacency: NDArray[np.bool_], source: int) -> NDArray[np.int64]:
    """Return hops from a source by breadth-first search, -1 where it does not lead."""
    hops = shortest_path(adjacency, unweighted=True, indices=source)
    return np.where(np.isinf(hops), -1, hops).astype(np.int64)


def from_networkx(graph, source) -> GraphBatch:
    """Return a networkx graph and a source of its nodes, in their order, as a batch of one.

    >>> import networkx as nx
    >>> from_networkx(nx.path_graph(3), 0).distance.tolist()
    [[0, 1, 2]]
    """
    import networkx as nx

    checks.instance("graph", graph, nx.Graph)
    if source not in graph:
        raise ValueError(f"source must be a node of the graph, got {source!r}")
    adjacency = nx.to_numpy_array(graph, weight=None).astype(bool)
    adjacency |= np.eye(len(adjacency), dtype=bool)
    return _batch(adjacency[None], np.array([list(graph).index(source)]))


def _batch(adjacency: NDArray, sources: NDArray) -> GraphBatch:
    symbols = np.zeros(adjacency.shape[:2], np.int64)
    symbols[np.arange(len(sources)), sources] = 1
    found = np.stack([distances(a, s) for a, s in zip(adjacency, sources, strict=True)])
    return GraphBatch(*map(torch.from_numpy, (symbols, adjacency, found)))
