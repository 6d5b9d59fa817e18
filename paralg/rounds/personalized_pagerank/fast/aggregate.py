r"""Walks that stand on the same node for the same source travel as one record with a multiplicity.

At a hub by *in*-degree thousands of walks of a source meet; a combiner sends one record in place of
them, and a multinomial draw sends them on.
The distribution is exact, but records carry no walk's identity: the streams are keyed (source,
record, round), so the counts differ from those of `random_walks` and depend on the schedule; they
still do not depend on the engine or the number of partitions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from paralg.core.engine import Engine
from paralg.rounds.personalized_pagerank.fast.counts import Partition
from paralg.rounds.personalized_pagerank.fast.kernel import root_of
from paralg.rounds.personalized_pagerank.fast.multinomial import draw_records
from paralg.rounds.personalized_pagerank.fast.records import PLACE_BITS
from paralg.rounds.personalized_pagerank.fast.rows import best_of_entries
from paralg.rounds.personalized_pagerank.moves import MoveTable
from paralg.rounds.personalized_pagerank.schedules import AllAtOnce, Pipelined, Refilled
from paralg.rounds.personalized_pagerank.walks import WalkCounts, check_walks, run_rounds

__all__ = ["aggregated_walks", "combine"]


def aggregated_walks(
    table: MoveTable,
    omega: int,
    *,
    schedule: AllAtOnce | Pipelined | Refilled | None = None,
    engine: Engine | None = None,
    partitions: int | None = None,
    sources: range | None = None,
    top: int | None = None,
    seed: int = 0,
) -> WalkCounts:
    """Do what `random_walks` does with walks merged into records (source, node, multiplicity).

    Parameters
    ----------
    table, omega, schedule, engine, partitions, sources, top, seed
        As for `random_walks`; the default schedule is ``AllAtOnce()``, where merging pays most.

    Returns
    -------
    WalkCounts
        ``cost.work`` counts records joined and ``shuffled`` records sent; ``live`` counts walks.

    Cost
    ----
    Work: for each record the smaller of its multiplicity and its outcomes.
    Each stop and each hop of a whole record is an exact binomial or multinomial draw.

    Examples
    --------
    >>> from paralg.rounds.personalized_pagerank import Digraph, move_table
    >>> table = move_table(Digraph.from_arcs([0, 1], [1, 0]), alpha=0.5)
    >>> result = aggregated_walks(table, 10**6)
    >>> result.counts.values.sum(), result.cost.work < 100
    (np.int64(2000000), True)
    """
    sources = check_walks(table, omega, sources)
    schedule = AllAtOnce() if schedule is None else schedule

    def at(index: int, partitions: int) -> _MergedPartition:
        return _MergedPartition(table.shard(index, partitions), root_of(seed), index, partitions)

    found, history, cost = run_rounds(
        engine, partitions, at, schedule, sources, omega, _run_round
    )
    found, live, sent = np.concatenate(found), history[0], history[2]
    row, node = (found[:, 0] >> PLACE_BITS) - sources.start, found[:, 0] & 0xFFFFFFFF
    rows = best_of_entries(row, node, found[:, 1], np.arange(sources.start, sources.stop), top)
    return WalkCounts(rows, omega, table.n, live, len(sources), found.nbytes, sent.sum(), cost)


def combine(records: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up the multiplicities of equal records and sort them."""
    if not len(records):
        return records
    records = records[np.argsort(records[:, 0], kind="stable")]
    first = np.flatnonzero(np.diff(records[:, 0], prepend=records[0, 0] - 1))
    return np.stack([records[first, 0], np.add.reduceat(records[:, 1], first)], axis=1)


class _MergedPartition(Partition):
    """A shard, the stops of the sources of this partition, and the records on their way."""

    def __init__(self, shard: MoveTable, root: np.uint64, index: int, partitions: int):
        super().__init__(shard, root, False, None)
        self.index, self.partitions = index, partitions
        self.stops = np.zeros((0, 2), dtype=np.int64)
        self.arrived: list[NDArray[np.int64]] = []

    def round_counts(self):
        """Return live walks, records looked up and records sent."""
        return np.array([self.live, self.joins, self.sent, 0, 0])

    def count_stopped(self, inbox):
        """Keep the stopped records of the last round."""
        self.take_live(inbox)
        return self

    def finished_rows(self):
        """Return the stops as (source << 32 | node, count)."""
        return combine(np.concatenate([self.stops, *self.arrived]))

    def take_live(self, inbox):
        """Keep the stopped records and return the live ones."""
        records = np.concatenate(inbox)
        stopped = records[:, 1] < 0
        self.arrived.append(records[stopped] * np.array([1, -1]))
        if sum(map(len, self.arrived)) > len(self.stops):
            self.stops, self.arrived = self.finished_rows(), []
        return records[~stopped]


def _run_round(part, inbox, *, starts, number):
    """Merge what arrived with the walks that start, draw, and merge again before sending."""
    walks = combine(np.concatenate([part.take_live(inbox), _starts(starts, part)]))
    sent, part.joins = draw_records(walks, part.shard, part.root, number, part.partitions)
    part.live = int(sent[sent[:, 1] > 0, 1].sum())
    part.blocks = _split(sent, part.partitions)
    part.sent = sum(map(len, part.blocks))
    return part


def _starts(starts, part):
    """Return the walks of a stretch that start here, one record a source."""
    first, last, lowest, sources, omega, by_number = starts
    source = np.arange(lowest + (part.index - lowest) % part.partitions, lowest + sources,
                       part.partitions)  # fmt: skip
    place = source - lowest
    if by_number:
        upto = [(end - place + sources - 1) // sources for end in (first, last)]
    else:
        upto = [np.clip(end - place * omega, 0, omega) for end in (first, last)]
    count = upto[1] - upto[0]
    records = np.stack([source << PLACE_BITS | source, count], axis=1)
    return records[count > 0]


def _split(records, partitions):
    """Merge equal records and return one block for each partition."""
    live = records[records[:, 1] > 0]
    stopped = records[records[:, 1] < 0]
    live, stopped = combine(live), combine(stopped)
    goes = (live[:, 0] & 0xFFFFFFFF) % partitions, (stopped[:, 0] >> PLACE_BITS) % partitions
    return [np.concatenate([live[goes[0] == j], stopped[goes[1] == j]]) for j in range(partitions)]
