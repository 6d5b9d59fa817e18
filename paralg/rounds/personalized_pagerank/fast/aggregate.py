r"""Walks that are on the same node for the same source travel as one record with a multiplicity.

At a hub by *in*-degree thousands meet; a multinomial draw sends them on. The distribution is exact,
but the streams are keyed (source, record, round): the counts differ from those of `random_walks`
and depend on the schedule, still not on the engine or the number of partitions. A record is
(``source << 32 | node``, multiplicity), negative where the walks have stopped.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from paralg.core.engine import Engine
from paralg.core.ragged import best_of_entries
from paralg.core.random import GOLDEN
from paralg.rounds.personalized_pagerank.fast.checks import check_kept
from paralg.rounds.personalized_pagerank.fast.counts import Partition
from paralg.rounds.personalized_pagerank.fast.records import PLACE_BITS, PLAIN, RETURN
from paralg.rounds.personalized_pagerank.moves import MoveTable
from paralg.rounds.personalized_pagerank.schedules import AllAtOnce, Pipelined, Refilled
from paralg.rounds.personalized_pagerank.walks import WalkCounts, check_walks, run_rounds
from paralg.simd.cache import compiled
from paralg.simd.sampling import alias_draw, binomial, mix

__all__ = ["aggregated_walks", "combine"]

_NODE = 0xFFFFFFFF

_ONE = np.uint64(1)


def aggregated_walks(
    table: MoveTable, omega: int, *, schedule: AllAtOnce | Pipelined | Refilled | None = None,
    engine: Engine | None = None, partitions: int | None = None, sources: range | None = None,
    top: int | None = None, seed: int = 0,
) -> WalkCounts:  # fmt: skip
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
    Work: for each record the smaller of its multiplicity and its outcomes, all exact draws.

    Examples
    --------
    >>> from paralg.rounds.personalized_pagerank import Digraph, move_table
    >>> table = move_table(Digraph.from_arcs([0, 1], [1, 0]), alpha=0.5)
    >>> result = aggregated_walks(table, 10**6)
    >>> result.counts.values.sum(), result.cost.work < 100
    (np.int64(2000000), True)
    """
    check_kept(top, 1, seed)
    sources = check_walks(table, sources, omega)
    at = partial(_MergedPartition, table, seed)
    schedule = AllAtOnce() if schedule is None else schedule
    found, history, cost = run_rounds(engine, partitions, at, schedule, sources, omega, _run_round)
    found, live, sent = np.concatenate(found), history[0], history[2]
    row, node = (found[:, 0] >> PLACE_BITS) - sources.start, found[:, 0] & _NODE
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

    def __init__(self, *given):
        super().__init__(*given)
        self.stops = np.zeros((0, 2), dtype=np.int64)
        self.arrived: list[NDArray[np.int64]] = []

    def round_counts(self):
        """Return live walks, records looked up and records sent."""
        return np.array([self.live, self.joins, self.sent, 0, 0])

    def finished(self, inbox):
        """Return the stops as (source << 32 | node, count)."""
        self.take_live(inbox)
        return combine(np.concatenate([self.stops, *self.arrived]))

    def take_live(self, inbox):
        """Keep the stopped records and return the live ones."""
        records = np.concatenate(inbox)
        stopped = records[:, 1] < 0
        self.arrived.append(records[stopped] * np.array([1, -1]))
        if sum(map(len, self.arrived)) > len(self.stops):
            self.stops, self.arrived = combine(np.concatenate([self.stops, *self.arrived])), []
        return records[~stopped]


def _run_round(part, inbox, *, starts, number):
    """Merge what arrived with the walks that start, draw, and merge again before sending."""
    walks = combine(np.concatenate([part.take_live(inbox), _starts(starts, part)]))
    sent, part.joins = _draw_records(walks, part, number), len(walks)
    live, stopped = (combine(sent[chosen]) for chosen in (sent[:, 1] > 0, sent[:, 1] < 0))
    part.live = int(live[:, 1].sum())
    goes = (live[:, 0] & _NODE) % part.partitions, (stopped[:, 0] >> PLACE_BITS) % part.partitions
    part.blocks = [np.concatenate([live[goes[0] == j], stopped[goes[1] == j]])
                   for j in range(part.partitions)]  # fmt: skip
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
    return np.stack([source << PLACE_BITS | source, count], axis=1)[count > 0]


def _draw_records(walks, part, turn):
    """Move every record of walks once, all its walks together."""
    shard, partitions = part.shard, part.partitions
    row = (walks[:, 0] & _NODE) // partitions
    degree = np.diff(shard.indptr)[row] if len(walks) else row
    room = np.minimum(walks[:, 1], np.maximum(degree, 1)).sum() + len(walks)
    out = np.empty((room, 2), dtype=np.int64)
    arrays = (shard.indptr, shard.kind, shard.shares, shard.threshold, shard.own, shard.other)
    return out[: _move(walks, arrays, shard.alpha, part.root, np.uint64(turn), partitions, out)]


@compiled
def _move(walks, arrays, alpha, root, turn, partitions, out):
    indptr, kind = arrays[0], arrays[1]
    filled = 0
    for k in range(len(walks)):
        key, count = walks[k, 0], walks[k, 1]
        stream = mix(mix(root + np.uint64(key) * GOLDEN) + turn * GOLDEN)
        counter = np.uint64(0)
        record = key & _NODE
        row = record // partitions
        if kind[row] != PLAIN:
            stops, counter = binomial(stream, counter, count, alpha)
            filled = _emit(out, filled, key, ~record, stops)
            count -= stops
        if kind[row] == RETURN:
            filled = _emit(out, filled, key, key >> PLACE_BITS, count)
        elif count <= indptr[row + 1] - indptr[row]:
            filled = _one_by_one(stream, counter, key, count, row, arrays, out, filled)
        else:
            filled = _all_together(stream, counter, key, count, row, arrays, out, filled)
    return filled


@compiled
def _emit(out, filled, key, code, count):
    """Write a record that goes on at ``code``, or has stopped at ``~code``."""
    if count == 0:
        return filled
    source = key >> PLACE_BITS << PLACE_BITS
    out[filled, 0] = source | (code if code >= 0 else ~code)
    out[filled, 1] = count if code >= 0 else -count
    return filled + 1


@compiled
def _one_by_one(stream, counter, key, count, row, arrays, out, filled):
    """Few walks, many outcomes: an alias draw for each."""
    indptr, _, _, threshold, own, other = arrays
    first, degree = indptr[row], indptr[row + 1] - indptr[row]
    for _ in range(count):
        counter += _ONE
        code = alias_draw(mix(stream + counter * GOLDEN), first, degree, threshold, own, other)
        filled = _emit(out, filled, key, code, 1)
    return filled


@compiled
def _all_together(stream, counter, key, count, row, arrays, out, filled):
    """Many walks, few outcomes: a multinomial as a chain of binomials."""
    indptr, _, shares, _, own, _ = arrays
    rest = 1.0
    last = indptr[row + 1] - 1
    for slot in range(indptr[row], last + 1):
        taken = count
        if slot < last:
            chance = min(1.0, shares[slot] / rest) if rest > 0.0 else 1.0
            taken, counter = binomial(stream, counter, count, chance)
        filled = _emit(out, filled, key, np.int64(own[slot]), taken)
        count -= taken
        rest -= shares[slot]
        if count == 0:
            break
    return filled
