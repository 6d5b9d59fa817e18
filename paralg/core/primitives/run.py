"""One run of a primitive: every application of the operator goes through here and is counted."""

from __future__ import annotations

import numpy as np

from paralg.core.cost import Cost
from paralg.core.primitives.operators import Operator, leaves_of
from paralg.core.primitives.rows import Rows

__all__ = ["Level", "Run"]

Level = list[tuple[int, int]]
"""One round: pairs (src, dst), src < dst, of positions whose elements are combined.

A scan leaves the product at dst, a reduction at src.
The left factor stands at src, except in the down-sweep of Blelloch's scan, where the prefix that
comes first waits at dst.
"""


class Run:
    """Counts applications and rounds, and records who was combined with whom when asked.

    Parameters
    ----------
    op : Operator
        The operator that is counted.
    trace : bool
        Whether to keep the levels.
    """

    def __init__(self, op: Operator, trace: bool = False):
        self.op = op
        self.work = 0
        self.span = 0
        self.levels: list[Level] | None = [] if trace else None

    @property
    def cost(self) -> Cost:
        """The counts so far."""
        return Cost(work=self.work, span=self.span)

    def level(self, rows: Rows, src: slice, dst: slice) -> None:
        """Combine ``rows[dst] = rows[src] ⊕ rows[dst]`` in one round.

        A single source is combined with every destination; an empty round costs nothing.
        """
        left, right = rows.take(src), rows.take(dst)
        count = len(right[0])
        if count == 0:
            return
        if len(left[0]) != count:
            left = [np.broadcast_to(leaf, (count, *leaf.shape[1:])) for leaf in left]
        joined = self.apply(rows.element(left), rows.element(right), count)
        rows.put(dst, joined, self.op)
        if self.levels is not None:
            self.record(range(rows.n)[src], range(rows.n)[dst])

    def apply(self, left, right, count: int):
        """Apply the operator to ``count`` pairs at once and count them as one round."""
        self.work += count
        self.span += 1
        return _detached(self.op.combine(left, right), (*leaves_of(left), *leaves_of(right)))

    def record(self, src: range, dst: range) -> None:
        """Keep the pairs of a round for drawing."""
        if self.levels is None:
            return
        sources = list(src) * len(dst) if len(src) == 1 else src
        self.levels.append(list(zip(sources, dst, strict=True)))


def _detached(joined, given: tuple):
    """Return what the operator returned, with a copy of each array that is a view of its input.

    An operator may hand through what it got, such as ``lambda left, right: right``; the rows it
    came from are overwritten before the result is stored.
    """
    if isinstance(joined, (tuple, list)):
        return tuple(_detached(part, given) for part in joined)
    shared = isinstance(joined, np.ndarray) and any(np.may_share_memory(joined, x) for x in given)
    return joined.copy() if shared else joined
