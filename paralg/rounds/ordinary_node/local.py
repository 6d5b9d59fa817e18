r"""The LOCAL model by messages: every node is a state machine, and all move in the same rounds.

In round ``t`` each node sends one message through each of its ports, then receives one from each.
A node *stops* when it fixes its output; it goes on forwarding, so that others can still learn
through it. Its radius is the number of the round after which it stopped, 0 if its own identifier
was enough [feuilloley-2020-long].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.random import uniform
from paralg.rounds.ordinary_node.fast.graphs import PortGraph, check_ids

__all__ = ["LocalRun", "NodeProgram", "NodeStart", "node_starts", "run_local"]


@dataclass(frozen=True)
class NodeStart:
    """All that a node knows before round 1; its random numbers are a function of ``tape``."""

    id: int
    degree: int
    n: int | None  # None where the number of nodes is unknown
    tape: tuple[int, int]  # seed and key

    def draw(self, counter: int) -> float:
        """Return number ``counter`` of the node's random tape, uniform in [0, 1)."""
        return float(uniform(*self.tape, counter))


class NodeProgram:
    """A node's state machine; one instance is made for each node, from its `NodeStart`.

    A program stops by setting ``output`` to anything but None, and may never change it again.
    """

    output: object = None

    def __init__(self, me: NodeStart):
        self.me = me

    def send(self, port: int) -> object:
        """Return the message of this round for a port; None sends nothing."""
        raise NotImplementedError

    def receive(self, round: int, inbox: Sequence[object]) -> None:
        """Take the messages of a round, one a port, and perhaps stop."""
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class LocalRun:
    """Outputs of all nodes and the round in which each stopped, ``radii``, shape (n,).

    ``cost`` counts rounds and messages until the last stop, and as work the sum of the radii.
    """

    outputs: Sequence
    radii: NDArray[np.int64]
    cost: Cost

    @property
    def mean(self) -> float:
        """Mean radius: what an ordinary node waits."""
        return float(self.radii.mean()) if len(self.radii) else 0.0

    @property
    def most(self) -> int:
        """Largest radius: what the classic measure counts."""
        return int(self.radii.max(initial=0))


def node_starts(graph: PortGraph, ids: ArrayLike, knows_n: bool, seed: int) -> list[NodeStart]:
    """Return what each node knows; ValueError where ``ids`` are not distinct and one a node."""
    ids, degree = check_ids(graph, ids).tolist(), graph.degree.tolist()
    n, seed = graph.n if knows_n else None, checks.integer("seed", seed, -(2**63), 2**63 - 1)
    return [NodeStart(ids[v], degree[v], n, (seed, v)) for v in range(graph.n)]


def run_local(
    graph: PortGraph, program: Callable[[NodeStart], NodeProgram], ids: ArrayLike, *,
    knows_n: bool = True, seed: int = 0, most: int = 1000,
) -> LocalRun:  # fmt: skip
    """Run a program at every node of a graph, in rounds of messages, until all have stopped.

    Parameters
    ----------
    graph : PortGraph
    program : callable (NodeStart) -> NodeProgram
    ids : array_like of int, shape (n,), distinct, at most 63 bits
    knows_n : bool, whether every node knows the number of nodes
    seed : int, of all random tapes
    most : int, rounds after which the run is given up, with a RuntimeError

    Returns
    -------
    LocalRun

    Examples
    --------
    >>> from paralg.rounds.ordinary_node import ColourByOrder, cycle
    >>> run = run_local(cycle(8), ColourByOrder, [3, 1, 4, 0, 5, 9, 2, 6])
    >>> run.radii.tolist(), run.cost
    ([2, 3, 1, 3, 2, 1, 2, 1], Cost(work=15, rounds=3, messages=48))
    """
    starts = node_starts(graph, ids, knows_n, seed)
    checks.instance("program", program, Callable)
    checks.integer("most", most)
    nodes, doors = [program(start) for start in starts], [graph.ports(v) for v in range(graph.n)]
    back = [[doors[u].index(v) for u in doors[v]] for v in range(graph.n)]
    radii, outputs = np.full(graph.n, -1), [None] * graph.n
    messages = 0
    for t in range(most + 1):
        for v, node in enumerate(nodes):
            if radii[v] < 0 and node.output is not None:
                radii[v], outputs[v] = t, node.output
            elif radii[v] >= 0 and node.output != outputs[v]:
                raise RuntimeError(f"node {v} must keep {outputs[v]!r}, got {node.output!r}")
        if (radii >= 0).all():
            return LocalRun(tuple(outputs), radii, Cost(radii.sum(), rounds=t, messages=messages))
        sent = [[node.send(port) for port in range(len(doors[v]))] for v, node in enumerate(nodes)]
        messages += sum(message is not None for row in sent for message in row)
        for v, node in enumerate(nodes):
            node.receive(t + 1, [sent[u][q] for u, q in zip(doors[v], back[v], strict=True)])
    raise RuntimeError(f"all nodes must stop within {most} rounds, got {(radii < 0).sum()} open")
