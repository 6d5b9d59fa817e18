"""Explorer: two coupled words, in the reader's browser, and the candidates of a recorded puzzle."""

from pathlib import Path

import numpy as np

from paralg.decoding.energy_diffusion.experiments.records import records
from paralg.decoding.energy_diffusion.theory import resampled

__all__ = ["WORDS", "draw_map", "explorer", "two_words"]

FIRST = (0.6, 0.4)
WORDS = (("alpine", "scuba"), ("skiing", "diving"))
START = {"coupling": 0.9, "k": 4, "temperature": 1.0, "released": False}


def two_words(coupling: float) -> tuple[np.ndarray, np.ndarray]:
    """Return μ and q of the four pairs, both (2, 2): q couples the words, μ has its marginals."""
    mu = np.outer(FIRST, FIRST)
    return mu, (1 - coupling) * mu + coupling * np.diag(FIRST)


def explorer():
    """Return the interactive figure: candidates, sign and temperature; a puzzle step by step."""
    from paralg.figures import Explorer

    mu, q = two_words(START["coupling"])
    rows = []
    for k in (1, 4, 16, 64):
        kept = resampled(mu.ravel(), (q / mu).ravel(), k)
        off = kept[1] + kept[2]
        rows.append((str(k), f"{off:.3f}", f"{np.abs(kept - q.ravel()).sum() / 2:.3f}"))
    return Explorer(
        name="energy-diffusion",
        script=Path(__file__).with_suffix(".js"),
        state={"first": list(FIRST), "words": WORDS, "start": START,
               "films": records.read("films")},
        still=_still(mu, q, START["k"]),
        caption="Two words that go together: independent guesses, the energy that corrects them, "
        "the pair that is kept of k, and the target. Or a puzzle, whose candidates were recorded.",
        alt="Four heat maps of two by two pairs of words: independent guesses, energy, the pair "
        "kept of four candidates, and the target, which is nearly diagonal.",
        table=(("k", "mismatched pairs", "total variation to the target"), rows),
    )  # fmt: skip


def draw_map(ax, values, title: str) -> None:
    """Draw the four pairs with their numbers."""
    low, high = min(0, values.min()), max(0.6, values.max())
    ax.imshow(values, cmap="cividis", aspect="auto", vmin=low, vmax=high)
    for (i, j), value in np.ndenumerate(values):
        ax.text(j, i, f"{value:.2f}", ha="center", va="center",
                color="black" if value > (low + high) / 2 else "white")  # fmt: skip
    ax.set_xticks((0, 1), WORDS[1])
    ax.set_yticks((0, 1), WORDS[0])
    ax.tick_params(length=0)
    ax.set_title(title, size=11)


def _still(mu, q, k: int):
    import matplotlib.pyplot as plt

    kept = resampled(mu.ravel(), (q / mu).ravel(), k).reshape(2, 2)
    fig, axes = plt.subplots(2, 2, figsize=(5.2, 3.8), sharex=True, sharey=True)
    for ax, values, title in zip(axes.ravel(), (mu, np.log(mu / q), kept, q),
                                 ("guesses μ", "energy E", f"kept of {k}", "target q"),
                                 strict=True):  # fmt: skip
        draw_map(ax, values, title)
    return fig
