"""Explorer: drafts, verdicts and jumps on a table given by a formula."""

from pathlib import Path

import numpy as np

from paralg.decoding.freedave.decoder import freedave
from paralg.decoding.freedave.theory import greedy_forwards, greedy_rows, reach
from paralg.decoding.tables import HashConditional

__all__ = ["explorer"]

V, L = 4, 8
START = {"d": 4, "eps": 0.2, "k": 2}
_LETTERS = "ABCD·"


def explorer():
    """Return the interactive figure: choose d, coupling and table, step through the forwards."""
    from paralg.figures import Explorer

    lengths = (1, 2, 3, 4, 6)
    return Explorer(
        name="freedave-drafts", script=Path(__file__).with_name("explorer.js"),
        state={"size": {"V": V, "L": L}, "start": START}, still=_still(),
        caption="Drafts of static decoding, verified in one forward. In a cell like B≠D the draft "
        "has B where static decoding asks for D; a dot is a mask.",
        alt="Grid of four drafts under a state of masks: three agree with static decoding and are "
        "kept, the fourth differs at two positions; an arrow jumps to the third.",
        table=(("coupling ε", *(f"d = {d}" for d in lengths)), _mean_forwards(lengths)),
    )  # fmt: skip


def _mean_forwards(lengths) -> list[tuple]:
    """Return mean forwards (rows) over 20 tables for each coupling and draft length."""
    rows = []
    for eps in (0.0, 0.2, 0.5, 1.0):
        found = [reach(HashConditional(V, L, k, eps), [V] * L) for k in range(20)]
        rows.append((f"{eps:.1f}", *(_mean(found, d) for d in lengths)))
    return rows


def _mean(reaches, d: int) -> str:
    forwards = np.mean([greedy_forwards(r, d).forwards for r in reaches])
    return f"{forwards:.2f} ({np.mean([greedy_rows(r, d) for r in reaches]):.1f} rows)"


def _still():
    """Draw the first verification of the start table."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(6.2, 2.6))
    model = HashConditional(V, L, START["k"], START["eps"])
    events = freedave(model, [V] * L, START["d"]).trace.events
    first = [e for e in events if e.round == 1 and e.what in ("accepted", "rejected")]
    x = np.full(L, V)
    _draw_row(ax, 0, "state 0", x, {})
    for event in first:
        x[event.position] = event.token
        fresh = {e.position: e.what for e in first[: event.row + 1]}
        mark = "✓" if event.what == "accepted" else "✗"
        _draw_row(ax, event.row + 1, f"draft y{event.row + 1}  {mark}", x, fresh)
    ax.set(xlim=(-1.6, L - 0.5), ylim=(START["d"] + 0.5, -0.5))
    ax.set_axis_off()
    return fig


def _draw_row(ax, y: int, name: str, x, fresh: dict) -> None:
    """Draw one row of cells: drafted ones vermilion, refused ones dashed."""
    from matplotlib.patches import Rectangle

    from paralg.figures import GREY, VERMILION

    ax.text(-0.7, y, name, ha="right", va="center")
    for i, token in enumerate(x):
        kind = fresh.get(i)
        look = {"ec": VERMILION if kind else GREY, "ls": "--" if kind == "rejected" else "-"}
        fill = (*_rgb(VERMILION), 0.35) if kind == "accepted" else "none"
        ax.add_patch(Rectangle((i - 0.45, y - 0.4), 0.9, 0.8, fc=fill, lw=1.2, **look))
        ax.text(i, y, _LETTERS[token], ha="center", va="center")


def _rgb(colour: str) -> tuple:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
