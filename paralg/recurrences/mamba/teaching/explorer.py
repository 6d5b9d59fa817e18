"""Explorer: sixteen gates that can be dragged, the tree that composes them, the states it gives."""

import math
from pathlib import Path

import numpy as np

from paralg.core.primitives import AFFINE, scan
from paralg.recurrences.mamba.theory import gated_recurrence

__all__ = ["INPUT", "explorer"]

INPUT = (2.0, -1.0, 3.0, 0.5, -2.0, 1.0, 2.5, -0.5, 1.5, -3.0, 0.0, 2.0, -1.5, 1.0, 3.0, -2.5)
_START = (0.3, 0.3, 3.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 3.0, 0.1, 0.1, 0.1, 0.3, 0.3, 0.3)
_PRESETS = {"remember two": _START, "constant": (0.3,) * 16, "all open": (3.0,) * 16,
            "all shut": (0.0,) * 16}  # fmt: skip
_METHODS = {"sequential": "loop", "kogge-stone": "Kogge–Stone", "brent-kung": "Brent–Kung"}


def explorer():
    """Return the interactive figure: drag step sizes, choose a scan, walk through its rounds."""
    from paralg.figures import Explorer

    networks = [_network(method) for method in _METHODS]
    presets = [{"label": label, "deltas": list(deltas)} for label, deltas in _PRESETS.items()]
    return Explorer(
        name="mamba-gate",
        script=Path(__file__).with_name("explorer.js"),
        state={"input": INPUT, "deltas": _START, "presets": presets, "networks": networks},
        still=_still(),
        caption="Sixteen tokens through a one-state model. Bars: step size Δ; a filled leaf keeps "
        "the past, an empty one takes the input. Each row of discs is a round of the scan, filled "
        "by how much of the past the composed map keeps. Below: input and state.",
        alt="Bars of step sizes, high at tokens 3 and 10, over a Brent-Kung tree; below, the state "
        "jumps to the input at those two tokens and holds it in between.",
        table=(
            ("scan", "rounds", "combines"),
            [(one["label"], one["span"], one["work"]) for one in networks],
        ),
    )


def _network(method: str) -> dict:
    """Return the rounds of a scan of sixteen maps, traced in the core, as JSON values."""
    run = scan(AFFINE, (np.ones(16), np.ones(16)), method=method, trace=True)
    return {
        "id": method, "label": _METHODS[method], "levels": run.levels, "work": run.cost.work,
        "span": run.cost.span,
    }  # fmt: skip


def _still():
    """Draw step sizes, Brent–Kung tree, input and states of the start."""
    import matplotlib.pyplot as plt

    fig, (top, tree, low) = plt.subplots(
        3, figsize=(6.4, 5.0), sharex=True, gridspec_kw={"height_ratios": [1, 2.2, 1.3]}
    )
    _draw_steps(top)
    _draw_tree(tree, _network("brent-kung")["levels"])
    _draw_states(low)
    return fig


def _draw_steps(ax) -> None:
    from paralg.figures import VERMILION

    ax.bar(range(1, 17), _START, color=VERMILION, width=0.6)
    ax.set(ylabel="step size Δ", yticks=[0, 3], xlim=(0.4, 16.6))


def _draw_tree(ax, levels) -> None:
    from paralg.figures import BLUE, GREY

    kept = [math.exp(-delta) for delta in _START]
    ax.scatter(range(1, 17), [0] * 16, c=[(BLUE, k) for k in kept], edgecolors=BLUE, s=45, zorder=3)
    for row, pairs in enumerate(levels, 1):
        before = list(kept)
        for source, target in pairs:
            kept[target] = before[target] * before[source]
            edge = [source + 1, target + 1], [1 - row, -row]
            ax.plot(*edge, color=GREY, lw=0.9, marker="", ls="-")
            shade = [(BLUE, kept[target])]  # as strong as the map keeps the past
            ax.scatter(target + 1, -row, c=shade, edgecolors=BLUE, s=45, zorder=3)
    ax.vlines(range(1, 17), -len(levels), 0, color=GREY, lw=0.5, alpha=0.5)
    ax.set(ylabel="rounds", yticks=[-row for row in range(len(levels) + 1)])
    ax.set_yticklabels(range(len(levels) + 1))


def _draw_states(ax) -> None:
    from paralg.figures import GREY, VERMILION

    tokens, states = range(1, 17), gated_recurrence(INPUT, -np.expm1(-np.array(_START)))
    ax.plot(tokens, INPUT, ls="", marker="o", mfc="none", mew=1, color=GREY)
    ax.step(tokens, states, where="mid", color=VERMILION, marker="", ls="-")
    ax.set(xlabel="token", ylabel="input, state", xticks=[1, 4, 8, 12, 16])
