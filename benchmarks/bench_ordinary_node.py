"""Rounds on cycles and random graphs: our compiled rounds, our message loop, a loop over networkx.

    python -m benchmarks.bench_ordinary_node [--quick]

All find the same outputs in the same rounds. The peer is what a user of networkx would write: a
dictionary of states, an inbox for each node that is filled edge by edge, until all have stopped.
``ratio`` is how many times faster the compiled rounds are than the method of the row.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache, partial

import numpy as np

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.random import uniform
from paralg.core.timing import compare
from paralg.rounds.ordinary_node import (
    ColourByOrder,
    LubyMIS,
    MISByOrder,
    PortGraph,
    cycle,
    run_compacted,
    run_local,
    warm,
)
from paralg.rounds.ordinary_node.experiments.trials import random_graph

__all__ = ["main", "message_loop", "run"]

OURS, PLAIN, PEER = "compiled rounds", "message loop, plain", "message loop, networkx"
GREEDY = "greedy_color, networkx"
BENCH = "colour a ring by order"
SIZES = (1_000, 10_000, 100_000)
PROGRAMS = {"colour by order": ColourByOrder, "mis by order": MISByOrder, "luby": LubyMIS}


@cache
def waiting(n: int) -> float:
    """Return looks at a node, if all are looked at in all rounds, over those at active nodes."""
    run = run_compacted("colour by order", cycle(n), identifiers(n))
    return n * run.most / run.cost.work


STANDARD = Standard(
    chapter="ordinary_node", task="A ring coloured by the order of identifiers", bench=BENCH,
    ours=OURS, peer=PEER, size_name="nodes", headline=100_000, counted=waiting,
    counted_name="largest radius over mean radius: looks at nodes that have stopped",
)  # fmt: skip


def identifiers(n: int) -> np.ndarray:
    """Return a random order of identifiers."""
    return np.random.default_rng(0).permutation(n)


def message_loop(graph, send: Callable, receive: Callable) -> tuple[dict, dict]:
    """Run rounds on a graph of networkx until all nodes have an output; return outputs and radii.

    ``send(v, t, outputs)`` is a node's message, ``receive(v, inbox, t)`` its output or None.
    """
    outputs: dict[Hashable, object] = {}
    radii: dict[Hashable, int] = {}
    t = 0
    while len(radii) < len(graph):
        t += 1
        inbox: dict[Hashable, list] = {v: [] for v in graph}
        for v in graph:
            message = send(v, t, outputs)
            for u in graph[v]:
                inbox[u].append(message)
        for v in graph:
            if v not in radii:
                output = receive(v, inbox[v], t)
                if output is not None:
                    radii[v] = t
                    outputs[v] = output
    return outputs, radii


def peer(algorithm: str, graph, ids: list[int], draws=None) -> tuple[dict, dict]:
    """Run one of `PROGRAMS` by `message_loop`; ``draws[v][phase]`` are those of Luby's nodes."""

    def colour(v, inbox, t):
        larger = [out for other, out in inbox if other > ids[v]]
        if None in larger:
            return None
        return next(c for c in range(len(larger) + 1) if c not in larger)

    def join(v, inbox, t):
        larger = [out for other, out in inbox if other > ids[v]]
        if 1 in larger:
            return 0
        return None if None in larger else 1

    def luby(v, inbox, t):
        if t % 2:
            mine = draws[v][t // 2], ids[v]
            return 1 if all(key is None or key < mine for key, _ in inbox) else None
        return 0 if any(joined for _, joined in inbox) else None

    def announce(v, t, outputs):
        return ids[v], outputs.get(v)

    def compete(v, t, outputs):
        key = None if v in outputs else (draws[v][(t - 1) // 2], ids[v])
        return key, outputs.get(v) == 1

    receive = {"colour by order": colour, "mis by order": join, "luby": luby}[algorithm]
    return message_loop(graph, compete if algorithm == "luby" else announce, receive)


def as_networkx(graph: PortGraph):
    """Return the graph of networkx with the same nodes and edges."""
    import networkx as nx

    tails = np.repeat(np.arange(graph.n), graph.degree)
    made = nx.Graph()
    made.add_nodes_from(range(graph.n))
    made.add_edges_from(zip(tails.tolist(), graph.neighbours.tolist(), strict=True))
    return made


def run(quick: bool = False) -> list[dict]:
    """Time three algorithms on rings, and two on a random graph."""
    warm()
    found, repeats = [], 2 if quick else 3
    for n in SIZES[:1] if quick else SIZES:
        found += _rows("colour by order", cycle(n), BENCH, repeats, plain=n < 100_000)
    n = SIZES[0] if quick else SIZES[-1]
    found += _rows("mis by order", cycle(n), "independent set of a ring by order", repeats)
    found += _rows("luby", cycle(n), "Luby's independent set of a ring", repeats)
    graph = random_graph(n // 2, 8.0)
    found += _rows("luby", graph, "Luby's independent set of a random graph", repeats)
    return [*found, *_trial(graph, repeats), *_largest(10_000 if quick else 1_000_000, repeats)]


def _rows(algorithm: str, graph: PortGraph, bench: str, repeats: int, plain=False) -> list[dict]:
    """Time one algorithm on one graph, after a look whether all say the same."""
    ids, theirs = identifiers(graph.n), as_networkx(graph)
    ours = run_compacted(algorithm, graph, ids)
    draws = uniform(0, np.arange(graph.n)[:, None], np.arange(ours.most)).tolist()
    ways = {OURS: partial(run_compacted, algorithm, graph, ids),
            PEER: partial(peer, algorithm, theirs, ids.tolist(), draws)}  # fmt: skip
    outputs, radii = ways[PEER]()
    same = [outputs[v] for v in range(graph.n)] == ours.outputs.tolist()
    if not same or [radii[v] for v in range(graph.n)] != ours.radii.tolist():
        raise ValueError(f"expected the same run of {algorithm!r}, got another one")
    if plain:
        ways[PLAIN] = partial(run_local, graph, PROGRAMS[algorithm], ids)
    notes = {OURS: f"{ours.cost.work:,} looks at a node",
             PEER: f"{ours.most} rounds of {graph.n:,} nodes; draws given"
             if algorithm == "luby" else f"{ours.most} rounds of {graph.n:,} nodes"}  # fmt: skip
    timings = compare(ways, repeats=repeats, warmup=0, threads=1)
    return rows_of(timings, bench, graph.n, OURS, notes)


def _trial(graph: PortGraph, repeats: int) -> list[dict]:
    """Time random-trial colouring against a sequential greedy colouring."""
    import networkx as nx

    ids, theirs = identifiers(graph.n), as_networkx(graph)
    ways = {OURS: partial(run_compacted, "trial colouring", graph, ids),
            GREEDY: partial(nx.greedy_color, theirs)}  # fmt: skip
    ours, colours = ways[OURS](), ways[GREEDY]()
    notes = {OURS: f"{ours.most} rounds, {ours.outputs.max() + 1} colours",
             GREEDY: f"sequential, {max(colours.values()) + 1} colours"}  # fmt: skip
    timings = compare(ways, repeats=repeats, warmup=0, threads=1)
    return rows_of(timings, "colour a random graph", graph.n, OURS, notes)


def _largest(n: int, repeats: int) -> list[dict]:
    """Time the largest identifier, all rounds of it; no message loop gets through them."""
    graph, ids = cycle(n), identifiers(n)
    call = partial(run_compacted, "largest id", graph, ids)
    notes = {OURS: f"{call().most:,} rounds, mean radius {call().mean:.3f}"}
    timings = compare({OURS: call}, repeats=repeats, warmup=0, threads=1)
    return rows_of(timings, "largest identifier of a ring", n, OURS, notes)


def main(argv: list[str] | None = None) -> None:
    """Print the table and write ``results/ordinary_node.json``."""
    run_main(run, "ordinary_node", argv, STANDARD)


if __name__ == "__main__":
    main()
