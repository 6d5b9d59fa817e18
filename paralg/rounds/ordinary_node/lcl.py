r"""Locally checkable labellings of radius 1: labels, and which may surround which [naor-1995-what].

On an oriented cycle a labelling is *edge-checkable* if each edge alone tells whether it is right;
then a stretch between two fixed labels can be filled in without a look beyond them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.rounds.ordinary_node.fast.graphs import PortGraph

__all__ = ["LCL", "colouring", "independent_set", "lexicographically_first", "matching", "windows"]


@dataclass(frozen=True)
class LCL:
    """A locally checkable labelling; ``labels`` are in the order of preference.

    ``allowed(label, labels behind the ports, own port at each neighbour)`` tells whether a node is
    content; ``edge_checkable`` whether on oriented cycles that is a condition on each edge alone.

    >>> from paralg.rounds.ordinary_node import cycle
    >>> colouring(2).violations(cycle(5), [0, 1, 0, 1, 0])
    [0, 4]
    """

    labels: tuple
    allowed: Callable[[object, Sequence, Sequence[int]], bool]
    edge_checkable: bool = True

    def __post_init__(self):
        checks.instance("labels", self.labels, tuple)
        checks.instance("allowed", self.allowed, Callable)

    def violations(self, graph: PortGraph, outputs: Sequence) -> list[int]:
        """Return the nodes whose label is none, or that object to what surrounds them."""
        checks.instance("graph", graph, PortGraph)
        checks.instance("outputs", outputs, Sequence, np.ndarray)
        if len(outputs) != graph.n:
            raise ValueError(f"expected {graph.n} outputs, got {len(outputs)}")
        doors = [graph.ports(v) for v in range(graph.n)]
        return [v for v, near in enumerate(doors) if outputs[v] not in self.labels
                or not self.allowed(outputs[v], [outputs[u] for u in near],
                                    [doors[u].index(v) for u in near])]  # fmt: skip

    @property
    def pairs(self) -> NDArray[np.bool_]:
        """Which label (row) may have which successor (column) on an oriented cycle."""
        if not self.edge_checkable:
            raise ValueError("problem must be edge-checkable, got one that is not: see windows")
        found = [self.allowed(a, [b], [1]) and self.allowed(b, [a], [0])
                 for a, b in product(self.labels, self.labels)]  # fmt: skip
        return np.array(found, dtype=bool).reshape(len(self.labels), -1)


def colouring(colours: int) -> LCL:
    """Return proper colouring with the labels 0 to ``colours - 1``."""
    labels = tuple(range(checks.integer("colours", colours, 1)))
    return LCL(labels, lambda c, near, _: c not in near)


def independent_set() -> LCL:
    """Return maximal independent set: 1 has no neighbour 1, and 0 has one."""
    return LCL((1, 0), lambda c, near, _: (1 in near) != bool(c), edge_checkable=False)


def matching() -> LCL:
    """Return maximal matching on an oriented cycle: the port of the partner, or -1 for none."""

    def allowed(label, near, back):
        mine = [label == 1 - q for q in back]  # on a cycle my port is the other number
        theirs = [a == q for a, q in zip(near, back, strict=True)]
        return mine == theirs and not (label == -1 and -1 in near)

    return LCL((0, 1, -1), allowed)


def windows(problem: LCL) -> LCL:
    """Return the ``problem`` of naming (predecessor's, own, successor's) labels of another.

    Edges can check it on a cycle: windows agree where they overlap, and each is right by itself.
    To know its window a node waits one round more for its neighbours.
    """

    def allowed(label, near, back):
        return all(b[:2] == label[1:] if q else label[:2] == b[1:]
                   for b, q in zip(near, back, strict=True))  # fmt: skip

    checks.instance("problem", problem, LCL)
    triples = product(problem.labels, repeat=3)
    return LCL(tuple(w for w in triples if problem.allowed(w[1], w[::-2], (1, 0))), allowed)


def lexicographically_first(problem: LCL, left, right, between: int) -> list:
    """Fill ``between`` nodes in, from ``left`` to ``right``: the first labelling of a ``problem``.

    >>> lexicographically_first(colouring(3), 1, 0, 3)
    [0, 1, 2]
    """
    checks.instance("problem", problem, LCL)
    checks.integer("between", between)
    pairs, (at, end) = problem.pairs, (_place(problem, one) for one in (left, right))
    can, found = [pairs[:, end]], []  # labels from which the rest can be completed, backwards
    for _ in range(between):
        can.append((pairs & can[-1]).any(axis=1))
    if not can[-1][at]:
        raise ValueError(f"between {left} and {right} there must be a way, got none")
    for feasible in can[-2::-1]:
        at = int(np.argmax(pairs[at] & feasible))
        found.append(problem.labels[at])
    return found


def _place(problem: LCL, label) -> int:
    if label not in problem.labels:
        raise ValueError(f"labels must be among {problem.labels}, got {label!r}")
    return problem.labels.index(label)
