"""Explorer: one query among real data, its flat and its tilted fit, and what every point counts."""

from pathlib import Path

import numpy as np

__all__ = ["RANGES", "START", "explorer", "reading"]

START = {"query": 0.5, "bandwidth": 0.4, "ridge": -2.0}
RANGES = {"query": (0.2, 5.2), "bandwidth": (0.1, 3.0), "ridge": (-3.0, 3.0)}
_QUERIES = (0.38, 0.6, 1.0, 2.0, 4.96)
_PLACES = np.linspace(0.25, 5.1, 98)


def explorer():
    """Return the interactive figure: drag the query, change bandwidth and penalty."""
    from paralg.figures import Explorer

    x, y = _points()
    told = {q: reading(q, START["bandwidth"], 10 ** START["ridge"]) for q in _QUERIES}
    cases = [(q, *(at[name] for name in ("mean", "line", "least"))) for q, at in told.items()]
    return Explorer(
        name="local-linear-attention-line", script=Path(__file__).with_name("explorer.js"),
        state={"x": x.round(4), "y": y.round(4), "start": START, "ranges": RANGES},
        still=_still(x, y),
        caption="Food against income of 235 households, 1857, in thousand francs. The query reads "
        "a weighted mean (blue, softmax attention) and a weighted line (vermilion, local linear "
        "attention). Below: the weights, and what share each household has in the line's answer.",
        alt="Scatter chart of food against income with a flat and a tilted fit at income 0.5; "
        "below, bars of shares, those far right of the query negative.",
        table=(("query", "mean", "line", "smallest share"), cases),
    )  # fmt: skip


def reading(q: float, h: float, ridge: float) -> dict[str, float]:
    """Return what the explorer shows for a query."""
    mean, fit = _fits(q, h, ridge)
    return {"mean": mean, "line": float(fit.value[0]), "slope": float(fit.slopes[0, 0]),
            "least": float(fit.shares.min())}  # fmt: skip


def _fits(q: float, h: float, ridge: float):
    """Return the mean and the line at a query."""
    from paralg.recurrences.local_linear_attention.reference import closed_form

    x, y = _points()
    z = x - q
    w = np.exp(-0.5 * (z**2 - (z**2).min()) / h**2)
    return float(w @ y / w.sum()), closed_form(w, z[:, None], y[:, None], ridge)


def _points():
    from paralg.data import engel

    return tuple(column / 1000 for column in engel.households())


def _still(x, y):
    """Draw the start: data, both fits and curves, the bars of shares."""
    import matplotlib.pyplot as plt

    from paralg.figures import BLUE, GREY, VERMILION

    q, h, ridge = START["query"], START["bandwidth"], 10 ** START["ridge"]
    fig, (top, low) = plt.subplots(
        2, figsize=(6.4, 4.4), sharex=True, gridspec_kw={"height_ratios": [3, 1]}
    )
    top.plot(x, y, ls="", marker="o", ms=3, color=GREY, alpha=0.6)
    curves = np.array([list(reading(p, h, ridge).values()) for p in _PLACES])
    top.plot(_PLACES, curves[:, 0], color=BLUE, ls="--", marker="")
    top.plot(_PLACES, curves[:, 1], color=VERMILION, ls="-", marker="")
    here, reach = reading(q, h, ridge), np.array([q - h, q + h])
    top.plot(reach, [here["mean"]] * 2, color=BLUE, lw=3, marker="")
    top.plot(reach, here["line"] + here["slope"] * (reach - q), color=VERMILION, lw=3, marker="")
    top.axvline(q, color=GREY, lw=0.8)
    top.set(ylabel="food")
    low.vlines(x, 0, _fits(q, h, ridge)[1].shares, color=VERMILION, lw=1)
    low.set(xlabel="income, thousand francs", ylabel="share")
    return fig
