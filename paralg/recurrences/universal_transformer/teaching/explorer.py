"""Explorer: one graph, four trained networks; move the halting bias and see who stops when."""

from pathlib import Path

import numpy as np
import torch

from paralg.recurrences.universal_transformer.experiments.runs import load
from paralg.recurrences.universal_transformer.experiments.tasks import GraphBatch, Reachability
from paralg.recurrences.universal_transformer.theory import halt

__all__ = ["NETWORKS", "explorer", "scene"]

NETWORKS = {
    "λ = 0.001": "reach-ponder-0.001", "λ = 0.01": "reach-low-2",
    "λ = 0.1": "reach-ponder-0.1", "λ = 0.01, bias 1": "reach-official-2",
}  # fmt: skip
"""Ponder weight of a network (the first three begin with bias -2) and the run that made it."""

_NODES, _STEPS, _EPSILON, _SEED = 12, 7, 0.01, 21


def scene():
    """Return the explorer's graph, its nodes in order of distance, the unreached ones last."""
    drawn = Reachability(_NODES).draw(1, np.random.default_rng(_SEED))
    far = torch.where(drawn.distance < 0, 99, drawn.distance)[0]
    order = torch.argsort(far, stable=True)
    mask = drawn.attention_mask[:, order][:, :, order]
    return GraphBatch(drawn.symbols[:, order], mask, drawn.distance[:, order])


def explorer():
    """Return the interactive figure: halting mass of each node after each step."""
    from paralg.figures import Explorer

    graph = scene()
    distance = graph.distance[0].tolist()
    networks = [_network(label, run, graph) for label, run in NETWORKS.items()]
    rows = [
        (one["label"], node + 1, "none" if hops < 0 else hops, one["taken"][node])
        for one in networks
        for node, hops in enumerate(distance)
    ]
    return Explorer(
        name="universal-transformer-halting",
        script=Path(__file__).with_name("explorer.js"),
        state={"distance": distance, "networks": networks, "epsilon": _EPSILON,
               "edges": graph.attention_mask[0].triu(1).nonzero().tolist()},
        still=_still(distance, networks[1]),
        caption="Twelve nodes of a forest, seven steps. Each cell is filled by the halting mass "
        "that its node has gathered; a ring marks the step in which it halts. On the left the "
        "hops from the source (– for a node that it does not reach), on the right the answer.",
        alt="Grid of twelve nodes by seven steps: nodes near the source have full cells early, "
        "distant ones later, and nodes that are not reached fill up only in the last step.",
        table=(("network", "node", "hops from the source", "steps N"), rows),
    )  # fmt: skip


def _network(label: str, name: str, graph) -> dict:
    """Return halting logits, states and readout of a network on the graph, as JSON values."""
    model = load(name)
    core, bias = model.core, model.core.halting.linear.bias
    first, options = bias.item(), {"attention_mask": graph.attention_mask}
    with torch.no_grad():
        taken = model(graph.symbols, **options)[1].steps[0].int().tolist()
        bias.fill_(-60.0)  # no position halts: all steps are taken
        run = model(graph.symbols, **options, keep=True)[1]
        readout, offset = (part[1] - part[0] for part in (model.readout.weight, model.readout.bias))
        offset = float(offset) + float(readout @ core.last_norm.bias)
        found = {
            "logits": torch.stack(run.logits)[:, 0] + 60.0 + first,
            "states": torch.stack(run.states)[:, 0],
            "readout": readout * core.last_norm.weight,
        }
    short = {k: np.round(part.numpy().astype(float), 2).tolist() for k, part in found.items()}
    return {"label": label, "taken": taken, **short, "offset": round(offset, 4)}


def _still(distance: list[int], network: dict):
    """Draw the grid of the network with the middle ponder weight."""
    import matplotlib.pyplot as plt

    from paralg.figures import BLUE, VERMILION

    p = 1 / (1 + np.exp(-np.array(network["logits"])))
    fig, ax = plt.subplots(figsize=(5.6, 4.2))
    for node, column in enumerate(p.T):
        halted = halt(column.tolist(), epsilon=_EPSILON)
        alphas = np.full(_STEPS, 0.06)
        alphas[: halted.steps] = 0.12 + 0.85 * np.cumsum(halted.weights)
        for step, alpha in enumerate(alphas):
            square = plt.Rectangle((step + 0.55, node - 0.45), 0.9, 0.9, ec=BLUE, fc=BLUE)
            ax.add_patch(square).set_alpha(alpha)
        ax.plot(halted.steps, node, "o", mfc="none", mec=VERMILION, mew=2, ms=11)
    hops = ["–" if k < 0 else str(k) for k in distance]
    ax.set(xlim=(0.5, _STEPS + 0.5), ylim=(_NODES - 0.5, -0.5), xlabel="step",
           ylabel="hops from the source", xticks=range(1, _STEPS + 1))  # fmt: skip
    ax.set_yticks(range(_NODES), hops)
    return fig
