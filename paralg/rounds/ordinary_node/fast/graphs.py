"""Graphs with numbered ports as flat arrays, and identifiers of their nodes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.ragged import joined

__all__ = ["PortGraph", "check_ids", "cycle"]


@dataclass(frozen=True, eq=False)
class PortGraph:
    """An undirected simple graph whose nodes number their edges: *ports* 0, 1, 2, ….

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        The ports of node ``v`` are entries ``indptr[v]`` to ``indptr[v + 1] - 1``.
    neighbours : ndarray of int64, shape (2m,), the node behind each port

    Examples
    --------
    >>> graph = PortGraph.from_edges([(0, 1), (1, 2)], n=4)
    >>> graph.n, graph.ports(1), graph.degree.tolist()
    (4, (0, 2), [1, 2, 1, 0])
    """

    indptr: NDArray[np.int64]
    neighbours: NDArray[np.int64]

    def __post_init__(self):
        indptr = checks.array("indptr", self.indptr, "i").astype(np.int64)
        heads = checks.array("neighbours", self.neighbours, "i").astype(np.int64)
        checks.sizes(indptr=(indptr, "ends"), neighbours=(heads, "ports"))
        if not len(indptr) or indptr[0] or indptr[-1] != len(heads) or (np.diff(indptr) < 0).any():
            raise ValueError(f"indptr must rise from 0 to {len(heads)}, got {indptr}")
        n = len(indptr) - 1
        if len(heads) and not 0 <= heads.min() <= heads.max() < n:
            raise ValueError(f"neighbours must lie in 0..{n - 1}, got {heads}")
        tails = np.repeat(np.arange(n), np.diff(indptr))
        there, back = np.sort(tails * n + heads), np.sort(heads * n + tails)
        twice = there[1:][np.diff(there) == 0]
        if (there != back).any() or len(twice) or (tails == heads).any():
            raise ValueError("expected each edge once from both its ends and no loop, got "
                             f"neighbours {heads}")  # fmt: skip
        indptr.setflags(write=False), heads.setflags(write=False)  # compiled loops look no more
        vars(self).update(indptr=indptr, neighbours=heads)

    @classmethod
    def from_edges(cls, edges: ArrayLike, n: int | None = None) -> "PortGraph":
        """Build a graph from pairs of nodes; ports ascend by neighbour, loops and copies go."""
        ends = checks.array("edges", edges, "i").astype(np.int64).reshape(-1, 2)
        n = checks.integer("n", int(ends.max(initial=-1)) + 1 if n is None else n)
        if ends.size and not 0 <= ends.min() <= ends.max() < n:
            raise ValueError(f"nodes must lie in 0..{n - 1}, got {ends.min()} to {ends.max()}")
        ends = ends[ends[:, 0] != ends[:, 1]]
        tail, head = np.divmod(np.unique(np.concatenate([ends, ends[:, ::-1]]) @ [n, 1]), n or 1)
        return cls(joined(np.bincount(tail, minlength=n)), head)

    @property
    def n(self) -> int:
        """Number of nodes."""
        return len(self.indptr) - 1

    @property
    def degree(self) -> NDArray[np.int64]:
        """Ports of each node."""
        return np.diff(self.indptr)

    @property
    def is_cycle(self) -> bool:
        """Whether it is the graph that `cycle` makes."""
        v = np.arange(self.n)
        ring = np.stack([v + 1, v - 1], axis=1).ravel() % max(1, self.n)
        return self.n > 2 and np.array_equal(self.neighbours, ring)

    def ports(self, v: int) -> tuple[int, ...]:
        """Return the nodes behind the ports of ``v``, in order."""
        return tuple(self.neighbours[self.indptr[v] : self.indptr[v + 1]].tolist())


def cycle(n: int) -> PortGraph:
    """Return the oriented cycle of ``n`` nodes: port 0 is the successor, port 1 the predecessor.

    >>> cycle(4).ports(0)
    (1, 3)
    """
    v = np.arange(checks.integer("n", n, 3))
    return PortGraph(2 * np.arange(n + 1), np.stack([(v + 1) % n, (v - 1) % n], axis=1).ravel())


def check_ids(graph: PortGraph, ids: ArrayLike) -> NDArray[np.int64]:
    """Return identifiers of all nodes: distinct integers, none negative."""
    checks.instance("graph", graph, PortGraph)
    ids = checks.array("ids", ids, "i", least=0)
    checks.sizes(ids=(ids, f"{graph.n}"))
    if ids.size and ids.max() > np.iinfo(np.int64).max:
        raise ValueError(f"ids must have at most 63 bits, got {ids.max()}")
    if (np.diff(np.sort(ids)) == 0).any():
        raise ValueError(f"ids must differ from each other, got {ids}")
    return ids.astype(np.int64)
