r"""The move table: what a walk may do next, one record a node, ready to be cut into partitions.

A record is a list of outcomes with probabilities.
One integer codes every outcome: ``y >= 0`` goes on at record ``y``; ``~x`` stops at node ``x``.
Records ``0 .. n - 1`` belong to nodes; the others are *virtual*, inner pieces of an alias tree:
they toss no coin and count no hop.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.alias import alias_tables, implied_shares
from paralg.rounds.personalized_pagerank.bigmoves import big_moves
from paralg.rounds.personalized_pagerank.graph import Digraph, check_alpha, check_dangling
from paralg.rounds.personalized_pagerank.records import hop_records, joined, stretches
from paralg.rounds.personalized_pagerank.trees import split_records

__all__ = ["MoveTable", "check_sizes", "move_table"]


@dataclass(frozen=True)
class MoveTable:
    """Alias tables of all records in flat arrays.

    Parameters
    ----------
    n : int
        Nodes of the graph; records ``n`` and up are virtual.
    alpha : float
        Stopping probability of the coin.
    indptr : ndarray of int64, shape (r + 1,)
        Slots of each record.
    kind : ndarray of uint8, shape (r,)
        ``PLAIN``, ``COIN`` or ``RETURN``.
    hops : ndarray of uint8, shape (r,)
        Hops that one use of the record covers at most; 0 for virtual records.
    shares : ndarray of float64, shape (s,)
        Probability of each slot's own outcome within its record.
    threshold : ndarray of float64, shape (s,)
    own, other : ndarray of int32, shape (s,)
        Outcome below and above the threshold.

    See Also
    --------
    move_table : builds one from a graph.
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
        alias = _slot_of(self.indptr, self.own, self.other)
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


def move_table(
    graph: Digraph,
    alpha: float = 0.2,
    *,
    largest: int | None = None,
    hops: int = 1,
    dangling: str = "stop",
) -> MoveTable:
    r"""Build the table of a graph: plain hops, alias trees for hubs, big moves for small nodes.

    Parameters
    ----------
    graph : Digraph
    alpha : float
        Probability to stop before each hop.
    largest : int, optional
        Bound :math:`B` on the outcomes of a record; nodes of larger out-degree become alias trees,
        and big moves are expanded while they fit. No bound by default.
    hops : int
        Hops that a big move may cover; 1 means plain hops with the coin outside the table.
    dangling : {"stop", "source"}
        Convention at nodes without out-arcs.

    Returns
    -------
    MoveTable

    Raises
    ------
    ValueError
        ``alpha`` is outside (0, 1], ``largest < 2``, ``hops < 1``, big moves without ``largest``,
        or the convention is unknown.

    Cost
    ----
    Work ``m`` for plain hops and trees; a big move of a node costs at most the arcs of its
    ``largest`` outcomes at each level.

    Notes
    -----
    ==========================  =================================================
    here                        the paper
    ==========================  =================================================
    records of nodes            adjacency joined with the live walks
    virtual records             hierarchical sampling for large nodes (internals ours)
    records with ``hops > 1``   pre-computed short walks of small nodes (internals ours)
    ==========================  =================================================

    References
    ----------
    [lin-2019-distributed].

    Examples
    --------
    >>> graph = Digraph.from_arcs([0, 0, 0, 1], [1, 2, 3, 0])
    >>> move_table(graph, largest=2).records  # node 0 has three arcs: two pieces under a root
    6
    """
    alpha = check_alpha(alpha)
    check_dangling(dangling)
    check_sizes(largest, hops)
    records = hop_records(graph, dangling)
    if hops > 1:
        records = big_moves(records, graph, alpha, largest, hops)
    if largest is not None:
        records = split_records(records, largest)
    threshold, alias = alias_tables(records.indptr, records.shares)
    own, other = records.outcome, records.outcome[alias]
    return MoveTable(
        graph.n, alpha, records.indptr, records.kind, records.hops, records.shares,
        threshold, own, other,
    )  # fmt: skip


def check_sizes(largest: int | None, hops: int) -> None:
    """Raise ValueError unless there can be records and moves of these sizes."""
    if largest is not None and largest < 2:
        raise ValueError(f"largest must be at least 2, got {largest}")
    if not 1 <= hops <= 255:
        raise ValueError(f"hops must lie in 1..255, got {hops}")
    if hops > 1 and largest is None:
        raise ValueError("big moves need a bound on the record: give largest, got None")


def _slot_of(indptr, own, other) -> NDArray[np.int64]:
    """Return the slot, within the same record, whose own outcome is ``other``."""
    record = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((own, record))
    width = int(np.int64(2) ** 33)
    keys = record[order] * width + own[order].astype(np.int64)
    return order[np.searchsorted(keys, record * width + other.astype(np.int64))]
