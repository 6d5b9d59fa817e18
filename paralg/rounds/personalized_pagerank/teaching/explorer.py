"""Explorer: pipelines on a conveyor, under a cap of memory."""

from pathlib import Path

import numpy as np

from paralg.rounds.personalized_pagerank.theory import best_gamma, pipeline_load, pipeline_rounds

__all__ = ["explorer"]

SIZE = {"n": 50, "omega": 60}
START = {"alpha": 0.2, "gamma": 4, "cap": 1000, "rule": "pipelines", "round": 12}


def explorer():
    """Return the interactive figure: drag the batch, the stopping probability and the cap."""
    from paralg.figures import Explorer

    return Explorer(
        name="pagerank-conveyor", script=Path(__file__).with_name("explorer.js"),
        state={"size": SIZE, "start": START}, still=_still(),
        caption="Live walks of 50 sources with 60 walks each, on average. Every column is a round, "
        "every colour a pipeline; below, the pipelines that are alive in the chosen round.",
        alt="Stacked columns of live walks over about 50 rounds: each pipeline shrinks by a fifth "
        "a round, and together they level off at the dashed line of the cap.",
        table=(("batch γ", "pipelines", "peak of live walks", "rounds"), _rows()),
    )  # fmt: skip


def _rows() -> list[tuple]:
    """Return pipelines, peak and rounds for some batches at the starting stopping probability."""
    n, omega, alpha = SIZE["n"], SIZE["omega"], START["alpha"]
    rows = []
    for gamma in (1, 2, best_gamma(START["cap"], n, omega, alpha), 10, 30, 60):
        peak = pipeline_load(n, omega, gamma, alpha, omega).max()
        rounds = pipeline_rounds(n, omega, gamma, alpha)
        rows.append((gamma, -(-omega // gamma), f"{peak:,.0f}", f"{rounds:.0f}"))
    return rows


def _still():
    """Draw the stacked columns of the starting choice."""
    import matplotlib.pyplot as plt

    from paralg.figures import GREY, PALETTE

    n, omega, gamma, alpha = SIZE["n"], SIZE["omega"], START["gamma"], START["alpha"]
    fig, ax = plt.subplots(figsize=(6.4, 2.8))
    rounds = np.arange(1, 46)
    floor = np.zeros(len(rounds))
    for pipeline in range(1, -(-omega // gamma) + 1):
        age = rounds - pipeline
        live = np.where(age >= 0, n * gamma * (1 - alpha) ** np.maximum(age, 0), 0.0)
        ax.bar(rounds, live, 0.9, bottom=floor, color=PALETTE[(pipeline - 1) % 6])
        floor += live
    ax.axhline(START["cap"], color=GREY, linestyle="--", marker="")
    ax.text(45, START["cap"] * 1.02, "cap M = 1000", ha="right", va="bottom")
    ax.set(xlabel="round", ylabel="live walks", ylim=(0, 1.15 * START["cap"]))
    return fig
