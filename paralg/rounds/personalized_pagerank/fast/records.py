"""Flat arrays: arcs in compressed rows, records of outcomes, and the table made of them.

A record is a list of outcomes with probabilities; record ``k`` owns the slots ``indptr[k]`` to
``indptr[k + 1] - 1``. Outcome ``y >= 0`` goes on at record ``y``; ``~x`` stops at node ``x``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.rounds.personalized_pagerank.fast.alias import implied_shares, slots_of

if TYPE_CHECKING:
    from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = [
    "COIN", "LEVEL_BITS", "MoveTable", "PLACE_BITS", "PLAIN", "RETURN", "HopRecords",
    "check_weights", "compress", "hop_records", "joined", "node_numbers", "number_of_nodes",
    "replace_rows", "stretches",
]  # fmt: skip

PLACE_BITS, LEVEL_BITS = 32, 6
"""Bits of a walk's number; a clock is ``move << 6 | level``, for draws down an alias tree."""

PLAIN, COIN, RETURN = 0, 1, 2
"""Kinds of record: draw only; toss the coin, then draw; toss the coin, else go to the source."""


def node_numbers(name: str, values: ArrayLike) -> NDArray[np.int64]:
    """Return the ends of arcs as an array, or raise ValueError."""
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be a list of integers, got shape {array.shape} of {array.dtype}"
        )
    return array.astype(np.int64)


def number_of_nodes(n, names, tail, head) -> int:
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


def check_weights(weight) -> None:
    """Raise ValueError unless every weight is positive and finite."""
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(f"weights must be positive and finite, got {weight[first]} at arc {first}")


def compress(tail, head, weight, n):
    """Sort the arcs, add the weights of parallel ones, and return the three arrays."""
    keys, inverse = np.unique(tail * n + head, return_inverse=True)
    weight = np.bincount(inverse, weights=weight, minlength=len(keys))
    if not np.isfinite(weight).all():
        raise ValueError("the weights of parallel arcs must have a finite sum, got inf")
    tail, head = (keys // n, keys % n) if n else (keys, keys)
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(tail, minlength=n), out=indptr[1:])
    return indptr, head.astype(np.int32), weight


class HopRecords(NamedTuple):
    """Outcomes of every record in flat arrays."""

    indptr: NDArray[np.int64]
    outcome: NDArray[np.int32]
    shares: NDArray[np.float64]
    kind: NDArray[np.uint8]
    hops: NDArray[np.uint8]


@dataclass(frozen=True)
class MoveTable:
    """Alias tables of all records in flat arrays, as `move_table` builds them.

    Parameters
    ----------
    n : int, nodes of the graph; records ``n`` and up are virtual
    alpha : float, stopping probability of the coin
    indptr : ndarray of int64, shape (r + 1,), slots of each record
    kind, hops : ndarray of uint8, shape (r,)
        ``PLAIN``, ``COIN`` or ``RETURN``; hops that one use covers at most, 0 if virtual.
    shares, threshold : ndarray of float64, shape (s,)
        Probability of each slot's own outcome within its record; the part that the slot keeps.
    own, other : ndarray of int32, shape (s,), outcome below and above the threshold
    """

    n: int
    alpha: float
    indptr: NDArray[np.int64]
    kind: NDArray[np.uint8]
    hops: NDArray[np.uint8]
    shares: NDArray[np.float64]
    threshold: NDArray[np.float64]
    own: NDArray[np.int32]
    other: NDArray[np.int32]

    @property
    def records(self) -> int:
        """Number of records, virtual ones included."""
        return len(self.kind)

    @property
    def largest(self) -> int:
        """Outcomes of the largest record."""
        return int(np.diff(self.indptr).max(initial=0))

    @property
    def nbytes(self) -> int:
        """Bytes that the walk reads from: thresholds, outcomes, index and kinds."""
        arrays = (self.indptr, self.kind, self.threshold, self.own, self.other)
        return sum(array.nbytes for array in arrays)

    def implied(self) -> NDArray[np.float64]:
        """Return each slot's probability as the alias tables imply it, in closed form."""
        alias = slots_of(self.indptr, self.own, self.other)
        return implied_shares(self.indptr, self.threshold, alias)

    def shard(self, index: int, of: int) -> MoveTable:
        """Return records ``index, index + of, index + 2 of, ...``: the part of one partition."""
        mine = np.arange(index, self.records, of)
        slots = stretches(self.indptr, mine)
        indptr = joined(np.diff(self.indptr)[mine])
        return replace(
            self, indptr=indptr, kind=self.kind[mine], hops=self.hops[mine],
            shares=self.shares[slots], threshold=self.threshold[slots],
            own=self.own[slots], other=self.other[slots],
        )  # fmt: skip


def hop_records(graph: Digraph, dangling: str = "stop") -> HopRecords:
    """Return the records of single hops; the stop coin stays outside the table."""
    kind = np.full(graph.n, COIN, dtype=np.uint8)
    hops = np.ones(graph.n, dtype=np.uint8)
    kind[graph.dangling] = RETURN if dangling == "source" else PLAIN
    if dangling == "source":
        return HopRecords(graph.indptr, graph.targets, graph.shares, kind, hops)
    ends = np.flatnonzero(graph.dangling)
    at = graph.indptr[ends]
    outcome = np.insert(graph.targets, at, ~ends.astype(np.int32))
    shares = np.insert(graph.shares, at, 1.0)
    return HopRecords(joined(np.maximum(graph.out_degree, 1)), outcome, shares, kind, hops)


def joined(sizes) -> NDArray[np.int64]:
    """Return the index of records of these sizes laid end to end."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def stretches(indptr, rows) -> NDArray[np.int64]:
    """Return the slot numbers of the records ``rows``, one record after the other."""
    sizes = np.diff(indptr)[rows]
    starts = joined(sizes)
    return np.repeat(indptr[rows] - starts[:-1], sizes) + np.arange(starts[-1])


def replace_rows(records: HopRecords, rows, sizes, outcome, shares) -> HopRecords:
    """Give the records ``rows`` new outcomes; ``outcome`` and ``shares`` hold them end to end."""
    new_sizes = np.diff(records.indptr)
    keep = np.ones(len(new_sizes), dtype=bool)
    keep[rows] = False
    new_sizes[rows] = sizes
    indptr = joined(new_sizes)
    old = stretches(records.indptr, np.flatnonzero(keep))
    into, cut = stretches(indptr, np.flatnonzero(keep)), stretches(indptr, rows)
    new_outcome = np.empty(indptr[-1], dtype=np.int32)
    new_shares = np.empty(indptr[-1])
    new_outcome[into], new_shares[into] = records.outcome[old], records.shares[old]
    new_outcome[cut], new_shares[cut] = outcome, shares
    return records._replace(indptr=indptr, outcome=new_outcome, shares=new_shares)
