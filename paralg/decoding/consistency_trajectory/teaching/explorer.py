"""Explorer: rounds of one's own on Sudoku in both orders, and where EOS goes under EOSER."""

from pathlib import Path

import numpy as np

from paralg.data.sudoku4 import grids
from paralg.decoding.consistency_trajectory.experiments import sudoku
from paralg.decoding.consistency_trajectory.schedule import ascending
from paralg.decoding.consistency_trajectory.trajectory import rollout
from paralg.decoding.consistency_trajectory.variants import AtRandom

__all__ = ["PRESETS", "explorer", "rate"]

PRESETS = {"ascending": ascending(12), "equal": (4, 4, 4), "descending": ascending(12)[::-1],
           "six of two": (2,) * 6}  # fmt: skip
COLUMNS = 5


def rate(sizes, order: str = "confidence", games: int = 1500, seed: int = 0, givens: int = 4):
    """Return the share of valid grids that sampling from the exact model gives."""
    rng = np.random.default_rng(seed)
    x = sudoku.puzzles(games, rng, givens)
    ranking = None if order == "confidence" else AtRandom(rng)
    found = rollout(sudoku.exact, x, sudoku.MASK, sizes, rng, ranking=ranking)
    return float(sudoku.valid(found.tokens).mean())


def explorer():
    """Return the interactive figure: drag the rounds, compare two orders; slide γ and see EOS."""
    from paralg.figures import Explorer

    rows = [(name, " ".join(map(str, sizes)),
             *(f"{rate(sizes, order):.0%}" for order in ("confidence", "random")))
            for name, sizes in PRESETS.items()]  # fmt: skip
    presets = [{"label": name, "sizes": [*sizes, *[0] * COLUMNS][:COLUMNS]}
               for name, sizes in PRESETS.items()]  # fmt: skip
    return Explorer(
        name="consistency-trajectory-rounds",
        script=Path(__file__).with_name("explorer.js"),
        state={"grids": ["".join(map(str, row)) for row in grids().tolist()],
               "presets": presets, "sizes": presets[0]["sizes"]},
        still=_still(rows),
        caption="Twelve cells in rounds of your own: valid grids in two orders, and where EOS "
        "goes when answers have random lengths.",
        alt="Bar chart of valid Sudoku grids for four schedules in two orders: ascending rounds "
        "are the worst by confidence and the best of three rounds in random order.",
        table=(("schedule", "rounds", "by confidence", "random order"), rows),
    )  # fmt: skip


def _still(rows):
    """Draw the rates of the presets."""
    import matplotlib.pyplot as plt

    from paralg.figures import BLUE, VERMILION

    fig, ax = plt.subplots(figsize=(6.2, 2.6))
    for k, (_, _, *shares) in enumerate(rows):
        for shift, share, colour in zip((-0.2, 0.2), shares, (BLUE, VERMILION), strict=True):
            ax.bar(k + shift, float(share[:-1]), 0.36, color=colour)
    ax.set_xticks(range(len(rows)), [f"{name}\n{sizes}" for name, sizes, *_ in rows])
    ax.set(ylabel="valid grids (%)", ylim=(0, 100))
    ax.text(0.02, 0.97, "blue: by confidence", color=BLUE, transform=ax.transAxes, va="top")
    ax.text(0.02, 0.86, "vermilion: random order", color=VERMILION, transform=ax.transAxes,
            va="top")  # fmt: skip
    return fig
