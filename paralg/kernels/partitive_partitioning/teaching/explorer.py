"""The chapter's explorer: ✎ what the reader moves, and what there is to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paralg.core.cost import brent
from paralg.kernels.partitive_partitioning.method import in_parallel

__all__ = ["explorer"]

_WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def explorer():
    """Return the `paralg.figures.Explorer`; its script computes from the state given here."""
    from paralg import figures

    cost = in_parallel(np.ones(1024)).cost
    bounds = [brent(cost, p=p).upper for p in _WORKERS]
    return figures.Explorer(
        name="partitive-partitioning",
        script=Path(__file__).with_suffix(".js"),
        state={"work": cost.work, "span": cost.span},
        still=_still(cost, bounds),
        caption="✎ Sum of 1,024 numbers along a tree: the time that Brent's theorem promises.",
        alt="Line chart: promised time against workers, log axes; it falls until the span is left.",
        table=(["workers", "time at most"], list(zip(_WORKERS, bounds, strict=True))),
    )


def _still(cost, bounds):
    import matplotlib.pyplot as plt

    from paralg import figures

    with plt.rc_context(figures.rc()):
        fig, ax = plt.subplots(figsize=(6.4, 3))
        ax.plot(_WORKERS, bounds, color=figures.VERMILION, label="Brent's bound")
        span = [cost.span] * len(_WORKERS)
        ax.plot(_WORKERS, span, color=figures.GREEN, ls="-.", marker="", label="span")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)
        ax.set(xlabel="workers $p$", ylabel="additions in a row")
        figures.name_lines(ax)
    return fig
