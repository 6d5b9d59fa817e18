"""The machine that runs a primitive: every application of the operator is made and counted here."""

import numpy as np

from paralg.core.cost import Cost
from paralg.core.primitives.elements import Elements
from paralg.core.primitives.operators import Operator, leaves_of

__all__ = ["Level", "Machine"]

Level = list[tuple[int, int]]
"""One round: pairs (src, dst), src < dst, of positions whose elements are combined.

A scan leaves the product at dst, a reduction at src.
The left factor stands at src, except in the down-sweep of Blelloch's scan, where the prefix that
comes first waits at dst.
"""


class Machine:
    """Applies an operator in rounds, counts them, and with ``trace`` keeps the pairs of each."""

    def __init__(self, op: Operator, trace: bool = False):
        self.op = op
        self.work = 0
        self.span = 0
        self.levels: list[Level] | None = [] if trace else None

    @property
    def cost(self) -> Cost:
        """The counts so far."""
        return Cost(work=self.work, span=self.span)

    def level(self, xs: Elements, src: slice, dst: slice, *, into: slice | None = None) -> None:
        """Combine ``xs[dst] = xs[src] ⊕ xs[dst]`` in one round, or put the products ``into``.

        A single source is combined with every destination; an empty round costs nothing.
        """
        sources, targets = range(xs.n)[src], range(xs.n)[dst]
        if not targets:
            return
        left = xs.get(src)
        if len(sources) != len(targets):
            left = xs.form([np.broadcast_to(leaf, (len(targets), *leaf.shape[1:]))
                            for leaf in leaves_of(left)])  # fmt: skip
        joined = self.apply(left, xs.get(dst), len(targets))
        xs.put(dst if into is None else into, joined, self.op)
        self.record(sources, targets)

    def begin(self, xs: Elements, initial) -> None:
        """Combine ``initial`` with the first element, in a round of its own."""
        first = self.apply(xs.seed(initial).values(), xs.get(slice(0, 1)), 1)
        xs.put(slice(0, 1), first, self.op)

    def apply(self, left, right, count: int):
        """Apply the operator to ``count`` pairs at once and count them as one round."""
        self.work += count
        self.span += 1
        return _detached(self.op.combine(left, right), (*leaves_of(left), *leaves_of(right)))

    def record(self, src: range, dst: range) -> None:
        """Keep the pairs of a round for drawing."""
        if self.levels is not None:
            sources = list(src) * len(dst) if len(src) == 1 else src
            self.levels.append(list(zip(sources, dst, strict=True)))


def _detached(joined, given: tuple):
    """Copy the views in a result: what they look at is overwritten before they are read."""
    if isinstance(joined, (tuple, list)):
        return tuple(_detached(part, given) for part in joined)
    shared = isinstance(joined, np.ndarray) and any(np.may_share_memory(joined, x) for x in given)
    return joined.copy() if shared else joined
