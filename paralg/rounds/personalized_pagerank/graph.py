"""Weighted directed graphs as three arrays, and the transition matrix of the walk on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["DANGLING", "Digraph", "check_alpha", "check_dangling"]

DANGLING = ("stop", "source")
"""What a walk does at a node without out-arcs: stop there, or jump back to its source."""


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
    weights : ndarray of float64, shape (m,)
        Positive weights.
    names : tuple of str, length n, optional
        What the user calls the nodes.

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

    @classmethod
    def from_arcs(
        cls,
        sources: ArrayLike,
        targets: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        n: int | None = None,
        names: tuple[str, ...] | None = None,
        undirected: bool = False,
    ) -> Digraph:
        """Build a graph from a list of arcs; parallel arcs are merged and their weights added.

        Parameters
        ----------
        sources, targets : array_like of int, shape (k,)
            Tails and heads, counted from 0.
        weights : array_like of float, shape (k,), optional
            Positive weights; 1 each by default.
        n : int, optional
            Number of nodes; by default one more than the largest end.
        names : tuple of str, length n, optional
            Names of the nodes.
        undirected : bool
            Whether each arc is also walked backwards (a loop is still one arc).

        Returns
        -------
        Digraph

        Raises
        ------
        ValueError
            Lengths differ, an end is outside ``0..n-1``, or a weight is not positive and finite.

        Cost
        ----
        One sort of the arcs.
        """
        tail, head = _ends("sources", sources), _ends("targets", targets)
        weight = np.ones(len(tail)) if weights is None else np.asarray(weights, dtype=np.float64)
        if not len(tail) == len(head) == len(weight):
            raise ValueError(
                "sources, targets and weights must have the same length, "
                f"got {len(tail)}, {len(head)} and {len(weight)}"
            )
        n = _number_of_nodes(n, names, tail, head)
        _check_weights(weight)
        if undirected:
            other = tail != head
            tail, head, weight = (
                np.concatenate([tail, head[other]]),
                np.concatenate([head, tail[other]]),
                np.concatenate([weight, weight[other]]),
            )
        return cls(*_compress(tail, head, weight, n), names)

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
        weights, tails = self.weights, self.tails
        total = np.bincount(tails, weights=weights, minlength=self.n)
        if not np.isfinite(total).all():  # weights near the largest number there is
            weights = weights / weights.max()
            total = np.bincount(tails, weights=weights, minlength=self.n)
        return weights / total[tails]

    def transition(self):
        """Return :math:`P` as a ``scipy.sparse.csr_array``; rows of dangling nodes are zero."""
        from scipy.sparse import csr_array

        return csr_array((self.shares, self.targets, self.indptr), shape=(self.n, self.n))

    def without_dangling(self) -> Digraph:
        """Remove nodes without out-arcs until none is left, for comparisons of conventions."""
        keep = np.arange(self.n)
        graph = self
        while graph.n and graph.dangling.any():
            stay = np.flatnonzero(~graph.dangling)
            keep, graph = keep[stay], graph.subgraph(stay)
        names = None if self.names is None else tuple(self.names[u] for u in keep)
        return Digraph(graph.indptr, graph.targets, graph.weights, names)

    def subgraph(self, nodes: ArrayLike) -> Digraph:
        """Return the graph on ``nodes``, renumbered in the given order; names are dropped."""
        nodes = np.asarray(nodes, dtype=np.int64)
        number = np.full(self.n, -1)
        number[nodes] = np.arange(len(nodes))
        tail, head = number[self.tails], number[self.targets]
        inside = (tail >= 0) & (head >= 0)
        return Digraph.from_arcs(tail[inside], head[inside], self.weights[inside], n=len(nodes))

    def label(self, u: int) -> str:
        """Return the name of node ``u``, or its number as text."""
        return str(u) if self.names is None else self.names[u]


def check_alpha(alpha: float) -> float:
    """Return ``alpha`` if it is a stopping probability in (0, 1], else raise ValueError."""
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha!r}")
    return float(alpha)


def check_dangling(dangling: str) -> str:
    """Return ``dangling`` if it names a known convention, else raise ValueError."""
    if dangling not in DANGLING:
        raise ValueError(f"dangling must be one of {', '.join(DANGLING)}, got {dangling!r}")
    return dangling


def _ends(name: str, values: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of integers, got shape {array.shape} of {array.dtype}"
        )
    return array.astype(np.int64)


def _number_of_nodes(n, names, tail, head) -> int:
    """Return the number of nodes, after checking the ends against it."""
    largest = max(tail.max(initial=-1), head.max(initial=-1))
    smallest = min(tail.min(initial=0), head.min(initial=0))
    if n is None:
        n = int(largest) + 1 if names is None else len(names)
    if names is not None and len(names) != n:
        raise ValueError(f"expected {n} names, got {len(names)}")
    if smallest < 0 or largest >= n:
        bad = smallest if smallest < 0 else largest
        raise ValueError(f"nodes must lie in 0..{n - 1}, got {bad}")
    return n


def _check_weights(weight) -> None:
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(f"weights must be positive and finite, got {weight[first]} at arc {first}")


def _compress(tail, head, weight, n):
    """Sort the arcs, add the weights of parallel ones, and return the three arrays."""
    keys, inverse = np.unique(tail * n + head, return_inverse=True)
    weight = np.bincount(inverse, weights=weight, minlength=len(keys))
    if not np.isfinite(weight).all():
        raise ValueError("the weights of parallel arcs must have a finite sum, got inf")
    tail, head = (keys // n, keys % n) if n else (keys, keys)
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(tail, minlength=n), out=indptr[1:])
    return indptr, head.astype(np.int32), weight
