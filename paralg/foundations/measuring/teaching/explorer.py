"""Explorer: what one would conclude from real timings, by statistic, order and repeats."""

from pathlib import Path

import numpy as np

from paralg.foundations.measuring.recording import PASSES, load_recording

__all__ = ["explorer"]

_HEADER = ("part", "code", "minimum, ms", "median, ms", "mean, ms")


def explorer():
    """Return the interactive figure: a window on the recording and the verdict it gives."""
    from paralg.figures import Explorer

    run = load_recording()
    milliseconds = {name: np.round(values / 1000, 3) for name, values in run.microseconds.items()}
    everything = np.concatenate(list(milliseconds.values()))
    low, high = np.floor(everything.min()), np.ceil(np.quantile(everything, 0.99))
    return Explorer(
        name="measuring-verdict",
        script=Path(__file__).with_name("explorer.js"),
        state={
            "milliseconds": milliseconds, "busy": run.busy.astype(int),
            "truths": {name: PASSES[name] / PASSES["A"] for name in ("B", "twin")},
            "range": (float(low), float(high)),
        },
        still=_still(milliseconds, run.busy),
        caption=f"{run.rounds} rounds of real timings ({run.about}). "
        "Framed: the repeats that you use. Green: the truth, known by construction. "
        "Timings beyond the axis are drawn at its edge.",
        alt="Scatter chart of timings by round, log axis: close to a floor in the first and last "
        "third, and about twice as long while a neighbour shares the core.",
        table=(_HEADER, _summary(milliseconds, run.busy)),
    )  # fmt: skip


def _summary(milliseconds: dict, busy: np.ndarray) -> list[tuple]:
    """Return the three statistics of each code, alone and beside the neighbour."""
    parts = (("alone", ~busy), ("beside the neighbour", busy))
    return [
        (part, name, float(x[rows].min()), float(np.median(x[rows])), float(x[rows].mean()))
        for part, rows in parts
        for name, x in milliseconds.items()
    ]


def _still(milliseconds: dict, busy: np.ndarray):
    import matplotlib.pyplot as plt

    from paralg import figures

    fig, ax = plt.subplots(figsize=(6.0, 2.4))
    for name, color, mark in (("A", figures.BLUE, "o"), ("B", figures.VERMILION, "s")):
        ax.plot(milliseconds[name], mark, ms=2.5, color=color, label=name)
    first, last = np.flatnonzero(busy)[[0, -1]]
    ax.axvspan(first, last, color=figures.ORANGE, alpha=0.15, lw=0)
    ax.text((first + last) / 2, ax.get_ylim()[1], "neighbour", ha="center", va="bottom")
    ax.set(xlabel="round", ylabel="time, ms", yscale="log")
    ax.legend(loc="upper left")
    return fig
