"""Explorer: a ring of 32 whose identifiers can be swapped, and how long each node waits."""

from pathlib import Path

import numpy as np

from paralg.rounds.ordinary_node.fast.graphs import cycle
from paralg.rounds.ordinary_node.fast.rounds import run_compacted
from paralg.rounds.ordinary_node.theory import extremal_ids, worst_sum

__all__ = ["explorer", "orders"]

N = 32
RULES = {"largest identifier": "largest id", "colour by order": "colour by order",
         "set by order": "mis by order", "Cole–Vishkin": "cole-vishkin"}  # fmt: skip


def orders() -> dict[str, list[int]]:
    """Return identifiers of the ring by name: random, the worst, and rising ones."""
    return {"random": np.random.default_rng(7).permutation(N).tolist(),
            "adversary": extremal_ids(N).tolist(), "rising": list(range(N))}  # fmt: skip


def _radii(rule: str, ids):
    return run_compacted(RULES[rule], cycle(N), ids, bits=5).radii


def explorer():
    """Return the interactive figure: swap identifiers, choose a rule, see who waits."""
    from paralg.figures import Explorer

    found = [(name, rule, _radii(rule, ids)) for name, ids in orders().items() for rule in RULES]
    rows = [(f"{rule}, {name}", int(r.max()), f"{r.mean():.2f}", int(r.sum()))
            for name, rule, r in found]  # fmt: skip
    return Explorer(
        name="ordinary-node", script=Path(__file__).with_suffix(".js"), still=_still(),
        state={"orders": orders(), "names": list(orders()), "worst": worst_sum(N),
               "rules": [*RULES, "two colours"]},
        caption="A bar a node: how many rounds it waits. The arc is what the chosen node has seen "
        "when it stops. Drag a node onto another, and they swap identifiers.",
        alt="Two bar charts of the radii of 32 nodes: with random identifiers all but one node "
        "wait few rounds; with the worst ones bars of 1, 2, 4 and 8 repeat like marks of a ruler.",
        table=(("rule and identifiers", "largest radius", "mean", "sum"), rows),
    )  # fmt: skip


def _still():
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(6.4, 2.6), sharey=True)
    for ax, name in zip(axes, ("random", "adversary"), strict=True):
        ax.bar(range(N), _radii("largest identifier", orders()[name]), color="#D55E00")
        ax.set(xlabel=f"node, {name} identifiers")
    axes[0].set_ylabel("radius")
    return fig
