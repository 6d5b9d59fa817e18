"""Arcs of a weighted graph as arrays: what they must be, and how other packages' graphs give them.

Each check returns what it was given, as arrays of the right type, or raises ValueError.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core.checks import integer

__all__ = ["ArcList", "check_arcs", "check_nodes", "check_rows", "matrix_arcs", "networkx_arcs"]


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
    tail, head = _array("sources", sources, "iu"), _array("targets", targets, "iu")
    weight = np.ones(len(tail)) if weights is None else _positive(weights)
    if not len(tail) == len(head) == len(weight):
        raise ValueError("sources, targets and weights must have the same length, "
                         f"got {len(tail)}, {len(head)} and {len(weight)}")
    back = np.flatnonzero(tail != head) if undirected else slice(0)
    ends = np.append(tail, head[back]), np.append(head, tail[back])
    return *ends, np.append(weight, weight[back])


def check_nodes(n, names, *ends) -> int:
    """Return the number of nodes, after checking the ends against it."""
    if n is None and names is None:
        n = 1 + max(int(end.max(initial=-1)) for end in ends)
    n = integer("n", len(names) if n is None else n, 0, 2**31 - 1)  # a node is a 32-bit number
    if names is not None and len(names) != n:
        raise ValueError(f"expected {n} names, got {len(names)}")
    for end in ends:
        if len(outside := end[(end < 0) | (end >= n)]):
            raise ValueError(f"nodes must lie in 0..{n - 1}, got {outside.min()}")
    return n


def check_rows(indptr, targets, weights, names) -> dict:
    """Return what a graph in compressed rows is made of, after a look at every entry."""
    indptr, targets = _array("indptr", indptr, "iu"), _array("targets", targets, "iu")
    weights = _positive(weights)
    if not len(indptr) or indptr[0] or indptr[-1] != len(targets) or (np.diff(indptr) < 0).any():
        raise ValueError(f"indptr must rise from 0 to {len(targets)}, got {indptr}")
    if len(weights) != len(targets):
        raise ValueError(f"expected {len(targets)} weights, one a target, got {len(weights)}")
    check_nodes(len(indptr) - 1, names, targets)
    fresh = np.zeros(len(targets) + 1, dtype=bool)
    fresh[indptr] = True
    if (wrong := (np.diff(targets) <= 0) & ~fresh[1:-1]).any():
        pair = targets[np.argmax(wrong) :][:2]
        raise ValueError(f"targets must ascend within a row, without repetition, got {pair}")
    made = {"indptr": indptr.copy(), "targets": targets.astype(np.int32), "weights": weights.copy()}
    for part in made.values():
        part.setflags(write=False)  # compiled loops read them, and do not look again
    return made | {"names": None if names is None else tuple(names)}


def matrix_arcs(matrix):
    """Return tails, heads, weights and n of an adjacency matrix, sparse or dense, zeros dropped."""
    from scipy.sparse import coo_array, issparse

    matrix = matrix if issparse(matrix) else np.asarray(matrix)
    shape, kind = matrix.shape, matrix.dtype
    if len(shape) != 2 or shape[0] != shape[1] or kind.kind not in "biuf":
        raise ValueError(f"expected a real matrix of shape (n, n), got {kind}, shape {shape}")
    found = coo_array(matrix)
    stored = found.data != 0
    tails, heads = (ends[stored].astype(np.int64) for ends in found.coords)
    return tails, heads, found.data[stored].astype(np.float64), shape[0]


def networkx_arcs(graph, weight: str | None = "weight") -> ArcList:
    """Return the arcs of a networkx graph of any kind; an edge without this attribute weighs 1."""
    if not (hasattr(graph, "edges") and hasattr(graph, "is_directed")):
        raise TypeError(f"graph must be of networkx, got {graph!r:.60}")
    number = {node: u for u, node in enumerate(graph)}
    names = tuple(map(str, number))
    if len(set(names)) < len(names):
        raise ValueError(f"the names of nodes must differ as text, got {sorted(names)[:9]}")
    if weight not in (None, "weight") and graph.size() and not any(
            weight in data for *_, data in graph.edges(data=True)):  # fmt: skip
        raise ValueError(f"weight must be an attribute of some edge, got {weight!r}")
    edges = [edge if weight else (*edge, 1.0) for edge in (
        graph.edges(data=weight, default=1.0) if weight else graph.edges())]  # fmt: skip
    tails, heads = (np.array([number[edge[i]] for edge in edges], np.int64) for i in (0, 1))
    weights = _positive([edge[2] for edge in edges])
    return ArcList(tails, heads, weights, names, not graph.is_directed())


def _array(name, values, kinds):
    """Return integers (kinds "iu"), or real numbers, as an array of 64-bit entries."""
    array, whole = np.asarray(values), kinds == "iu"
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):
        what = "integers" if whole else "real"
        raise ValueError(f"{name} must be {what}, shape (k,), got {array.dtype}, {array.shape}")
    if whole and array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} must be integers of 64 bits with a sign, got {array.max()}")
    return np.ascontiguousarray(array, dtype=np.int64 if whole else np.float64)


def _positive(weights):
    array = _array("weights", weights, "biuf")
    if (bad := ~(np.isfinite(array) & (array > 0))).any():
        at = np.argmax(bad)
        raise ValueError(f"weights must be positive and finite, got {array[at]} at arc {at}")
    return array
