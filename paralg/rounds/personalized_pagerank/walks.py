r"""Fully personalised PageRank by random walks: the round-synchronous driver.

One round joins all live walks with the records they stand on, moves them, and shuffles them to
where they go next; stopped walks go home to be counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.rounds.personalized_pagerank.kernel import root_of
from paralg.rounds.personalized_pagerank.ledger import Ledger
from paralg.rounds.personalized_pagerank.moves import MoveTable
from paralg.rounds.personalized_pagerank.partition import (
    Births,
    Partition,
    collect,
    nobody,
    outbox,
    play,
    settle,
    tally,
)
from paralg.rounds.personalized_pagerank.ranking import Rows, merge_rows
from paralg.rounds.personalized_pagerank.schedules import AllAtOnce, Pipelined, Refilled

__all__ = ["DEFAULT_CAP", "WalkCounts", "check_walks", "random_walks"]

DEFAULT_CAP = 1 << 16
"""Live walks of the default schedule: 1 MB of walk records."""


@dataclass(frozen=True)
class WalkCounts:
    r"""Where the walks stopped, and what it cost to find out.

    Parameters
    ----------
    counts : Rows
        Stops at each node, for each source; :math:`\hat\pi(u, v)` is the count over ``omega``.
    omega : int
        Walks for each source.
    n : int
        Nodes of the graph.
    live : ndarray of int64, shape (rounds,)
        Walks that moved in each round.
    open_rows : int
        Largest number of sources that were counted at once, over all partitions.
    row_bytes : int
        Bytes of the counters.
    shuffled : int
        Walk records handed to the shuffle, 16 bytes each, whether or not they changed partition.
    cost : Cost
        ``work`` counts look-ups in records, ``rounds`` the rounds of walks; ``messages`` and
        ``bytes`` what really moved between partitions.
    """

    counts: Rows
    omega: int
    n: int
    live: NDArray[np.int64]
    open_rows: int
    row_bytes: int
    shuffled: int
    cost: Cost

    @property
    def estimates(self) -> Rows:
        """The same rows as probabilities."""
        return self.counts._replace(values=self.counts.values / self.omega)

    def dense(self) -> NDArray[np.float64]:
        """Return the estimates as an n × n array; for small graphs."""
        return self.estimates.to_csr(self.n).toarray()


def random_walks(
    table: MoveTable,
    omega: int,
    *,
    schedule: AllAtOnce | Pipelined | Refilled | None = None,
    engine: Engine | None = None,
    partitions: int | None = None,
    sources: range | None = None,
    top: int | None = None,
    least: int = 1,
    seed: int = 0,
    descend: bool = True,
) -> WalkCounts:
    r"""Walk ``omega`` times from every source and count where the walks stop.

    .. math:: \hat\pi(u, v) = \frac1\omega
              \sum_{i < \omega} [\text{walk } (u, i) \text{ stops at } v]

    Parameters
    ----------
    table : MoveTable
        From `move_table`.
    omega : int
        Walks for each source.
    schedule : AllAtOnce, Pipelined or Refilled, optional
        When walks start; ``Refilled(65536)`` by default.
    engine : Engine, optional
        Where the work runs; this process by default.
    partitions : int, optional
        Partitions of records and counts; one for each worker by default.
    sources : range, optional
        Consecutive sources; all by default.
    top : int, optional
        Keep the best entries of each source; all, in the order of nodes, by default.
    least : int
        Drop entries of fewer stops.
    seed : int
        Seed of the streams.
    descend : bool
        Whether a walk goes down an alias tree within a round where the pieces are at hand.

    Returns
    -------
    WalkCounts
        The counts are the same bits for every engine, number of partitions and schedule.

    Raises
    ------
    ValueError
        ``omega`` is outside ``1 .. 2**31 - 1``, or ``sources`` outside the graph.
    EngineError
        The engine failed.

    Cost
    ----
    Work about :math:`n\omega/\alpha` look-ups with plain hops; memory of each partition: its
    records, its share of the live walks, and a row for each open source.

    Notes
    -----
    =======================  ==========================================
    here                     the paper
    =======================  ==========================================
    ``omega``                walks per node
    ``Pipelined.gamma``      size of a pipeline
    records in ``shuffle``   live walks, joined with adjacency by node
    ``counts``               set of terminated walks
    =======================  ==========================================

    References
    ----------
    [lin-2019-distributed].

    Examples
    --------
    >>> from paralg.rounds.personalized_pagerank import Digraph, move_table
    >>> table = move_table(Digraph.from_arcs([0, 1], [1, 0]), alpha=0.5)
    >>> result = random_walks(table, 1000)
    >>> result.counts.values.reshape(2, 2).sum(axis=1)
    array([1000, 1000])
    """
    sources = check_walks(table, omega, sources)
    schedule = Refilled(DEFAULT_CAP) if schedule is None else schedule
    engine = connect("serial") if engine is None else engine
    partitions = engine.workers if partitions is None else partitions
    before = engine.cost
    parts = _settle_in(engine, table, omega, partitions, top, least, seed, descend)
    parts, trace = _run(engine, parts, schedule, sources, omega)
    found = engine.gather(engine.map(collect, parts))
    rows = merge_rows(batch for batches in found for batch in batches)
    live, joins, sent, opened, row_bytes = trace
    moved = engine.cost
    cost = Cost(
        work=joins.sum(), rounds=len(live),
        messages=moved.messages - before.messages, bytes=moved.bytes - before.bytes,
    )  # fmt: skip
    return WalkCounts(
        rows, omega, table.n, live, opened.max(initial=0), row_bytes.max(initial=0),
        int(sent.sum()), cost,
    )  # fmt: skip


def check_walks(table: MoveTable, omega: int, sources: range | None) -> range:
    """Return the sources, all by default; raise ValueError when they or ``omega`` make no sense."""
    if not 1 <= omega < 1 << 31:
        raise ValueError(f"omega must lie in 1..2**31 - 1, got {omega}")
    sources = range(table.n) if sources is None else sources
    if sources.step != 1 or sources.start < 0 or sources.stop > table.n:
        raise ValueError(f"sources must be a range of 0..{table.n - 1} of step 1, got {sources}")
    return sources


def _settle_in(engine, table, omega, partitions, top, least, seed, descend):
    """Cut the table and hand every partition its shard."""
    root = root_of(seed)

    def at(index):
        ledger = Ledger(table.n, omega, index, partitions, top, least)
        return Partition(table.shard(index, partitions), ledger, root, descend)

    return engine.scatter(map(at, range(partitions)))


def _run(engine, parts, schedule, sources, omega):
    """Play rounds until all walks have started and stopped; return the state and its history."""
    total, started, live, history = len(sources) * omega, 0, 0, []
    inbox = engine.map(nobody, parts)
    while started < total or live:
        last = started + schedule.births(live, total - started, len(sources))
        births = Births(started, last, sources.start, len(sources), omega, schedule.by_number)
        moving, started = live + last - started, last
        parts = engine.map(play, parts, inbox, births=births)
        inbox = engine.shuffle(engine.map(outbox, parts))
        counts = engine.reduce(np.add, engine.map(tally, parts))
        history.append([moving, *counts[1:].tolist()])
        live = int(counts[0])
    columns = np.array(history, dtype=np.int64).reshape(-1, 5).T
    return engine.map(settle, parts, inbox), columns
