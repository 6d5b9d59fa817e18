r"""Fully personalised PageRank by random walks, in rounds on an engine.

One round joins all live walks with the records of the nodes they stand on, moves each walk once,
and shuffles the walks to where they go next. A walk that has stopped goes to the partition of its
source, which counts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import methodcaller

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.rounds.personalized_pagerank.fast.counts import Partition, StopCounts, count_stopped
from paralg.rounds.personalized_pagerank.fast.kernel import (
    WalkRange,
    advance,
    distinct_sources,
    root_of,
    starting_walks,
)
from paralg.rounds.personalized_pagerank.fast.rows import SparseRows, merge_rows
from paralg.rounds.personalized_pagerank.moves import MoveTable
from paralg.rounds.personalized_pagerank.schedules import AllAtOnce, Pipelined, Refilled

__all__ = ["DEFAULT_CAP", "WalkCounts", "check_walks", "random_walks", "run_round", "run_rounds"]

DEFAULT_CAP = 1 << 16
"""Live walks of the default schedule: 1 MB of walk records."""


@dataclass(frozen=True)
class WalkCounts:
    r"""Where the walks stopped, and what it cost to find out.

    Parameters
    ----------
    counts : SparseRows
        Stops at each node, for each source; :math:`\hat\pi(u, v)` is the count over ``omega``.
    omega, n : int, walks for each source; nodes of the graph
    live : ndarray of int64, shape (rounds,), walks that moved in each round
    open_rows : int, largest number of sources that were counted at once, over all partitions
    row_bytes : int, bytes of the counters
    shuffled : int
        Walk records handed to the shuffle, 16 bytes each, whether or not they changed partition.
    cost : Cost
        ``work`` counts look-ups in records, ``rounds`` the rounds of walks; ``messages`` and
        ``bytes`` what really moved between partitions.
    """

    counts: SparseRows
    omega: int
    n: int
    live: NDArray[np.int64]
    open_rows: int
    row_bytes: int
    shuffled: int
    cost: Cost

    @property
    def estimates(self) -> SparseRows:
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
    table : MoveTable, from `move_table`
    omega : int, walks for each source
    schedule : AllAtOnce, Pipelined or Refilled, optional
        When walks start; ``Refilled(65536)`` by default.
    engine : Engine, optional, where the work runs; this process by default
    partitions : int, optional, partitions of records and counts; one for each worker by default
    sources : range, optional, consecutive sources; all by default
    top : int, optional
        Keep the best entries of each source; all, in the order of nodes, by default.
    least, seed : int, drop entries of fewer stops; seed of the streams
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

    References
    ----------
    [lin-2019-distributed], where ``omega`` is the walks per node, ``Pipelined.gamma`` the size of
    a pipeline, and ``counts`` the set of terminated walks.

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

    def at(index: int, partitions: int) -> Partition:
        counts = StopCounts(table.n, omega, index, partitions, top, least)
        return Partition(table.shard(index, partitions), root_of(seed), descend, counts)

    found, history, cost = run_rounds(engine, partitions, at, schedule, sources, omega, run_round)
    rows = merge_rows(batch for batches in found for batch in batches)
    live, _, sent, opened, row_bytes = history
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


def run_round(part: Partition, inbox: list, *, starts: WalkRange, number: int) -> Partition:
    """Run one round: count the walks that have stopped, start new ones, move all live walks."""
    index, partitions = part.counts.index, part.counts.partitions
    new = starting_walks(starts, index, partitions)
    walks = np.concatenate([*inbox, new])
    part.counts.count(walks)
    part.counts.open(distinct_sources(new))
    part.blocks, part.live, part.joins = advance(
        walks, part.shard, part.root, partitions, index, part.descend
    )
    part.sent = sum(map(len, part.blocks))
    return part


def run_rounds(engine, partitions, at, schedule, sources, omega, one_round):
    """Run rounds until all walks have stopped; return rows by partition, history and cost."""
    engine = connect("serial") if engine is None else engine
    partitions = engine.workers if partitions is None else partitions
    before = engine.cost
    parts = engine.scatter(at(index, partitions) for index in range(partitions))
    total, started, live, history = len(sources) * omega, 0, 0, []
    inbox = engine.map(methodcaller("empty_inbox"), parts)
    while started < total or live:
        last = started + schedule.starting(live, total - started, len(sources))
        starts = WalkRange(started, last, sources.start, len(sources), omega, schedule.by_number)
        moving, started = live + last - started, last
        parts = engine.map(one_round, parts, inbox, starts=starts, number=len(history))
        inbox = engine.shuffle(engine.map(methodcaller("take_blocks"), parts))
        counts = engine.reduce(np.add, engine.map(methodcaller("round_counts"), parts))
        history.append([moving, *counts[1:].tolist()])
        live = int(counts[0])
    found = engine.gather(engine.map(methodcaller("finished_rows"),
                                     engine.map(count_stopped, parts, inbox)))  # fmt: skip
    history = np.array(history, dtype=np.int64).reshape(-1, 5).T
    moved = engine.cost
    cost = Cost(
        work=history[1].sum(), rounds=history.shape[1],
        messages=moved.messages - before.messages, bytes=moved.bytes - before.bytes,
    )  # fmt: skip
    return found, history, cost
