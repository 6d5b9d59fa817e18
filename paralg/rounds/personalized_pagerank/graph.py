"""Weighted directed graphs as three arrays, and the transition matrix of the walk on them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from paralg.data.arcs import check_arcs, check_nodes, check_rows, matrix_arcs, networkx_arcs
from paralg.rounds.personalized_pagerank.fast.records import compress, row_shares

__all__ = ["Digraph"]


@dataclass(frozen=True)
class Digraph:
    r"""A weighted directed graph in compressed rows.

    The walk leaves :math:`u` along the arc :math:`(u, v)` with probability
    :math:`P(u, v) = w(u, v) / \sum_x w(u, x)`; the row of a node without arcs is zero.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        The arcs of node ``u`` are numbers ``indptr[u]`` to ``indptr[u + 1] - 1``.
    targets : ndarray of int32, shape (m,)
        Heads of the arcs, ascending within a row, without repetition.
    weights : ndarray of float64, shape (m,), positive weights
    names : tuple of str, length n, optional, what the user calls the nodes

    Examples
    --------
    >>> graph = Digraph.from_arcs([0, 0, 1, 0], [1, 2, 0, 1], [1.0, 6.0, 2.0, 2.0])
    >>> graph.n, graph.m, graph.weights.tolist()
    (3, 3, [3.0, 6.0, 2.0])
    """

    indptr: NDArray[np.int64]
    targets: NDArray[np.int32]
    weights: NDArray[np.float64]
    names: tuple[str, ...] | None = None

    def __post_init__(self):
        vars(self).update(check_rows(**vars(self)))

    @classmethod
    def from_arcs(
        cls, sources: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None, *,
        n: int | None = None, names: tuple[str, ...] | None = None, undirected: bool = False,
    ) -> "Digraph":  # fmt: skip
        """Build a graph from ``k`` arcs, counted from 0; parallel arcs are merged, weights added.

        ``weights`` are 1 by default, ``n`` is one more than the largest end; ``undirected`` walks
        each arc backwards, too (a loop is still one arc). One sort of the arcs; ValueError when
        lengths differ, an end is outside ``0..n-1``, or a weight is not positive and finite.
        """
        tail, head, weight = check_arcs(sources, targets, weights, undirected)
        n = check_nodes(n, names, tail, head)
        return cls(*compress(tail, head, weight, n), names)

    @classmethod
    def from_scipy(cls, matrix, names: tuple[str, ...] | None = None) -> "Digraph":
        """Build a graph from a scipy or dense matrix, entry (u, v) the weight of the arc."""
        *arcs, n = matrix_arcs(matrix)
        return cls.from_arcs(*arcs, n=n, names=names)

    @classmethod
    def from_networkx(cls, graph, weight: str | None = "weight") -> "Digraph":
        """Build a graph from any of networkx, parallel edges and isolated nodes included."""
        *arcs, names, undirected = networkx_arcs(graph, weight)
        return cls.from_arcs(*arcs, names=names, undirected=undirected)

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.indptr) - 1

    @property
    def m(self) -> int:
        """Number of arcs."""
        return len(self.targets)

    @property
    def out_degree(self) -> NDArray[np.int64]:
        """Number of arcs that leave each node."""
        return np.diff(self.indptr)

    @property
    def dangling(self) -> NDArray[np.bool_]:
        """Which nodes have no out-arc."""
        return self.out_degree == 0

    @property
    def tails(self) -> NDArray[np.int64]:
        """Tail of each arc."""
        return np.repeat(np.arange(self.n), self.out_degree)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Transition probability of each arc, :math:`P(u, v)`."""
        return row_shares(self.weights, self.tails, self.n)

    def transition(self):
        """Return :math:`P` as a ``scipy.sparse.csr_array``; rows of dangling nodes are zero."""
        return csr_array((self.shares, self.targets, self.indptr), shape=(self.n, self.n))

    def label(self, u: int) -> str:
        """Return the name of node ``u``, or its number as text."""
        return str(u) if self.names is None else self.names[u]
