"""Reachability in graphs: the task whose answer needs as many rounds as there are hops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["GraphBatch", "Reachability", "distances", "from_networkx"]

UNREACHED = -1


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs with a marked source.

    Parameters
    ----------
    symbols : Tensor of int, shape (b, n)
        1 at the source, 0 elsewhere.
    allowed : Tensor of bool, shape (b, n, n)
        Adjacency with loops: who may look at whom.
    distance : Tensor of int, shape (b, n)
        Hops from the source, -1 where it does not lead.
    """

    symbols: Tensor
    allowed: Tensor
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
    >>> batch.symbols.sum(dim=1).tolist(), tuple(batch.allowed.shape)
    ([1, 1], (2, 6, 6))
    """

    nodes: int = 12
    window: int = 3
    roots: float = 0.15

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
    """Return hops from a source by breadth-first search, -1 where it does not lead.

    Parameters
    ----------
    adjacency : ndarray of bool, shape (n, n)
    source : int

    Examples
    --------
    >>> path = np.eye(4, k=1, dtype=bool) | np.eye(4, k=-1, dtype=bool)
    >>> distances(path, 1).tolist()
    [1, 0, 1, 2]
    """
    found = np.full(len(adjacency), UNREACHED)
    front, hops = np.zeros(len(adjacency), bool), 0
    front[source] = True
    while front.any():
        found[front] = hops
        front, hops = adjacency[front].any(axis=0) & (found < 0), hops + 1
    return found


def from_networkx(graph, source) -> GraphBatch:
    """Return a networkx graph as a batch of one; nodes in the graph's own order."""
    import networkx as nx

    adjacency = nx.to_numpy_array(graph, weight=None).astype(bool)
    adjacency |= np.eye(len(adjacency), dtype=bool)
    return _batch(adjacency[None], np.array([list(graph).index(source)]))


def _batch(adjacency: NDArray, sources: NDArray) -> GraphBatch:
    symbols = np.zeros(adjacency.shape[:2], np.int64)
    symbols[np.arange(len(sources)), sources] = 1
    found = np.stack([distances(a, s) for a, s in zip(adjacency, sources, strict=True)])
    return GraphBatch(*map(torch.from_numpy, (symbols, adjacency, found)))
