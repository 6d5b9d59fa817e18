"""Explorer: one graph, four trained networks; move the halting bias and see who stops when."""

from __future__ import annotations

from pathlib import Path

__all__ = ["NETWORKS", "explorer", "scene"]  # fmt: skip

NETWORKS = {
    "λ = 0.001": "reach-ponder-0.001",
    "λ = 0.01": "reach-low-2",
    "λ = 0.1": "reach-ponder-0.1",
    "λ = 0.01, bias 1": "reach-official-2",
}
"""Ponder weight of a network (the first three begin with bias -2) and the run that made it."""

_NODES, _STEPS, _EPSILON = 12, 7, 0.01
_SEED = 21


def scene():
    """Return the explorer's graph, its nodes in order of distance, the unreached ones last."""
    import numpy as np
    import torch

    from paralg.recurrences.universal_transformer.experiments.tasks import GraphBatch, Reachability

    drawn = Reachability(_NODES).draw(1, np.random.default_rng(_SEED))
    far = torch.where(drawn.distance < 0, 99, drawn.distance)[0]
    order = torch.argsort(far, stable=True)
    return GraphBatch(
        drawn.symbols[:, order], drawn.attention_mask[:, order][:, :, order],
        drawn.distance[:, order],
    )  # fmt: skip


def explorer():
    """Return the interactive figure: halting mass of each node after each step."""
    from paralg.figures import Explorer

    graph = scene()
    networks = [_network(label, run, graph) for label, run in NETWORKS.items()]
    rows = [
        (one["label"], node + 1, "none" if hops < 0 else hops, one["taken"][node])
        for one in networks
        for node, hops in enumerate(graph.distance[0].tolist())
    ]
    return Explorer(
        name="universal-transformer-halting",
        script=Path(__file__).with_name("explorer.js"),
        state={
            "distance": graph.distance[0].tolist(), "edges": _edges(graph), "networks": networks,
            "epsilon": _EPSILON,
        },
        still=_still(graph, networks[1]),
        caption="Twelve nodes of a forest, seven steps. Each cell is filled by the halting mass "
        "that its node has gathered; a ring marks the step in which it halts. On the left the "
        "hops from the source (– for a node that it does not reach), on the right the answer.",
        alt="Grid of twelve nodes by seven steps: nodes near the source have full cells early, "
        "distant ones later, and nodes that are not reached fill up only in the last step.",
        table=(("network", "node", "hops from the source", "steps N"), rows),
    )  # fmt: skip


def _network(label: str, name: str, graph) -> dict:
    """Return halting logits, states and readout of a network on the graph, as JSON values."""
    import torch

    from paralg.recurrences.universal_transformer.experiments.runs import load

    model = load(name)
    core = model.core
    bias = core.halting.linear.bias.item()
    with torch.no_grad():
        taken = model(graph.symbols, attention_mask=graph.attention_mask)[1].steps[0].int().tolist()
        core.halting.linear.bias.fill_(-60.0)  # no position halts: all steps are taken
        run = model(graph.symbols, attention_mask=graph.attention_mask, keep=True)[1]
        logits = torch.stack(run.logits)[:, 0] + 60.0 + bias
        readout = model.readout.weight[1] - model.readout.weight[0]
        offset = float(model.readout.bias[1] - model.readout.bias[0])
        offset += float(readout @ core.last_norm.bias)
    return {
        "label": label, "taken": taken, "logits": _short(logits),
        "states": _short(torch.stack(run.states)[:, 0]),
        "readout": _short(readout * core.last_norm.weight),
        "offset": round(offset, 4),
    }  # fmt: skip


def _short(values) -> list:
    """Return numbers with two decimals."""
    import numpy as np

    return np.round(values.detach().numpy().astype(float), 2).tolist()


def _edges(graph) -> list[list[int]]:
    found = graph.attention_mask[0].triu(1).nonzero()
    return found.tolist()


def _masses(network: dict) -> tuple[list[list[float]], list[int]]:
    """Return the halting mass of each node after each step, and N."""
    import numpy as np

    from paralg.recurrences.universal_transformer.theory import halt

    p = 1 / (1 + np.exp(-np.array(network["logits"])))
    paths, taken = [], []
    for node in p.T:
        halted = halt(node.tolist(), epsilon=_EPSILON)
        mass = np.cumsum(halted.weights).tolist()
        paths.append(mass + [mass[-1]] * (_STEPS - len(mass)))
        taken.append(halted.steps)
    return paths, taken


def _still(graph, network: dict):
    """Draw the grid of the network with the middle ponder weight."""
    import matplotlib.pyplot as plt

    from paralg.figures import BLUE, VERMILION

    paths, taken = _masses(network)
    fig, ax = plt.subplots(figsize=(5.6, 4.2))
    for node, path in enumerate(paths):
        for step, mass in enumerate(path):
            square = plt.Rectangle((step + 0.55, node - 0.45), 0.9, 0.9, ec=BLUE, fc=BLUE)
            square.set_alpha(0.12 + 0.85 * mass if step < taken[node] else 0.06)
            ax.add_patch(square)
        ax.plot(taken[node], node, "o", mfc="none", mec=VERMILION, mew=2, ms=11)
    hops = ["–" if k < 0 else str(k) for k in graph.distance[0].tolist()]
    ax.set(xlim=(0.5, _STEPS + 0.5), ylim=(_NODES - 0.5, -0.5), xlabel="step",
           ylabel="hops from the source", xticks=range(1, _STEPS + 1))  # fmt: skip
    ax.set_yticks(range(_NODES), hops)
    return fig
