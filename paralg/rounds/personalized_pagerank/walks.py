r"""Fully personalised PageRank by random walks, in rounds on an engine.

One round joins all live walks with the records of the nodes they stand on, moves each walk once,
and shuffles the walks to where they go next. A walk that has stopped goes to the partition of its
source, which counts it.
"""

from dataclasses import dataclass
from operator import methodcaller

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.engine import Engine, connect
from paralg.core.ragged import SparseRows, merge_rows
from paralg.rounds.personalized_pagerank.fast.checks import check_kept, check_partitions
from paralg.rounds.personalized_pagerank.fast.counts import Partition, StopCounts, finish
from paralg.rounds.personalized_pagerank.fast.kernel import WalkRange, advance, starting_walks
from paralg.rounds.personalized_pagerank.fast.records import MoveTable, check_walks
from paralg.rounds.personalized_pagerank.schedules import AllAtOnce, Pipelined, Refilled

__all__ = ["DEFAULT_CAP", "WalkCounts", "random_walks", "run_round", "run_rounds"]

DEFAULT_CAP = 1 << 16  # live walks of the default schedule: 1 MB of walk records


@dataclass(frozen=True)
class WalkCounts:
    r"""Where the walks stopped, and what it cost to find out.

    Parameters
    ----------
    counts : SparseRows
        Stops at each node, for each source; :math:`\hat\pi(u, v)` is the count over ``omega``.
    omega, n : int, walks for each source; nodes of the graph
    live : ndarray of int64, shape (rounds,), walks that moved in each round
    open_rows, row_bytes : int, most sources counted at once, over all partitions; their bytes
    shuffled : int, walk records handed to the shuffle, 16 bytes each, wherever they went
    cost : Cost
        ``work`` counts look-ups; ``messages`` and ``bytes`` what really changed partition.
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
    table: MoveTable, omega: int, *, schedule: AllAtOnce | Pipelined | Refilled | None = None,
    engine: Engine | None = None, partitions: int | None = None, sources: range | None = None,
    top: int | None = None, least: int = 1, seed: int = 0, descend: bool = True,
) -> WalkCounts:  # fmt: skip
    r"""Walk ``omega`` times from every source and count where the walks stop.

    Parameters
    ----------
    table : MoveTable, from `move_table`
    omega : int, walks for each source; those of the paper for each node [lin-2019-distributed]
    schedule : AllAtOnce, Pipelined or Refilled, optional, when walks start; ``Refilled(65536)``
    engine, partitions : optional, where (this process) and in how many parts (one a worker)
    sources : range, optional, consecutive sources; all by default
    top : int, optional, keep the best of each source; all, in the order of nodes, by default
    least, seed : int, drop entries of fewer stops; seed of the streams
    descend : bool, whether a walk goes down an alias tree within a round where it can

    Returns
    -------
    WalkCounts, the same bits of counts for every engine, number of partitions and schedule

    Raises
    ------
    ValueError
        ``omega``, ``sources`` or ``partitions`` (at most 32,767) is out of range.

    Cost
    ----
    Work about :math:`n\omega/\alpha` look-ups with plain hops; memory of each partition: its
    records, its share of the live walks, and a row for each open source.

    Examples
    --------
    >>> from paralg.rounds.personalized_pagerank import Digraph, move_table
    >>> table = move_table(Digraph.from_arcs([0, 1], [1, 0]), alpha=0.5)
    >>> random_walks(table, 1000).counts.values.reshape(2, 2).sum(axis=1)
    array([1000, 1000])
    """
    check_kept(top, least, seed)
    sources = check_walks(table, sources, omega)

    def at(index: int, partitions: int) -> Partition:
        counts = StopCounts(table.n, omega, index, partitions, top, least)
        return Partition(table, seed, index, partitions, counts, descend)

    schedule = Refilled(DEFAULT_CAP) if schedule is None else schedule
    found, history, cost = run_rounds(engine, partitions, at, schedule, sources, omega, run_round)
    rows = merge_rows(batch for batches in found for batch in batches)
    live, _, sent, opened, room = history
    most, room = opened.max(initial=0), room.max(initial=0)
    return WalkCounts(rows, omega, table.n, live, most, room, int(sent.sum()), cost)


def run_round(part: Partition, inbox: list, *, starts: WalkRange, number: int) -> Partition:
    """Run one round: count the walks that have stopped, start new ones, move all live walks."""
    new = starting_walks(starts, part.index, part.partitions)
    walks = np.concatenate([*inbox, new])
    part.counts.count(walks)
    part.counts.open(new)
    part.blocks, part.live, part.joins = advance(walks, part)
    part.sent = sum(map(len, part.blocks))
    return part


def run_rounds(engine, partitions, at, schedule, sources, omega, one_round):
    """Run rounds until all walks have stopped; return rows by partition, history and cost."""
    engine = connect("serial") if engine is None else engine
    partitions = check_partitions(engine.workers if partitions is None else partitions)
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
    found = engine.gather(engine.map(finish, parts, inbox))
    history = np.array(history, dtype=np.int64).reshape(-1, 5).T
    messages, sent = engine.cost.messages - before.messages, engine.cost.bytes - before.bytes
    cost = Cost(work=history[1].sum(), rounds=history.shape[1], messages=messages, bytes=sent)
    return found, history, cost
