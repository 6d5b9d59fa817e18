"""Explorer: the compiled weights at work on a graph of eight, at any temperature."""

from pathlib import Path

import numpy as np

from paralg.rounds.neural_compilation import (
    BFS,
    DFS,
    BellmanFord,
    CompiledAlgorithm,
    HighestIdBFS,
    SelfFirstBFS,
    run_compiled,
)  # fmt: skip
from paralg.rounds.neural_compilation.algorithms import graph_operands

__all__ = ["GRAPH", "PLACES", "explorer"]

EDGES = ((0, 1, 2), (0, 2, 1), (1, 3, 1), (2, 3, 2), (2, 4, 3), (3, 5, 2), (4, 5, 1), (4, 6, 2),
         (5, 7, 1), (6, 7, 2), (1, 2, 1))  # fmt: skip
PLACES = ((40, 130), (150, 50), (150, 210), (270, 90), (270, 230), (390, 110), (390, 250),
          (500, 170))  # fmt: skip
BETAS = {"BFS": 1e4, "BFS, highest id": 1e4, "BFS, self first": 1e4, "Bellman–Ford": 1e10,
         "DFS": 1e2}  # fmt: skip
KINDS = dict(zip(BETAS, (BFS, HighestIdBFS, SelfFirstBFS, BellmanFord, DFS), strict=True))


GRAPH = np.zeros((8, 8))
for i, j, weight in EDGES:
    GRAPH[i, j] = GRAPH[j, i] = weight


def _state(algorithm: CompiledAlgorithm) -> dict:
    """Return layers at beta 1, masks, start and how to read the columns."""
    program = algorithm.programs[0]
    _, edges, masks = graph_operands(GRAPH, algorithm)
    known = {*program.columns, *program.pairs} & {"r", "offset", "d", "a", "pi", "w"}
    return {
        "layers": [{name: value.tolist() for name, value in vars(layer).items()
                    if name != "receiver"} for layer in algorithm.layers],
        "edges": edges.tolist(), "masks": [mask.astype(int).tolist() for mask in masks],
        "start": algorithm.start(8, 0).tolist(), "first": algorithm.first,
        "rows": {name: program.row({name: 1.0}).tolist() for name in sorted(known)},
        "rounds": run_compiled(type(algorithm)(), GRAPH).rounds,
    }  # fmt: skip


def explorer():
    """Return the interactive figure: algorithm, round, temperature, and who looks at whom."""
    from paralg.figures import Explorer

    runs = {name: run_compiled(kind(), GRAPH) for name, kind in KINDS.items()}
    rows = [(name, run.rounds, int(run.active.max()), " ".join(map(str, run.pointers)))
            for name, run in runs.items()]  # fmt: skip
    return Explorer(
        name="neural-compilation", script=Path(__file__).with_suffix(".js"), still=_still(),
        state={"algorithms": {name: _state(kind(beta=1.0)) for name, kind in KINDS.items()},
               "betas": BETAS, "places": [list(place) for place in PLACES],
               "links": [list(edge) for edge in EDGES]},
        caption="Arrows: whom a node attends to, thicker for more. Filled: reached or visited. "
        "The weights are the compiled ones; lower beta, and pointers melt.",
        alt="Line chart: active nodes against rounds on a graph of eight; breadth-first search "
        "and Bellman–Ford have two in most of five rounds, depth-first search one in fifteen.",
        table=(("algorithm", "rounds", "most active at once", "pointers of nodes 0 to 7"), rows),
    )  # fmt: skip


def _still():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5.2, 2.4))
    for name, dash in (("BFS", "-"), ("Bellman–Ford", "--"), ("DFS", ":")):
        active = run_compiled(KINDS[name](), GRAPH).active
        ax.plot(range(1, 1 + len(active)), active, dash, label=name, marker="")
    ax.set(xlabel="round", ylabel="active nodes")
    ax.legend()
    return fig
