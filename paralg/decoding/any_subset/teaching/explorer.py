"""Explorer: a word filled in round by round, the network's place taken by an exact table."""

from pathlib import Path

import numpy as np

from paralg.decoding.any_subset.decoder import AnySubset
from paralg.decoding.any_subset.experiments.tasks import LETTERS, spelled, word_counts, words
from paralg.decoding.any_subset.theory import call_bounds
from paralg.decoding.randomness import RandomDraws

__all__ = ["draw_masks", "draw_round", "explorer", "first_round"]

TARGETS = ("string", "return", "module", "object", "method", "python", "unless", "always")
START = {"word": "string", "given": [0], "k": 4, "seed": 11}


def explorer():
    """Return the interactive figure: a word, which letters are given, targets, seed and round."""
    from paralg.figures import Explorer

    rows = [(str(u), *(" to ".join(map(str, sorted({*call_bounds(u, k)}))) for k in (1, 2, 3, 6)))
            for u in (2, 4, 6)]  # fmt: skip
    return Explorer(
        name="any-subset", script=Path(__file__).with_suffix(".js"),
        state={"words": word_counts(6), "targets": list(TARGETS), "start": START},
        still=_still(),
        caption="Six-letter words of real text, an exact table. Give letters, by the boxes or in "
        "the picture, and follow the rounds: drafts, the p and q under them, what is kept.",
        alt="Five rows of six cells: known letters, drafts, bars of q and p under each draft, and "
        "the letters after the round; then the draft mask and the density mask.",
        table=(("unknowns", *(f"calls, k = {k}" for k in (1, 2, 3, 6))), rows),
    )  # fmt: skip


def first_round(prompt: str, k: int = 4, seed: int = 10):
    """Return targets, drafts, q and p of the first round, and what became final."""
    table = words(len(prompt))
    x = np.array([LETTERS.index(c) if c != "_" else table.V for c in prompt])
    run = AnySubset(table, x, k, RandomDraws(seed))
    q = run.drafts(run.x, 0, k)
    p, at = run.judge(q), run.order[:k].copy()
    drafts = run.x[at].copy()
    run.verify(at, p, q)
    each = np.arange(len(at))
    return at, drafts, q[each, drafts], p[each, drafts], spelled(run.x, table.V)


def draw_masks(ax, prompt: str, at, visible, colour: str, left: int = 0) -> None:
    """Draw which letters each query sees: a row a target, a column a letter from `left` on."""
    from matplotlib.patches import Rectangle

    from paralg.figures import GREY

    for row in range(len(at)):
        for j in range(len(prompt)):
            on = visible(j, row)
            look = {"fc": colour if on else "none", "alpha": 0.85 if on else 0.5, "lw": 0.8}
            ax.add_patch(Rectangle((left + j - 0.42, row - 0.42), 0.84, 0.84, ec=GREY, **look))
    ax.set(xlim=(-0.6, left + len(prompt) - 0.4), ylim=(len(at) - 0.4, -0.6), aspect="equal")
    ax.set_yticks(range(len(at)), [f"letter {i + 1}" for i in at])
    for j, letter in enumerate(prompt.replace("_", "?")):
        ax.text(left + j, -0.7, letter, ha="center", color=GREY)
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def draw_round(ax, prompt: str, found) -> None:
    """Draw drafts, their q and p as bars, and the letters after the round."""
    from paralg.figures import BLUE, GREEN, ORANGE, VERMILION

    at, drafts, q, p, after = found
    each = np.arange(len(at))
    ax.bar(each - 0.2, q, 0.38, color=BLUE, label="$q$")
    ax.bar(each + 0.2, p, 0.38, color=VERMILION, label="$p$", hatch="//")
    names = []
    for i, v in zip(at, drafts, strict=True):
        end = after[i]
        how = "kept" if end == LETTERS[v] else "open" if end == "_" else f"now {end}"
        names.append(f"{LETTERS[v]}\n{how}")
    ax.set_xticks(each, names)
    for label, name in zip(ax.get_xticklabels(), names, strict=True):
        label.set_color(GREEN if "kept" in name else ORANGE if "now" in name else "grey")
    ax.set(ylim=(0, 1.32), yticks=[0, 0.5, 1], ylabel="probability of the draft")
    ax.legend(loc="upper left", ncols=2)


def _still():
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5.2, 3.2))
    prompt = "".join(c if i in START["given"] else "_" for i, c in enumerate(START["word"]))
    draw_round(ax, prompt, first_round(prompt, START["k"]))
    ax.set_xlabel(f"drafts for {prompt.replace('_', '?')}")
    return fig
