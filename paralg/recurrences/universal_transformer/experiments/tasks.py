"""Tasks: decimal digits to copy, reverse and add; nodes that a source reaches in a graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "DIGITS", "END", "PLUS", "SYMBOLS", "GraphBatch", "Pairs", "Reachability", "StringTask",
    "distances", "from_networkx", "say",
]  # fmt: skip

PAD, START, END = 0, 1, 2
DIGITS = np.arange(3, 13)
PLUS = 13
SYMBOLS = 14
_NAMES = ("copy", "reverse", "add")
_NUMBERINGS = ("start", "plus", "end")


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
        if self.name not in _NAMES:
            raise ValueError(f"expected one of {_NAMES}, got {self.name!r}")
        if self.numbering not in _NUMBERINGS:
            raise ValueError(f"numbering must be one of {_NUMBERINGS}, got {self.numbering!r}")
        if (self.numbering == "plus") > (self.name == "add"):
            raise ValueError(f"only 'add' has a plus to count from, got {self.name!r}")

    def draw(self, rows: int, rng: np.random.Generator, *, length: int) -> Pairs:
        """Draw sequences of one length (for ``add``: numbers of so many digits)."""
        if length < 1:
            raise ValueError(f"length must be at least 1, got {length}")
        first = rng.integers(0, 10, (rows, length))
        if self.name == "add":
            second = rng.integers(0, 10, (rows, length))
            source = np.concatenate([first + 3, np.full((rows, 1), PLUS), second + 3], axis=1)
            return self._pairs(source, _sum(first, second) + 3, length)
        asked = first[:, ::-1] if self.name == "reverse" else first
        return self._pairs(first + 3, asked + 3, length)

    def wanted(self, length: int) -> NDArray[np.int64]:
        """Return which source tokens each target digit is made of, shape (length, 1 or 2)."""
        index = np.arange(length)
        if self.name == "add":
            return np.stack([index, index + length + 1], axis=1)
        return (index if self.name == "copy" else index[::-1].copy())[:, None]

    def _pairs(self, source: NDArray, target: NDArray, length: int) -> Pairs:
        closed = _closed(source)
        positions = torch.arange(closed.shape[1])
        if self.numbering == "plus":
            positions[length + 1 :] -= length + 1
        elif self.numbering == "end":
            positions[:-1] = positions[:-1].flip(0)
        return Pairs(closed, _closed(target), positions)


def _sum(first: NDArray, second: NDArray) -> NDArray:
    """Add digit by digit from the lowest, shape (rows, length + 1)."""
    rows, length = first.shape
    found, carry = np.zeros((rows, length + 1), np.int64), np.zeros(rows, np.int64)
    for k in range(length):
        carry, found[:, k] = np.divmod(first[:, k] + second[:, k] + carry, 10)
    found[:, -1] = carry
    return found


def _closed(tokens: NDArray) -> Tensor:
    return torch.from_numpy(np.pad(tokens, ((0, 0), (0, 1)), constant_values=END))


def say(tokens: Tensor) -> str:
    """Return a sequence as text, up to its end marker."""
    letters = {END: "", PLUS: "+", PAD: "_", START: "^"} | {int(d): str(d - 3) for d in DIGITS}
    known = [int(t) for t in tokens]
    cut = known.index(END) if END in known else len(known)
    return "".join(letters[t] for t in known[:cut])


UNREACHED = -1


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """Graphs with a marked source.

    Parameters
    ----------
    symbols : Tensor of int, shape (b, n)
        1 at the source, 0 elsewhere.
    attention_mask : Tensor of bool, shape (b, n, n)
        Adjacency with loops: who may look at whom.
    distance : Tensor of int, shape (b, n)
        Hops from the source, -1 where it does not lead.
    """

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
