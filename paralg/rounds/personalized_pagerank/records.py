"""Records before their alias tables are built: outcomes with probabilities, one record a node."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.graph import Digraph

__all__ = [
    "COIN", "PLAIN", "RETURN", "Records", "hop_records", "joined", "replace_rows", "stretches",
]  # fmt: skip

PLAIN, COIN, RETURN = 0, 1, 2
"""Kinds of record: draw only; toss the coin, then draw; toss the coin, else go to the source."""


class Records(NamedTuple):
    """Outcomes of every record in flat arrays.

    Parameters
    ----------
    indptr : ndarray of int64, shape (r + 1,)
        Slots of each record.
    outcome : ndarray of int32, shape (s,)
        ``y >= 0`` goes on at record ``y``; ``~x`` stops at node ``x``; distinct within a record.
    shares : ndarray of float64, shape (s,)
        Probabilities; they sum to 1 within a record.
    kind : ndarray of uint8, shape (r,)
        ``PLAIN``, ``COIN`` or ``RETURN``.
    hops : ndarray of uint8, shape (r,)
        Hops that one use of the record covers at most; 0 for virtual records.
    """

    indptr: NDArray[np.int64]
    outcome: NDArray[np.int32]
    shares: NDArray[np.float64]
    kind: NDArray[np.uint8]
    hops: NDArray[np.uint8]


def hop_records(graph: Digraph, dangling: str = "stop") -> Records:
    """Return the records of single hops; the stop coin stays outside the table.

    Parameters
    ----------
    graph : Digraph
    dangling : {"stop", "source"}
        A node without out-arcs gets one outcome, "stop here", or a record of kind ``RETURN``.

    Returns
    -------
    Records
        ``n`` records.

    Examples
    --------
    >>> hop_records(Digraph.from_arcs([0], [1])).outcome.tolist()  # 0 goes to 1; 1 stops
    [1, -2]
    """
    kind = np.full(graph.n, COIN, dtype=np.uint8)
    hops = np.ones(graph.n, dtype=np.uint8)
    kind[graph.dangling] = RETURN if dangling == "source" else PLAIN
    if dangling == "source":
        return Records(graph.indptr, graph.targets, graph.shares, kind, hops)
    ends = np.flatnonzero(graph.dangling)
    at = graph.indptr[ends]
    outcome = np.insert(graph.targets, at, ~ends.astype(np.int32))
    shares = np.insert(graph.shares, at, 1.0)
    return Records(joined(np.maximum(graph.out_degree, 1)), outcome, shares, kind, hops)


def joined(sizes) -> NDArray[np.int64]:
    """Return the index of records of these sizes laid end to end.

    Examples
    --------
    >>> joined([2, 0, 3]).tolist()
    [0, 2, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)


def stretches(indptr, rows) -> NDArray[np.int64]:
    """Return the slot numbers of the records ``rows``, one record after the other.

    Examples
    --------
    >>> stretches(np.array([0, 2, 2, 5]), np.array([2, 0])).tolist()
    [2, 3, 4, 0, 1]
    """
    sizes = np.diff(indptr)[rows]
    starts = joined(sizes)
    return np.repeat(indptr[rows] - starts[:-1], sizes) + np.arange(starts[-1])


def replace_rows(records: Records, rows, sizes, outcome, shares) -> Records:
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
