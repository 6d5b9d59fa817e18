"""Explorer: the compiled weights at work on a graph of eight, at any temperature."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paralg.rounds.neural_compilation.algorithms import (
    BFS,
    BellmanFord,
    CompiledAlgorithm,
    graph_operands,
    run_compiled,
)
from paralg.rounds.neural_compilation.variants import DFS, HighestIdBFS, SelfFirstBFS

__all__ = ["GRAPH", "PLACES", "explorer"]

EDGES = ((0, 1, 2), (0, 2, 1), (1, 3, 1), (2, 3, 2), (2, 4, 3), (3, 5, 2), (4, 5, 1), (4, 6, 2),
         (5, 7, 1), (6, 7, 2), (1, 2, 1))  # fmt: skip
PLACES = ((40, 130), (150, 50), (150, 210), (270, 90), (270, 230), (390, 110), (390, 250),
          (500, 170))  # fmt: skip
BETAS = {"BFS": 1e4, "BFS, highest id": 1e4, "BFS, self first": 1e4, "Bellman–Ford": 1e10,
         "DFS": 50.0}  # fmt: skip
KINDS = dict(zip(BETAS, (BFS, HighestIdBFS, SelfFirstBFS, BellmanFord, DFS), strict=True))


def graph() -> NDArray[np.float64]:
    """Return the weights of the explorer's graph, shape (8, 8)."""
    A = np.zeros((8, 8))
    for i, j, weight in EDGES:
        A[i, j] = A[j, i] = weight
    return A


GRAPH = graph()


def _state(algorithm: CompiledAlgorithm) -> dict:
    """Return layers at beta 1, masks, start and how to read the columns."""
    program = algorithm.programs[0]
    _, edges, masks = graph_operands(GRAPH, algorithm)
    names = ("r", "offset", "d", "a", "pi", "w")
    known = (*program.columns, *program.pairs)
    return {
        "layers": [{name: value.tolist() for name, value in vars(layer).items()
                    if name != "receiver"} for layer in algorithm.layers],
        "edges": edges.tolist(), "masks": [mask.astype(int).tolist() for mask in masks],
        "start": algorithm.start(8, 0).tolist(), "first": algorithm.first,
        "rows": {name: program.row({name: 1.0}).tolist() for name in names if name in known},
        "rounds": run_compiled(KINDS_AT[type(algorithm)], GRAPH).rounds,
    }  # fmt: skip


KINDS_AT = {kind: kind() for kind in KINDS.values()}


def explorer():
    """Return the interactive figure: algorithm, round, temperature, and who looks at whom."""
    from paralg.figures import Explorer

    rows = []
    for name, kind in KINDS.items():
        run = run_compiled(kind(), GRAPH)
        rows.append((name, run.rounds, int(run.active.max()), " ".join(map(str, run.pointers))))
    return Explorer(
        name="neural-compilation", script=Path(__file__).with_suffix(".js"), still=_still(),
        state={"algorithms": {name: _state(kind(beta=1.0)) for name, kind in KINDS.items()},
               "betas": BETAS, "places": [list(place) for place in PLACES],
               "links": [list(edge) for edge in EDGES]},
        caption="Arrows: whom a node attends to, thicker for more. Filled: reached or visited. "
        "The weights are the compiled ones; lower beta, and pointers melt.",
        alt="Two drawings of a graph of eight nodes with attention arrows in round 2: under the "
        "lowest id and self first reached nodes look elsewhere, new pointers are the same.",
        table=(("algorithm", "rounds", "most active at once", "pointers of nodes 0 to 7"), rows),
    )  # fmt: skip


def _still():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.4))
    for ax, kind in zip(axes, (BFS, SelfFirstBFS), strict=True):
        run = run_compiled(kind(), GRAPH)
        for i, j, _ in EDGES:
            ax.plot(*zip(PLACES[i], PLACES[j], strict=True), color="#999999", lw=0.8, marker="")
        for i, row in enumerate(run.attention[1][0]):
            if (j := int(row.argmax())) != i:
                ax.annotate("", PLACES[j], PLACES[i], arrowprops={"arrowstyle": "->",
                            "color": "#D55E00", "shrinkA": 9, "shrinkB": 9})  # fmt: skip
        for (x, y), reached, name in zip(PLACES, kind().get(run.states[2], "r"), range(8),
                                         strict=True):  # fmt: skip
            ax.plot(x, y, "o", ms=13, color="#D55E00" if reached else "#BBBBBB")
            ax.text(x, y, name, ha="center", va="center", color="black", fontsize=8)
        ax.invert_yaxis()
        ax.set_axis_off()
    return fig
