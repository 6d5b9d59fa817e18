"""Flat arrays: arcs in compressed rows, records of outcomes, and the table made of them.

Record ``k``, outcomes with probabilities, owns the slots ``indptr[k]`` to ``indptr[k + 1] - 1``.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core.checks import sizes
from paralg.core.ragged import joined, stretches
from paralg.rounds.personalized_pagerank.fast import checks
from paralg.simd.sampling import implied_shares, slots_of

__all__ = [
    "COIN", "LEVEL_BITS", "MoveTable", "PLACE_BITS", "PLAIN", "RETURN", "HopRecords", "check_walks",
    "compress", "hop_records", "replace_rows", "row_shares",
]  # fmt: skip

PLACE_BITS, LEVEL_BITS = 32, 6
"""Bits of a walk's number; a clock is ``move << 6 | level``, for draws down an alias tree."""

PLAIN, COIN, RETURN = 0, 1, 2
"""Kinds of record: draw only; toss the coin, then draw; toss the coin, else go to the source."""


def compress(tail, head, weight, n):
    """Sort the arcs, add the weights of parallel ones, and return the three arrays."""
    keys, inverse = np.unique(tail * n + head, return_inverse=True)
    weight = np.bincount(inverse, weights=weight, minlength=len(keys))
    if not np.isfinite(weight).all():
        raise ValueError("the weights of parallel arcs must have a finite sum, got inf")
    tail, head = (keys // n, keys % n) if n else (keys, keys)
    return joined(np.bincount(tail, minlength=n)), head.astype(np.int32), weight


def row_shares(weights, tails, n):
    """Return each arc's weight over the sum of those that leave the same node."""
    total = np.bincount(tails, weights=weights, minlength=n)
    if not np.isfinite(total).all():  # weights near the largest number there is
        weights = weights / weights.max()
        total = np.bincount(tails, weights=weights, minlength=n)
    return weights / total[tails]


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

    @cached_property
    def stuck(self) -> int | None:
        """A record from which no walk stops, or of a virtual tree without end; None if all do."""
        record = np.repeat(np.arange(self.records), np.diff(self.indptr))
        drawn = self.threshold > 0, self.threshold < 1
        code = np.concatenate([self.own[drawn[0]], self.other[drawn[1]]])
        record = np.concatenate([record[drawn[0]], record[drawn[1]]])
        ends, before = np.asarray(self.kind) != PLAIN, -1
        ends[record[code < 0]] = True
        record, code = record[code >= 0], code[code >= 0]
        while before < ends.sum():
            before = ends.sum()
            ends[record[ends[code]]] = True
        record, code = record[code >= self.n], code[code >= self.n]
        for _ in range(1 << LEVEL_BITS if len(code) else 0):  # outcomes that go further down
            deeper = np.isin(code, record)
            record, code = record[deeper], code[deeper]
        bad = np.append(np.flatnonzero(~ends), record)
        return int(bad[0]) if len(bad) else None

    def implied(self) -> NDArray[np.float64]:
        """Return each slot's probability as the alias tables imply it, in closed form."""
        alias = slots_of(self.indptr, self.own, self.other)
        return implied_shares(self.indptr, self.threshold, alias)

    def shard(self, index: int, of: int) -> "MoveTable":
        """Return records ``index, index + of, index + 2 of, ...``: the part of one partition."""
        mine = np.arange(index, self.records, of)
        slots = stretches(self.indptr, mine)
        parts = {name: getattr(self, name)[mine] for name in ("kind", "hops")}
        parts |= {k: getattr(self, k)[slots] for k in ("shares", "threshold", "own", "other")}
        return replace(self, indptr=joined(np.diff(self.indptr)[mine]), **parts)


def hop_records(graph, dangling: str = "stop") -> HopRecords:
    """Return the records of single hops; the stop coin stays outside the table."""
    back = checks.check_dangling(dangling) == "source"
    hops = np.ones(graph.n, dtype=np.uint8)
    kind = np.where(graph.dangling, RETURN if back else PLAIN, COIN).astype(np.uint8)
    if back:
        return HopRecords(graph.indptr, graph.targets, graph.shares, kind, hops)
    ends = np.flatnonzero(graph.dangling)
    at = graph.indptr[ends]
    outcome = np.insert(graph.targets, at, ~ends.astype(np.int32))
    shares = np.insert(graph.shares, at, 1.0)
    return HopRecords(joined(np.maximum(graph.out_degree, 1)), outcome, shares, kind, hops)


def replace_rows(records: HopRecords, rows, sizes, outcome, shares) -> HopRecords:
    """Give the records ``rows`` new outcomes; ``outcome`` and ``shares`` hold them end to end."""
    new_sizes = np.diff(records.indptr)
    rest = np.delete(np.arange(len(new_sizes)), rows)
    new_sizes[rows] = sizes
    indptr, old = joined(new_sizes), stretches(records.indptr, rest)
    place = np.concatenate([stretches(indptr, rest), stretches(indptr, rows)])

    def laid(kept, new):
        values = np.empty(indptr[-1], dtype=kept.dtype)
        values[place] = np.concatenate([kept[old], new])
        return values

    outcome, shares = laid(records.outcome, outcome), laid(records.shares, shares)
    return records._replace(indptr=indptr, outcome=outcome, shares=shares)


def check_walks(table, sources: range | None, omega: int) -> range:
    """Return the sources, after a look at the whole table: no record may lead a walk outside."""
    checks.instance("table", table, MoveTable)
    checks.check_alpha(table.alpha)
    slots, records = np.size(table.own), np.size(table.kind)
    sizes(indptr=(table.indptr, "i: ends"), kind=(table.kind, "i: records"),
          hops=(table.hops, "i: records"), own=(table.own, "i: slots"),
          other=(table.other, "i: slots"), threshold=(table.threshold, "f: slots"),
          shares=(table.shares, "f: slots"))  # fmt: skip
    if not 0 <= table.n <= records or len(table.indptr) != records + 1:
        raise ValueError(f"expected n and ends for {records} records, got {table.n} and "
                         f"{len(table.indptr)}")  # fmt: skip
    if table.indptr[0] or table.indptr[-1] != slots:
        raise ValueError(f"indptr must rise from 0 to {slots}, got {table.indptr}")
    if table.threshold.dtype != np.float64 or table.shares.dtype != np.float64:
        raise TypeError(f"expected doubles, got {table.threshold.dtype} and {table.shares.dtype}")
    if not ((table.threshold >= 0) & (table.threshold <= 1)).all():
        raise ValueError(f"threshold must lie in 0..1, got {table.threshold}")
    if records and np.asarray(table.kind).max() > RETURN:
        raise ValueError(f"kind must lie in 0..{RETURN}, got {table.kind}")
    draws = np.diff(table.indptr) < (np.asarray(table.kind) != RETURN)
    if draws.any():
        raise ValueError(f"expected an outcome in every record, got none in {np.argmax(draws)}")
    for name in ("own", "other"):
        codes = getattr(table, name)
        if len(codes) and not -table.n <= codes.min() <= codes.max() < records:
            raise ValueError(f"{name} must lie in {-table.n}..{records - 1}, got {codes}")
    if table.stuck is not None:
        raise ValueError(f"expected a stop behind every record, got none for {table.stuck}")
    return checks.check_sources(table.n, sources, omega)
