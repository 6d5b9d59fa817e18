"""Graphs and hint traces in the manner of the CLRS benchmark: a task is a list of typed hints.

A trace is a list of states of one graph, one an algorithm step. Graphs are undirected, without
self-loops; ``A[i, j]`` is the weight of an edge, 0 where there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from paralg.core import checks

__all__ = ["KINDS", "TASKS", "TraceBatch", "HintTask", "draw", "random_graph", "stack"]

KINDS = {"mask": 1, "scalar": 1, "three": 3, "node": 1, "pointer": 0}  # features of a node
State = dict[str, NDArray]


def random_graph(n: int, rng: np.random.Generator, p: float = 0.25) -> NDArray[np.float64]:
    """Return weights (n, n) of an Erdős–Rényi graph, the CLRS sampler: √(w wᵀ + 1e-3) on edges."""
    checks.integer("n", n, 1), checks.number("p", p, 0, 1)
    checks.instance("rng", rng, np.random.Generator)
    both = np.triu(rng.random((n, n)) < p, 1)
    weights = rng.random((n, n))
    return np.where(both | both.T, np.sqrt(weights * weights.T + 1e-3), 0.0)


def bfs(A: NDArray, source: int) -> list[State]:
    """Reached nodes and pointers after each round; ties go to the lowest id."""
    reach, pi, trace = np.arange(len(A)) == source, np.arange(len(A)), []
    while True:
        trace.append({"reach": reach, "pi": pi})
        offers = (A > 0) & reach
        new = offers.any(axis=1) & ~reach
        if not new.any():
            return trace
        pi, reach = np.where(new, offers.argmax(axis=1), pi), reach | new


def _relax(A: NDArray, source: int, start: float, sign: int, extend: Callable) -> list[State]:
    """Jacobi iteration of a path value; ``sign`` is 1 where less is better, −1 where more is."""
    mask, pi = np.arange(len(A)) == source, np.arange(len(A))
    value, trace = np.where(mask, start, 0.0), []
    while True:
        trace.append({"mask": mask, "pi": pi, "value": value})
        offers = np.where((A > 0) & mask, sign * extend(value[None, :], A), np.inf)
        who, best = offers.argmin(axis=1), offers.min(axis=1)
        new = (best < np.inf) & (~mask | (best < sign * value))
        if not new.any():
            return trace
        value, pi = np.where(new, sign * best, value), np.where(new, who, pi)
        mask = mask | new


def bellman_ford(A: NDArray, source: int) -> list[State]:
    """Distances and pointers after each round of relaxing all edges at once."""
    return _relax(A, source, 0.0, 1, np.add)


def widest(A: NDArray, source: int) -> list[State]:
    """Widths (largest smallest weight on a path) and pointers; the source has width 1."""
    return _relax(A, source, 1.0, -1, np.minimum)


def mis_sequential(A: NDArray, source: int = 0) -> list[State]:
    """Greedy independent set, a node a step in the order of ids."""
    inside, ids = np.zeros(len(A), bool), np.arange(len(A))
    trace = [{"inside": inside.copy(), "done": ids < 0}]
    for i in ids:
        inside[i] = not (A[i] > 0)[inside].any()
        trace.append({"inside": inside.copy(), "done": ids <= i})
    return trace


def mis_rounds(A: NDArray, source: int = 0) -> list[State]:
    """The same set, with all nodes at once that no open neighbour of lower id holds back."""
    edge, inside, done, trace = A > 0, np.zeros(len(A), bool), np.zeros(len(A), bool), []
    while True:
        trace.append({"inside": inside, "done": done})
        if done.all():
            return trace
        joins = ~done & ~(np.tril(edge) & ~done).any(axis=1)
        inside, done = inside | joins, done | joins | (edge & joins).any(axis=1)


def dfs(A: NDArray, source: int = 0) -> list[State]:
    """Depth-first search over all roots with the CLRS hints: 3n of them, one node a step."""
    n, edge = len(A), A > 0
    color, d, f = np.zeros(n, int), np.zeros(n), np.zeros(n)
    pi, s_prev, time, trace = np.arange(n), np.arange(n), 0.0, []

    def push(s, u, v, last):
        now = {"pi": pi, "color": color, "d": d, "f": f, "s_prev": s_prev, "time": np.full(n, time)}
        now = {name: values.copy() for name, values in now.items()}
        trace.append(now | {"s": s, "u": u, "v": v, "s_last": last})

    for s in range(n):
        if color[s]:
            continue
        u = v = last = s
        push(s, u, v, last)
        while True:
            if not d[u]:
                time += 0.01
                d[u], color[u] = time, 1
                push(s, u, v, last)
            white = edge[u] & (color == 0)
            v = int(white.argmax()) if white.any() else n - 1
            if white.any():
                pi[v], color[v], s_prev[v], last = u, 1, last, v
                push(s, u, v, last)
            if last == u:
                time += 0.01
                color[u], f[u] = 2, time
                push(s, u, v, last)
                if s_prev[u] == u:
                    break
                s_prev[last], last = last, s_prev[last]
            u = int(last)
    return trace


@dataclass(frozen=True)
class HintTask:
    """A trace, the kind of each hint, and which is the answer; "steps" where one node acts."""

    name: str
    trace: Callable[[NDArray, int], list[State]]
    hints: dict[str, str]
    output: str = "pi"
    weighted: bool = False
    rooted: bool = True
    depth: str = "rounds"


_DFS = {"pi": "pointer", "color": "three", "d": "scalar", "f": "scalar", "s_prev": "pointer",
        "s": "node", "u": "node", "v": "node", "s_last": "node", "time": "scalar"}  # fmt: skip
_PATHS = {"mask": "mask", "pi": "pointer", "value": "scalar"}
_SET = {"inside": "mask", "done": "mask"}
TASKS = {task.name: task for task in (
    HintTask("bfs", bfs, {"reach": "mask", "pi": "pointer"}),
    HintTask("bellman-ford", bellman_ford, _PATHS, weighted=True),
    HintTask("widest", widest, _PATHS, weighted=True),
    HintTask("mis-rounds", mis_rounds, _SET, "inside", rooted=False),
    HintTask("mis-sequential", mis_sequential, _SET, "inside", rooted=False, depth="steps"),
    HintTask("dfs", dfs, _DFS, rooted=False, depth="steps"),
)}  # fmt: skip


@dataclass(frozen=True, eq=False)
class TraceBatch:
    """Graphs of one size: ``A`` (B, n, n), ``source`` (B,), ``lengths`` (B,), hints (T, B, n)."""

    A: NDArray[np.float64]
    source: NDArray[np.int64]
    lengths: NDArray[np.int64]
    hints: dict[str, NDArray]


def stack(task: HintTask, graphs: NDArray, sources: NDArray) -> TraceBatch:
    """Return a batch of traces; a hint of kind "node" has the shape (T, B)."""
    traces = [task.trace(A, int(s)) for A, s in zip(graphs, sources, strict=True)]
    lengths = np.array([len(trace) for trace in traces])
    hints = {name: np.array([[trace[min(t, len(trace) - 1)][name] for trace in traces]
                             for t in range(lengths.max())]) for name in task.hints}  # fmt: skip
    return TraceBatch(np.asarray(graphs), np.asarray(sources), lengths, hints)


def draw(task: HintTask, n: int, graphs: int, rng, p: float = 0.25) -> TraceBatch:
    """Return a batch of random graphs; their weights are ones for a task without weights."""
    checks.instance("task", task, HintTask), checks.integers(1, n=n, graphs=graphs)
    A = np.stack([random_graph(n, rng, p) for _ in range(graphs)])
    return stack(task, A if task.weighted else (A > 0).astype(float), rng.integers(0, n, graphs))
