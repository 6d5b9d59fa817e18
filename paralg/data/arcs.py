"""Arcs of a weighted graph as arrays: what they must be, and how other packages' graphs give them.

Each check returns what it was given, as arrays of the right type, or raises ValueError.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_NODES", "ArcList", "check_arcs", "check_nodes", "check_rows", "matrix_arcs",
    "networkx_arcs",
]  # fmt: skip

MOST_NODES = 2**31 - 1  # a node is a 32-bit number


class ArcList(NamedTuple):
    """Arcs of a weighted graph with n nodes.

    Tails, heads and weights have shape (m,), numbers of nodes and floats; names are those of the
    nodes, in order; in an undirected graph each arc stands for both directions.
    """

    tails: NDArray[np.int64]
    heads: NDArray[np.int64]
    weights: NDArray[np.float64]
    names: tuple[str, ...]
    undirected: bool


def check_arcs(sources, targets, weights, undirected=False):
    """Return ends and weights (1 by default) of arcs, where wanted of those backwards, too."""
    tail, head = _integers("sources", sources), _integers("targets", targets)
    weight = np.ones(len(tail)) if weights is None else _positive(weights)
    if not len(tail) == len(head) == len(weight):
        raise ValueError(
            "sources, targets and weights must have the same length, "
            f"got {len(tail)}, {len(head)} and {len(weight)}"
        )
    back = np.flatnonzero(tail != head) if undirected else slice(0)
    ends = np.append(tail, head[back]), np.append(head, tail[back])
    return *ends, np.append(weight, weight[back])


def check_nodes(n, names, tail, head) -> int:
    """Return the number of nodes, after checking the ends against it."""
    ends = np.concatenate([tail, head])
    if n is None:
        n = int(ends.max(initial=-1)) + 1 if names is None else len(names)
    if not hasattr(n, "__index__") or not 0 <= n <= MOST_NODES:
        raise ValueError(f"n must be an integer in 0..{MOST_NODES}, got {n!r}")
    if names is not None and len(names) != n:
        raise ValueError(f"expected {n} names, got {len(names)}")
    _inside("nodes", ends, n)
    return int(n)


def check_rows(indptr, targets, weights, names) -> dict:
    """Return what a graph in compressed rows is made of, after a look at every entry."""
    indptr, targets = _integers("indptr", indptr), _integers("targets", targets)
    weights = _positive(weights)
    if not len(indptr) or indptr[0] or indptr[-1] != len(targets) or (np.diff(indptr) < 0).any():
        raise ValueError(f"indptr must rise from 0 to {len(targets)}, got {_short(indptr)}")
    if len(weights) != len(targets):
        raise ValueError(f"expected {len(targets)} weights, one a target, got {len(weights)}")
    n = check_nodes(len(indptr) - 1, names, targets[:0], targets[:0])
    _inside("targets", targets, n)
    fresh = np.zeros(len(targets) + 1, dtype=bool)
    fresh[indptr] = True
    wrong = np.flatnonzero((np.diff(targets) <= 0) & ~fresh[1:-1])
    if len(wrong):
        pair = targets[wrong[0] : wrong[0] + 2].tolist()
        raise ValueError(f"targets must ascend within a row, without repetition, got {pair}")
    made = {"indptr": indptr, "targets": targets.astype(np.int32), "weights": weights}
    return made | {"names": None if names is None else tuple(names)}


def matrix_arcs(matrix):
    """Return tails, heads, weights and n of an adjacency matrix, sparse or dense, zeros dropped."""
    from scipy.sparse import coo_array, issparse

    dense = None if issparse(matrix) else np.asarray(matrix)
    shape = matrix.shape if dense is None else dense.shape
    kind = matrix.dtype if dense is None else dense.dtype
    if len(shape) != 2 or shape[0] != shape[1] or kind.kind not in "biuf":
        raise ValueError(f"expected a real matrix of shape (n, n), got {kind}, shape {shape}")
    found = coo_array(matrix if dense is None else dense)
    stored = found.data != 0
    tails, heads = (ends[stored].astype(np.int64) for ends in found.coords)
    return tails, heads, found.data[stored].astype(np.float64), shape[0]


def networkx_arcs(graph, weight: str | None = "weight") -> ArcList:
    """Return the arcs of a networkx graph of any kind; an edge without this attribute weighs 1."""
    number = {node: u for u, node in enumerate(graph)}
    names = tuple(map(str, number))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the names of nodes must differ as text, got {twice!r} twice")
    edges = list(graph.edges(data=weight, default=1.0) if weight else graph.edges())
    tails, heads = (np.array([number[e[i]] for e in edges], np.int64) for i in (0, 1))
    weights = _positive([e[2] if weight else 1.0 for e in edges])
    return ArcList(tails, heads, weights, names, not graph.is_directed())


def _integers(name, values):
    array = np.asarray(values)
    if array.size == 0 and array.ndim == 1:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, shape (k,), got {array.dtype}, {array.shape}")
    if array.dtype == np.uint64 and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} must be integers of 64 bits with a sign, got {array.max()}")
    return np.ascontiguousarray(array, dtype=np.int64)


def _positive(weights):
    array = np.asarray(weights)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "biuf"):
        raise ValueError(f"weights must be real, shape (k,), got {array.dtype}, {array.shape}")
    array = np.ascontiguousarray(array, dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(array) & (array > 0)))
    if len(bad):
        raise ValueError(
            f"weights must be positive and finite, got {array[bad[0]]} at arc {bad[0]}"
        )
    return array


def _inside(name, values, n):
    outside = values[(values < 0) | (values >= n)]
    if len(outside):
        raise ValueError(f"{name} must lie in 0..{n - 1}, got {outside.min()}")


def _short(values) -> str:
    return np.array2string(values, threshold=8, separator=", ")
