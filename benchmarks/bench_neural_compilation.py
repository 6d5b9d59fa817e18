"""Compiled breadth-first search: our layer, the same weights in ``GATv2Conv``, and networkx.

    python -m benchmarks.bench_neural_compilation [--quick]

All find reached nodes in the same rounds; networkx breaks ties in its own way. ``ratio`` is how
many times faster our layer is than the method of the row. PyTorch Geometric, in float64 and on one
thread, is timed where it is installed; no extra has it.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import torch
from torch import nn

from benchmarks._common import Standard, rows_of
from benchmarks._common import main as run_main
from paralg.core.timing import compare
from paralg.rounds.neural_compilation import BFS, DFS, BellmanFord, run_compiled
from paralg.rounds.neural_compilation.algorithms import CompiledAlgorithm, graph_operands
from paralg.rounds.neural_compilation.experiments.traces import random_graph
from paralg.rounds.neural_compilation.layer import SLOPE, GATv2Weights

__all__ = ["GeometricLayer", "geometric_run", "main", "run"]

OURS, PEER, PLAIN = "compiled, dense layer", "compiled, GATv2Conv", "networkx"
BENCH, SIZES = "breadth-first search in weights", (8, 16, 32)


def graph(n: int) -> np.ndarray:
    """Return the graph that is timed: unit weights, about n²/4 edges."""
    return (random_graph(n, np.random.default_rng(n), 0.5) > 0).astype(float)


@cache
def looks_over_rounds(n: int) -> float:
    """Return looks of a sequential search, at nodes and both ends of edges, over rounds."""
    A = graph(n)
    return (n + int(A.sum())) / run_compiled(BFS(), A).rounds


STANDARD = Standard(
    chapter="neural_compilation", task="Breadth-first search by compiled weights", bench=BENCH,
    ours=OURS, peer=PEER, size_name="nodes", headline=16, counted=looks_over_rounds,
    counted_name="looks of a sequential search over rounds of the network",
)  # fmt: skip


class GeometricLayer(nn.Module):
    """A compiled layer as a public ``GATv2Conv``, with its two key columns dropped after ReLU.

    One matrix serves keys and values there, so both are stacked: lin_l = [W_1 | W_m], lin_r =
    [W_2 | 0], att = [a | 0], res = [0 | W_s]. Its edge term enters the logit only: a layer with an
    edge in its message does not load, a ValueError.
    """

    def __init__(self, weights: GATv2Weights):
        from torch_geometric.nn import GATv2Conv

        super().__init__()
        if weights.message_edge.any():
            raise ValueError("message_edge must be zero: GATv2Conv has no edge in its message")
        (keys, columns), width = weights.sender.shape, len(weights.bias)
        self.keys, none = keys, np.zeros
        conv = GATv2Conv(columns, keys + width, edge_dim=weights.edge.shape[1], residual=True,
                         negative_slope=SLOPE, add_self_loops=False).double()  # fmt: skip
        filled = {
            "lin_l.weight": np.vstack([weights.sender, weights.message]),
            "lin_r.weight": np.vstack([weights.receiver, none((width, columns))]),
            "lin_edge.weight": np.vstack([weights.edge, none((width, weights.edge.shape[1]))]),
            "att": np.concatenate([weights.logit, none(width)])[None, None],
            "res.weight": np.vstack([none((keys, columns)), weights.own]),
            "bias": np.concatenate([none(keys), weights.bias]),
            "lin_l.bias": none(keys + width), "lin_r.bias": none(keys + width),
        }  # fmt: skip
        conv.load_state_dict({name: torch.as_tensor(value) for name, value in filled.items()})
        self.conv = conv

    def forward(self, z: torch.Tensor, index: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """Return new columns; ``index`` (2, m) has senders and receivers, ``edges`` (m, E)."""
        return torch.relu(self.conv(z, index, edges))[:, self.keys :]


def geometric_operands(edges: np.ndarray, mask: np.ndarray):
    """Return index (2, m) and features (m, E) of the pairs that attend."""
    receiver, sender = np.nonzero(mask)
    return (torch.from_numpy(np.stack([sender, receiver])),
            torch.from_numpy(edges[receiver, sender]))  # fmt: skip


def networkx_pointers(graph, source: int) -> dict[int, int]:
    """Return predecessors of a breadth-first search by networkx, in the order of ids."""
    import networkx as nx

    return dict(nx.bfs_predecessors(graph, source, sort_neighbors=sorted))


def geometric_run(layer: GeometricLayer, A: np.ndarray) -> np.ndarray:
    """Run a compiled algorithm through ``GATv2Conv`` until nothing changes; return its columns."""
    algorithm = BFS()
    _, edges, (mask,) = graph_operands(A, algorithm)
    index, features = geometric_operands(edges, mask)
    z = torch.from_numpy(algorithm.start(len(A), 0))
    with torch.no_grad():
        while algorithm.changed(z.numpy(), (new := layer(z, index, features)).numpy()):
            z = new
    return new.numpy()


def run(quick: bool = False) -> list[dict]:
    """Time one search on graphs of several sizes, and the other algorithms against networkx."""
    found, repeats = [], 5 if quick else 15
    for n in SIZES[:1] if quick else SIZES:
        found += _search(n, repeats)
    return [*found, *_others(SIZES[0] if quick else SIZES[-1], repeats)]


def _search(n: int, repeats: int) -> list[dict]:
    import networkx as nx

    A, algorithm = graph(n), BFS()
    theirs, ours = nx.from_numpy_array(A), run_compiled(algorithm, A)
    ways = {OURS: partial(run_compiled, algorithm, A), PLAIN: partial(networkx_pointers, theirs, 0)}
    try:
        layer = GeometricLayer(algorithm.layers[0])
    except ImportError:
        layer = None
    if layer is not None:
        if np.abs(geometric_run(layer, A) - ours.states[-1]).max() > 1e-9:
            raise ValueError("expected the columns of our layer from GATv2Conv, got others")
        ways[PEER] = partial(geometric_run, layer, A)
    notes = {OURS: f"{ours.rounds} rounds, {ours.cost.work:,} logits",
             PEER: "the same weights, float64, pairs that attend only",
             PLAIN: f"sequential: {n} nodes, {int(A.sum())} ends of edges"}  # fmt: skip
    timings = compare(ways, repeats=repeats, threads=1, min_seconds=2e-2)
    return rows_of(timings, BENCH, n, OURS, notes)


def _others(n: int, repeats: int) -> list[dict]:
    """Time the other compiled algorithms against sequential ones of networkx."""
    import networkx as nx

    A, rows = random_graph(n, np.random.default_rng(n), 0.5), []
    theirs = nx.from_numpy_array(A)
    peers: list[tuple[str, CompiledAlgorithm, partial]] = [
        ("shortest paths in weights", BellmanFord(),
         partial(nx.single_source_bellman_ford, theirs, 0)),
        ("depth-first search in weights", DFS(),
         partial(nx.dfs_predecessors, theirs, 0, sort_neighbors=sorted)),
    ]  # fmt: skip
    for bench, algorithm, peer in peers:
        done = run_compiled(algorithm, A)
        ways = {OURS: partial(run_compiled, algorithm, A), PLAIN: peer}
        notes = {OURS: f"{done.cost.rounds} layers, {done.cost.work:,} logits"}
        timings = compare(ways, repeats=repeats, threads=1, min_seconds=2e-2)
        rows += rows_of(timings, bench, n, OURS, notes)
    return rows


def main(argv: list[str] | None = None) -> None:
    """Print the table; write ``results/neural_compilation.json`` and the standard speed-up."""
    run_main(run, "neural_compilation", argv, STANDARD)


if __name__ == "__main__":
    main()
