r"""The LOCAL model by views: an algorithm is a rule from the ball around a node to its output.

After ``r`` rounds of messages a node can know the nodes at distance at most ``r``, and every edge
with an end at distance less than ``r``, but none between two nodes at distance ``r``. A rule
returns None as long as its `Ball` does not fix the output; the first radius at which it does is
the stopping round. `variants.replayed` and `variants.gathered` turn programs into rules and back.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.rounds.ordinary_node.fast.graphs import PortGraph
from paralg.rounds.ordinary_node.local import LocalRun, NodeStart, node_starts

__all__ = ["Ball", "breadth_first", "run_views"]


@dataclass(frozen=True)
class Ball:
    """What a node can know after ``radius`` rounds; nodes in breadth-first order, centre first."""

    radius: int
    starts: tuple[NodeStart, ...]
    distance: tuple[int, ...]
    ports: tuple[tuple[int | None, ...], ...]  # the node behind each port, None if not known

    @property
    def ids(self) -> tuple[int, ...]:
        """Identifiers in the ball, that of the centre first."""
        return tuple(one.id for one in self.starts)

    @property
    def whole(self) -> bool:
        """Whether the ball shows the whole graph, by its closed ports or by the number of nodes."""
        closed = all(u is not None for row in self.ports for u in row)
        return closed or len(self.starts) == self.starts[0].n

    def around(self, i: int, radius: int) -> "Ball":
        """Return the ball around node ``i`` of the ball, which must lie within it."""
        inside = self.radius - self.distance[i]
        if not (self.whole or radius <= inside):
            raise ValueError(f"radius must be at most {inside} around node {i}, got {radius}")
        return breadth_first(i, radius, self.ports.__getitem__, self.starts.__getitem__)


def breadth_first(centre, radius: int, ports: Callable, start: Callable) -> Ball:
    """Return the ball around a node of a graph whose nodes have ``ports(v)`` and ``start(v)``."""
    place, order, distance = {centre: 0}, [centre], [0]
    for i, v in enumerate(order):
        if distance[i] == radius:
            break
        for u in ports(v):
            if u is not None and u not in place:
                place[u] = len(order)
                order.append(u)
                distance.append(distance[i] + 1)
    rows = []
    for v, d in zip(order, distance, strict=True):
        near = (place.get(u) for u in ports(v))
        rows.append([i if i is not None and min(d, distance[i]) < radius else None for i in near])
    unseen = [(i, q) for i, row in enumerate(rows) for q, u in enumerate(row) if u is None]
    if start(centre).n == len(order) and len(unseen) == 2 and unseen[0][0] != unseen[1][0]:
        (i, p), (j, q) = unseen  # all nodes and all ports but two: these must be one edge
        rows[i][p], rows[j][q] = j, i
    return Ball(radius, tuple(map(start, order)), tuple(distance), tuple(map(tuple, rows)))


def run_views(
    graph: PortGraph, rule: Callable[[Ball], object], ids: ArrayLike, *, knows_n: bool = True,
    seed: int = 0, most: int = 1000,
) -> LocalRun:  # fmt: skip
    """Give every node growing balls until its rule answers.

    Parameters
    ----------
    graph, ids, knows_n, seed, most : as for `run_local`
    rule : callable (Ball) -> object, None as long as the ball does not fix the output

    Examples
    --------
    >>> from paralg.rounds.ordinary_node import cycle, largest_id
    >>> run_views(cycle(8), largest_id, [3, 1, 4, 0, 5, 9, 2, 6]).radii.tolist()
    [1, 1, 2, 1, 1, 4, 1, 2]
    """
    starts, outputs, radii = node_starts(graph, ids, knows_n, seed), [], []
    checks.instance("rule", rule, Callable)
    checks.integer("most", most)
    for v in range(graph.n):
        for radius in range(most + 1):
            output = rule(breadth_first(v, radius, graph.ports, starts.__getitem__))
            if output is not None:
                break
        else:
            raise RuntimeError(f"the rule must answer within radius {most} at node {v}, got None")
        outputs.append(output)
        radii.append(radius)
    found = np.array(radii, dtype=np.int64)
    cost = Cost(work=found.sum(), rounds=found.max(initial=0))
    return LocalRun(tuple(outputs), found, cost)
