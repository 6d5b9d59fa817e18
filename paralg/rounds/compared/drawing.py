"""A picture of rounds: who has its sum when, and which messages were sent."""

import numpy as np

from paralg import figures
from paralg.core import checks
from paralg.rounds.compared.machines import RoundTable

__all__ = ["draw_rounds"]


def draw_rounds(ax, table: RoundTable) -> None:
    """Draw workers from left to right and rounds downwards; a full disc has its sum.

    Parameters
    ----------
    ax : matplotlib Axes
    table : RoundTable
    """
    checks.instance("table", table, RoundTable)
    for t, wires in enumerate(table.wires):
        for source, target in wires:
            ax.plot([source, target], [t, t + 1], color=figures.VERMILION, ls="-", lw=1.2,
                    zorder=1)
    for done, color in ((False, "white"), (True, figures.BLUE)):
        t, worker = np.nonzero(table.complete == done)
        ax.scatter(worker, t, s=60, color=color, edgecolor=figures.BLUE, zorder=2)
    ax.invert_yaxis()
    ax.set(xlabel="worker", ylabel="after round", xticks=range(table.complete.shape[1]),
           yticks=range(len(table.complete)))  # fmt: skip
