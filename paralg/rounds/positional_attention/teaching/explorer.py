"""Explorer: wires of trained models as lines, while the input is scaled; outputs and the truth."""

import functools
from pathlib import Path

import numpy as np
import torch

from paralg.rounds.positional_attention.experiments.runs import RUNS
from paralg.rounds.positional_attention.experiments.tasks import answer

__all__ = ["INPUT", "KINDS", "draw_wires", "explorer", "view"]

INPUT = (0.9, -1.2, 0.4, 1.6, -0.3, -1.8, 1.1, 0.7)
KINDS = {"positional": "positional", "no biases": "homogeneous", "standard": "standard"}
TASKS, MOST = ("sum", "min"), 20


@functools.cache
def weights(task: str, kind: str, scale: float) -> torch.Tensor:
    """Return A of a trained model for the scaled input, (layers, heads, 9, 9)."""
    model = RUNS.load(f"{task}-{KINDS[kind]}")
    with torch.no_grad():
        return model.weights(scale * torch.tensor(INPUT)[:, None])


def view(task: str, kind: str) -> dict:
    """Return wires in tenths, as digits, and outputs of a model for the input times 1 to 20.

    The positional models have one text of wires for all scales.
    """
    model = RUNS.load(f"{task}-{KINDS[kind]}")
    scales = np.arange(1, MOST + 1)
    x = torch.tensor(np.outer(scales, INPUT), dtype=torch.float32)[..., None]
    with torch.no_grad():
        outputs = model(x)[..., 0].double().numpy().round(3).tolist()
    texts = ["".join(str(int(v)) for v in (9.99 * weights(task, kind, float(c))).flatten().tolist())
             for c in (scales if kind == "standard" else scales[:1])]  # fmt: skip
    return {"wires": texts, "outputs": outputs, "truth": answer(task, INPUT).round(6).tolist()}


def explorer():
    """Return the interactive figure: a task, a model, a head, and a factor of the input."""
    from paralg.figures import Explorer

    views = {f"{task} {kind}": view(task, kind) for task in TASKS for kind in KINDS}
    rows = [(task, kind, c, f"{_error(views[f'{task} {kind}'], c):.2g}")
            for task in TASKS for kind in KINDS for c in (1, 5, 20)]  # fmt: skip
    return Explorer(
        name="positional-attention",
        script=Path(__file__).with_suffix(".js"),
        state={"views": views, "input": list(INPUT), "tasks": list(TASKS), "kinds": list(KINDS)},
        still=_still(),
        caption="Who reads whom, in four layers of one head. A line is as thick as its weight; ∅ "
        "is the scratch node.",
        alt="Four layers of lines between nine nodes. Those of the positional model stay as they "
        "are when the input is multiplied, those of the standard model move.",
        table=(("task", "model", "input times", "mean squared error"), rows),
    )  # fmt: skip


def _error(found: dict, scale: int) -> float:
    outputs = np.array(found["outputs"][scale - 1])
    return float(((outputs - scale * np.array(found["truth"])) ** 2).mean())


def draw_wires(ax, layers, colour: str, values=()) -> None:
    """Draw weights (layers, n + 1, n + 1) as lines between rows of nodes, inputs on top.

    Nodes are dots, or the numbers that they have before and after each layer.
    """
    layers, short = np.asarray(layers), 0.2 if len(values) else 0
    depth, nodes, _ = layers.shape
    for t, table in enumerate(layers):
        for i, j in zip(*np.nonzero(table >= 0.08), strict=True):
            ends = np.array([short, 1 - short])
            ax.plot(j + (i - j) * ends, -t - ends, color=colour, lw=3 * table[i, j], ls="-",
                    marker="", alpha=0.3 + 0.7 * table[i, j])  # fmt: skip
    for t in range(depth + 1):
        if short:
            for i, value in enumerate(values[t]):
                ax.text(i, -t, f"{value:.0f}", ha="center", va="center")
        else:
            ax.plot(range(nodes), [-t] * nodes, "o", color="#7f7f7f", ms=5, ls="")
    ax.set(xticks=range(nodes), xticklabels=[*range(1, nodes), "∅"], yticks=[])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def _still():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8))
    for ax, scale in zip(axes, (1, 10), strict=True):
        draw_wires(ax, weights("sum", "standard", float(scale))[:, 0], "#0072B2")
        ax.set_xlabel(f"standard, input times {scale}")
    return fig
