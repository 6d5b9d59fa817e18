r"""Depth-first search in three layers, other compilations of breadth-first search, widest paths.

All are ours [reconstructed]: subclasses of `CompiledAlgorithm`, run by `run_compiled`.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks
from paralg.rounds.neural_compilation.algorithms import (
    BFS,
    PAIRS,
    PATH,
    CompiledAlgorithm,
    M,
    path_writes,
)
from paralg.rounds.neural_compilation.layer import SLOPE
from paralg.rounds.neural_compilation.program import LayerProgram, Write

__all__ = ["DFS", "HighestIdBFS", "SelfFirstBFS", "WidestPath", "shuffled"]

_TOKEN = ("id", "wA", "wB", "a1", "a2", "pA", "pB", "rA", "rB", "down", "up", "nr", "tD", "tU",
          "N", "AJ", "D+", "D0", "D-", "U+", "U0", "U-")  # fmt: skip
_TOKEN_PAIRS = {
    "w": {"wA": 1, "wB": -1}, "a": {"a1": 1, "a2": 1}, "pi": {"pA": 1, "pB": 1},
    "rho": {"rA": 1, "rB": 1}, "T": {"tD": 1, "tU": 1},
    "eD": {"D+": 1, "D0": -2, "D-": 1}, "eU": {"U+": 1, "U0": -2, "U-": 1},
}  # fmt: skip


class DFS(CompiledAlgorithm):
    """Lexicographic depth-first search: a token moves once in three layers.

    Layer A looks at the neighbours for the lowest white node, layer B reads the token everywhere
    and compares its target with each id, layer C moves the token, to a new root if need be. B and C
    attend to all nodes: a jump to a new root is no neighbour operation.
    """

    name, first, outgoing = "dfs", 2, True

    def __init__(self, beta: float = 50.0):
        w, a, rho, lowest = {"w": 1}, {"a": 1}, {"rho": 1}, {"w": M, "id": -1}
        state = ("id", "wA", "wB", "a1", "a2", "pA", "pB", "rA", "rB")
        hats = {"+": 1, "0": 0, "-": -1}
        common = {"columns": _TOKEN, "beta": beta, "pairs": _TOKEN_PAIRS}
        A = LayerProgram(key=lowest, carry=state, **common, write={
            "down": Write(w, a, constant=-1), "up": Write({"w": -1}, a | {"rho": -1}),
            "nr": Write({"w": -1}, a | rho, constant=-1),
            "tD": Write({"id": 1, "w": M}, {"a": M}, constant=-2 * M),
            "tU": Write({"w": -M}, {"pi": 1, "a": M}, constant=-M),
        })  # fmt: skip
        B = LayerProgram(key=a, carry=state, everywhere=True, **common, write={
            "N": Write({"nr": 1}), "AJ": Write({"id": 1}),
            **{f"D{s}": Write({"T": 1, "down": M}, {"id": -1, "w": M}, constant=o - 2 * M)
               for s, o in hats.items()},
            **{f"U{s}": Write({"T": 1, "up": M}, {"id": -1}, constant=o - M)
               for s, o in hats.items()},
        })  # fmt: skip
        root = Write(own=w | {"N": 1}, edge={"self": 1}, constant=-2)
        C = LayerProgram(key=lowest, carry=("id",), everywhere=True, **common, write={
            "wA": Write(own=w | {"eD": -1}), "wB": root, "a2": root, "rB": root,
            "a1": Write(own={"eD": 1, "eU": 1}), "rA": Write(own=rho),
            "pA": Write(own={"pi": 1, "eD": -M}), "pB": Write(own={"AJ": 1, "eD": M}, constant=-M),
        })  # fmt: skip
        super().__init__(A, B, C)

    def start(self, n: int, source: int) -> NDArray[np.float64]:
        """Return all nodes white, and the flag that asks for a root."""
        return self.set(self.empty(n), wA=1, pA=np.arange(n), N=1)

    def changed(self, before: NDArray, after: NDArray) -> int:
        """Return how many nodes have the token."""
        return int(np.round(self.get(after, "a")).sum())

    def pointers(self, z: NDArray) -> NDArray[np.float64]:
        """Return the predecessor of each node."""
        return self.get(z, "pi")

    def values(self, states: list[NDArray]) -> NDArray[np.float64]:
        """Return the order in which nodes got the token for the first time."""
        white = np.array([np.round(self.get(z, "w")) for z in states])
        return np.argsort(np.argsort(white.sum(axis=0), kind="stable")).astype(float)


class HighestIdBFS(BFS):
    """Breadth-first search that breaks ties by the highest id: other attention and pointers."""

    name, key = "bfs, highest id", {"r": M, "id": 1}


class SelfFirstBFS(BFS):
    """Breadth-first search whose reached nodes attend to themselves; the outputs are those of BFS.

    The bonus for itself is larger than the range of ids and smaller than M.
    """

    name, key_edge = "bfs, self first", {"self": M / 2}


def shuffled(algorithm: CompiledAlgorithm, order: list[int]) -> CompiledAlgorithm:
    """Return the same algorithm with its columns in another order: other weights, same attention.

    Parameters
    ----------
    algorithm : CompiledAlgorithm
    order : list of int, a permutation of the columns

    Examples
    --------
    >>> other = shuffled(BFS(), [7, 6, 5, 4, 3, 2, 1, 0])
    >>> other.programs[0].columns[0], BFS().programs[0].columns[0]
    ('d', 'id')
    """
    checks.instance("algorithm", algorithm, CompiledAlgorithm)
    width = len(algorithm.programs[0].columns)
    if sorted(checks.array("order", order, "i").ravel().tolist()) != list(range(width)):
        raise ValueError(f"order must be a permutation of 0 to {width - 1}, got {order}")
    other = object.__new__(type(algorithm))
    CompiledAlgorithm.__init__(other, *(
        replace(program, columns=tuple(program.columns[i] for i in order))
        for program in algorithm.programs
    ))  # fmt: skip
    return other


class WidestPath(CompiledAlgorithm):
    """Widest paths: attend to the largest min(c_j, A_ji), a minimum that LeakyReLU makes.

    min(x, y) = x − relu(x − y), and relu(v) = (LeakyReLU(v) + 0.2 LeakyReLU(−v)) / 0.96, which is
    two more key units. The width is kept as a pair of columns, c = c1 − c2, for the message cannot
    hold a minimum but can hold both of its parts; an edge to itself is wider than all.
    """

    name, watched, weighted = "widest", ("r", "offset", "c"), True

    def __init__(self, beta: float = 1e10, keep: float = 1e-6, tie: float = 1e-8):
        checks.number("keep", keep, 0), checks.number("tie", tie, 0)
        columns, c = (*PATH[:-1], "c1", "c2"), {"c": 1}
        narrow = {"weight": -1, "self": -M}
        super().__init__(LayerProgram(
            columns, {"c": 1, "r": M, "id": -tie}, beta, carry=("id",), key_edge={"self": keep},
            pairs=PAIRS | {"c": {"c1": 1, "c2": -1}},
            write=path_writes() | {"c1": Write(c), "c2": Write(c, edge=narrow)}))  # fmt: skip
        program, layer = self.programs[0], self.layers[0]
        excess = beta * program.row(c)
        by_edge = beta * np.array([narrow["weight"], narrow["self"]])
        relu = -np.array([1.0, SLOPE]) / (1 - SLOPE**2)
        self.layers = (replace(
            layer, sender=np.vstack([layer.sender, excess, -excess]),
            receiver=np.zeros((4, len(columns))),
            edge=np.vstack([layer.edge, by_edge, -by_edge]),
            logit=np.concatenate([layer.logit, relu])),)  # fmt: skip

    def start(self, n: int, source: int) -> NDArray[np.float64]:
        """Return the columns before round 1; the source has width 1."""
        return self.set(super().start(n, source), c1=np.arange(n) == source)

    def values(self, states: list[NDArray]) -> NDArray[np.float64]:
        """Return widths, 0 at nodes that are not reached."""
        return self.get(states[-1], "c")
