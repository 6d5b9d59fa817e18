"""Explorer: twelve tokens whose scores can be dragged, and the tree of their float16 summaries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from paralg.recurrences.aaren.attention import prefixes

if TYPE_CHECKING:
    from paralg.figures import Explorer

__all__ = ["SCORES", "VALUES", "explorer"]

VALUES = (0.8, -0.6, 0.4, -1.0, 0.2, -0.4, 1.0, 0.6, -0.8, 0.4, -1.0, -0.2)
SCORES = (2.0, 3.0, 1.0, 4.0, 0.0, 2.0, 10.0, 3.0, 1.0, 2.0, 9.0, 4.0)
_PRESETS = {
    "two loud": SCORES, "all equal": (2.0,) * 12,
    "rising": tuple(float(k) for k in range(1, 13)),
    "too loud": (2.0, 3.0, 1.0, 12.0, 0.0, 2.0, 1.0, 3.0, 1.0, 12.0, 4.0, 4.0),
}  # fmt: skip
_METHODS = {
    "brent-kung": "Brent–Kung", "kogge-stone": "Hillis–Steele", "sequential": "token by token",
}  # fmt: skip


def explorer() -> Explorer:
    """Return the interactive figure: drag scores, let tokens arrive, leave out the maximum.

    >>> explorer().name
    'aaren-scan'
    """
    from paralg.figures import Explorer

    networks = {method: [_network(method, n) for n in range(1, 13)] for method in _METHODS}
    presets = [{"label": label, "scores": list(scores)} for label, scores in _PRESETS.items()]
    return Explorer(
        name="aaren-scan",
        script=Path(__file__).with_name("explorer.js"),
        state={"values": VALUES, "scores": SCORES, "presets": presets, "networks": networks,
               "labels": _METHODS},
        still=_still(),
        caption="Twelve tokens, one query, arithmetic in 16-bit floating point. Bars: scores; "
        "below them the values. Each disc of the tree is a summary (m, u, w) and shows its mean "
        "w/u: vermilion above 0, blue with a bar below. At the bottom, values and outputs.",
        alt="Bars of twelve scores, high at tokens 7 and 11, over a Brent-Kung tree of summaries; "
        "below, the output jumps to the value of token 7, and token 11 moves it halfway back.",
        table=(
            ("scan of 12 tokens", "rounds", "unions"),
            [(_METHODS[name], rows[-1]["span"], rows[-1]["work"])
             for name, rows in networks.items()],
        ),
    )  # fmt: skip


def _network(method: str, n: int) -> dict:
    """Return the rounds of a scan of n summaries, traced in the core, as JSON values."""
    run = prefixes(np.zeros(n), np.zeros((n, 1)), method=method, trace=True)
    return {"levels": run.levels, "work": run.cost.work, "span": run.cost.span}


def outputs(scores=SCORES) -> list[float]:
    """Return the outputs of all prefixes, in double precision."""
    return prefixes(np.array(scores), np.array(VALUES)[:, None]).outputs[:, 0].tolist()


def _still():
    """Draw scores, Brent–Kung tree, values and outputs of the start."""
    import matplotlib.pyplot as plt

    from paralg.figures import GREY, VERMILION, scan_network

    shape = {"figsize": (6.4, 5.0), "gridspec_kw": {"height_ratios": [1.2, 2.2, 1.3]}}
    fig, (top, tree, low) = plt.subplots(3, sharex=True, **shape)
    tokens = range(12)
    top.bar(tokens, SCORES, color=VERMILION, width=0.6)
    top.set(ylabel="score s", yticks=[0, 5, 10])
    scan_network(tree, _network("brent-kung", 12)["levels"], 12)
    low.plot(tokens, VALUES, ls="", marker="o", mfc="none", mew=1, color=GREY)
    low.step(tokens, outputs(), where="mid", color=VERMILION, marker="", ls="-")
    low.set(xlabel="token", ylabel="value, output")
    low.set_xticks(tokens, range(1, 13))
    return fig
