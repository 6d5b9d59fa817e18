r"""Breadth-first search and Bellman–Ford as programs of one GATv2 layer, and how they are run.

Our reconstruction for the paper's architecture: its own weights are not public [saldyt-2025-mind].
Shared pairs: ``r`` reached, ``offset`` pointer minus own id. ``M`` is larger than any id plus any
distance and switches a term off; ties go to the lowest id, as in the CLRS benchmark.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.csgraph import shortest_path

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.rounds.neural_compilation.layer import GATv2Weights, apply_layer
from paralg.rounds.neural_compilation.program import LayerProgram, Write, compile_layer

__all__ = ["BFS", "BellmanFord", "CompiledAlgorithm", "CompiledRun", "run_compiled"]

M = 200.0  # the switch: above n plus the largest distance

PATH = ("id", "r1", "r2", "f1", "f2", "b1", "b2", "d")
PAIRS = {"r": {"r1": 1, "r2": -1}, "offset": {"f1": 1, "f2": 1, "b1": -1, "b2": -1}}
_OLD_F, _OLD_B = {"f1": 1, "f2": 1}, {"b1": 1, "b2": 1}


@dataclass(frozen=True, eq=False)
class CompiledRun:
    """Result of a compiled network.

    ``pointers`` (n,): predecessors, own id at a root or an unreached node. ``values`` (n,):
    reached (BFS), distance or infinity (Bellman–Ford), order of discovery (DFS). ``active``
    (rounds,): nodes that changed. ``states``: columns (n, C) before round 1 and after each round.
    ``attention``: of each round, one (n, n) for each layer. ``cost``: layers, dense logits.
    """

    pointers: NDArray[np.int64]
    values: NDArray[np.float64]
    active: NDArray[np.int64]
    states: tuple[NDArray[np.float64], ...]
    attention: tuple[tuple[NDArray[np.float64], ...], ...]
    cost: Cost

    rounds = property(lambda self: len(self.active), doc="Rounds, with the last, of no change.")


class CompiledAlgorithm:
    """Layers of a round, a start, and how the answer is read; subclasses are the algorithms."""

    name, first, outgoing, weighted, limit = "", 0, False, False, M

    def __init__(self, *programs: LayerProgram):
        self.programs = programs
        self.layers: tuple[GATv2Weights, ...] = tuple(map(compile_layer, programs))

    def start(self, n: int, source: int) -> NDArray[np.float64]:
        """Return the columns before round 1."""
        return self.columns(n, r1=np.arange(n) == source)

    def columns(self, n: int, **values: ArrayLike) -> NDArray[np.float64]:
        """Return columns of zeros but for the ids and those given by name."""
        z = np.zeros((n, len(self.programs[0].columns)))
        for name, value in ({"id": np.arange(n)} | values).items():
            z[:, self.programs[0].columns.index(name)] = value
        return z

    def get(self, z: NDArray, name: str) -> NDArray:
        """Return a column or a pair by name."""
        return z @ self.programs[0].row({name: 1.0})

    def changed(self, before: NDArray, after: NDArray) -> int:
        """Return how many nodes changed in a round; 0 ends the run."""
        moved = [np.abs(self.get(after - before, name)) > 1e-9 for name in ("r", "offset", "d")]
        return int(np.any(moved, axis=0).sum())

    def pointers(self, z: NDArray) -> NDArray[np.float64]:
        """Return the predecessor of each node, not yet rounded."""
        return self.get(z, "id") + self.get(z, "offset")

    def values(self, states: list[NDArray]) -> NDArray[np.float64]:
        """Return the second part of the answer."""
        return np.round(self.get(states[-1], "r"))


class BFS(CompiledAlgorithm):
    """Breadth-first search in one layer of plain GATv2: attend to the lowest reached id."""

    name = "bfs"
    key, key_edge = {"r": M, "id": -1}, {}

    def __init__(self, beta: float = 1e4):
        super().__init__(LayerProgram(
            PATH, self.key, beta, pairs=PAIRS, carry=("id",), key_edge=self.key_edge, write={
                "r1": Write({"r": 1}, {"r": 1}), "r2": Write({"r": 1}, {"r": 1}, constant=-1),
                "f1": Write(own=_OLD_F), "b1": Write(own=_OLD_B),
                "f2": Write({"id": 1, "r": M}, {"id": -1, "r": -M}, constant=-M),
                "b2": Write({"id": -1, "r": M}, {"id": 1, "r": -M}, constant=-M),
            }))  # fmt: skip


class BellmanFord(CompiledAlgorithm):
    """Jacobi iteration of d_i = min_j (d_j + A_ji), which needs the edge in the message.

    A walk longer than M is never taken, as if it were not there.

    Parameters
    ----------
    beta : float, inverse temperature
    keep : float, bonus ε for staying, less than every gap between two path lengths
        If it is negative, a node takes its distance again: as exact, but for ties.
    tie : float, penalty τ of an id, less than ε / n; 0 leaves ties between predecessors open
    """

    name, weighted = "bellman-ford", True

    def __init__(self, beta: float = 1e10, keep: float = 1e-6, tie: float = 1e-8):
        checks.number("keep", keep), checks.number("tie", tie, 0)
        super().__init__(LayerProgram(
            PATH, {"d": -1, "r": M, "id": -tie}, beta, pairs=PAIRS, carry=("id",),
            key_edge={"weight": -1, "self": keep}, write={
                "r1": Write({"r": 1}), "d": Write({"d": 1, "r": M}, {}, {"weight": 1}, -M),
                "f1": Write(own=_OLD_F, edge={"self": M}, constant=-M),
                "b1": Write(own=_OLD_B, edge={"self": M}, constant=-M),
                "f2": Write({"id": 1, "r": M}, {"id": -1}, {"self": -M}, -M),
                "b2": Write({"id": -1, "r": M}, {"id": 1}, {"self": -M}, -M),
            }))  # fmt: skip

    def values(self, states: list[NDArray]) -> NDArray[np.float64]:
        """Return distances."""
        return np.where(self.get(states[-1], "r") > 0.5, self.get(states[-1], "d"), np.inf)


def run_compiled(algorithm: CompiledAlgorithm, A: ArrayLike, source: int = 0) -> CompiledRun:
    """Run a compiled algorithm on a graph until nothing changes.

    Parameters
    ----------
    algorithm : CompiledAlgorithm, `BFS`, `BellmanFord`, `DFS` or a variant
    A : array_like, shape (n, n)
        Weight of the edge from row to column, 0 where there is none; self-loops count for nothing.
    source : int, the first node; depth-first search ignores it and starts at node 0

    Returns
    -------
    CompiledRun
        ValueError for a negative weight, no such source, or a graph too large for the weights.

    Cost
    ----
    Rounds: eccentricity + 1 (BFS), edges of the longest shortest path + 1 (Bellman–Ford), at most
    n; 2n − components token moves and one check of three layers (DFS). Work n² logits a layer.

    Examples
    --------
    >>> path = np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1)
    >>> run = run_compiled(BFS(), path)
    >>> run.pointers.tolist(), run.rounds, run.active.tolist()
    ([0, 0, 1, 2, 3], 5, [1, 1, 1, 1, 0])
    """
    checks.instance("algorithm", algorithm, CompiledAlgorithm)
    A, edges, masks = graph_operands(A, algorithm)
    n = len(A)
    states = [algorithm.start(n, checks.integer("source", source, 0, n - 1))]
    attention, active, layers = [], [], 0
    first = algorithm.first
    while not active or active[-1]:
        z, seen = one_round(algorithm, states[-1], edges, masks, first)
        layers, first = layers + len(seen), 0
        states.append(z), attention.append(seen), active.append(algorithm.changed(states[-2], z))
        if len(active) > 2 * n + 1:
            raise RuntimeError(f"{algorithm.name} must end within {2 * n + 1} rounds, got no end")
    pointers = np.round(algorithm.pointers(states[-1])).astype(int)
    return CompiledRun(pointers, algorithm.values(states), np.array(active), tuple(states),
                       tuple(attention), Cost(work=layers * n * n, rounds=layers))  # fmt: skip


def one_round(algorithm: CompiledAlgorithm, z: NDArray, edges: NDArray, masks, first: int = 0):
    """Apply the layers of a round from the ``first`` on; return new columns and attentions."""
    seen = []
    for layer, mask in list(zip(algorithm.layers, masks, strict=True))[first:]:
        z, alpha = apply_layer(layer, z, edges, mask)
        seen.append(alpha)
    return z, tuple(seen)


def graph_operands(A: ArrayLike, algorithm: CompiledAlgorithm):
    """Return weights without self-loops, edge features (n, n, 2), and the mask of each layer."""
    (A,) = checks.floats(A=(A, "n n"))
    n = checks.integer("the number of nodes", len(A), 1)
    if A.min() < 0:
        raise ValueError(f"A must have no negative weight, got {A.min()}")
    A = np.where(np.eye(n, dtype=bool), 0.0, A)
    far = shortest_path(A) if algorithm.weighted else np.zeros(1)
    if (far := n + far[np.isfinite(far)].max()) >= (most := algorithm.limit):
        raise ValueError(f"n plus the largest distance must be below {most:g}, got {far:g}")
    heard = A if algorithm.outgoing else A.T
    mask, every = (heard > 0) | np.eye(n, dtype=bool), np.ones((n, n), bool)
    edges = np.stack([heard, np.eye(n)], axis=-1)
    return A, edges, [every if program.everywhere else mask for program in algorithm.programs]
