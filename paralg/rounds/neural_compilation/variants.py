r"""Depth-first search in three layers, other compilations of breadth-first search.

All are ours [reconstructed]: subclasses of `CompiledAlgorithm`, run by `run_compiled`.
"""

import numpy as np
from numpy.typing import NDArray

from paralg.rounds.neural_compilation.algorithms import BFS, CompiledAlgorithm, M
from paralg.rounds.neural_compilation.program import LayerProgram, Write

__all__ = ["DFS", "HighestIdBFS", "SelfFirstBFS"]

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
        return self.columns(n, wA=1, pA=np.arange(n), N=1)

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

    The bonus for itself, M / 2, must exceed the range of ids: it is right below 100 nodes.
    """

    name, key_edge, limit = "bfs, self first", {"self": M / 2}, M / 2
