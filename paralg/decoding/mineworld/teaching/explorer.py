"""Explorer: the call of every cell of a frame, and what a cell sees; and figures of frames."""

from pathlib import Path

import numpy as np

from paralg.decoding.mineworld.schedule import Wavefront
from paralg.decoding.mineworld.theory import lost

__all__ = ["draw_calls", "draw_frame", "explorer"]

SHAPES = {"3 × 5": (3, 5), "6 × 10": (6, 10), "8 × 12": (8, 12), "14 × 24": (14, 24)}
START = {"shape": "6 × 10", "w": 2, "row": 3, "column": 4}


def explorer():
    """Return the interactive figure: row offset, shape and refresh; point at a cell; play."""
    from paralg.figures import Explorer

    rows = [(name, w, wave.total, f"{wave.speedup:.2f}", int(wave.widths.max()))
            for name, (R, C) in SHAPES.items() for w in (1, 2, C)
            for wave in [Wavefront(R, C, w)]]  # fmt: skip
    return Explorer(
        name="mineworld-wavefront",
        script=Path(__file__).with_suffix(".js"),
        state={"shapes": {name: list(sizes) for name, sizes in SHAPES.items()},
               "order": list(SHAPES), "start": START},
        still=_still(),
        caption="Numbers are calls. A dot: the chosen cell sees it; a cross: raster order would "
        "see it, the wavefront does not. Vermilion: generated in the present call.",
        alt="A grid of cells with the number of their call; dots on cells that the chosen one "
        "sees, crosses on those that it gives up.",
        table=(("rows × columns", "w", "calls a frame", "speed-up", "widest call"), rows),
    )  # fmt: skip


def _still():
    import matplotlib.pyplot as plt

    R, C = SHAPES[START["shape"]]
    fig, ax = plt.subplots(figsize=(5.2, 3.2))
    draw_calls(ax, Wavefront(R, C, START["w"]), (START["row"], START["column"]))
    return fig


def draw_calls(ax, wave: Wavefront, cell: tuple[int, int]) -> None:
    """Draw the calls of a frame, those of one cell's call filled; dot: it sees it, cross: lost."""
    from matplotlib.patches import Rectangle

    from paralg.figures import GREEN, GREY, VERMILION

    seen, gone, now = wave.visible(*cell), lost(wave, *cell), wave.calls[cell]
    for (r, c), call in np.ndenumerate(wave.calls):
        ax.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, ec=GREY, lw=2.4 if (r, c) == cell else 0.6,
                               fc=(VERMILION, 0.3) if call == now else "none"))  # fmt: skip
        ax.text(c - 0.12, r + 0.1, str(call), ha="center", va="center", fontsize=8)
    for marks, style in ((seen, {"marker": "o", "color": GREEN}),
                         (gone, {"marker": "x", "color": GREY, "mec": GREY})):  # fmt: skip
        ys, xs = np.nonzero(marks)
        ax.plot(xs + 0.33, ys - 0.3, ls="", ms=4, mew=1.2, **style)
    ax.set(xlim=(-0.6, wave.C - 0.4), ylim=(len(wave.calls) - 0.4, -0.6), aspect="equal")
    ax.axis("off")


def draw_frame(ax, frame: np.ndarray, wrong: np.ndarray | None = None) -> None:
    """Draw the kinds of a frame's cells, with a cross on those that are wrong."""
    from matplotlib.colors import ListedColormap

    from paralg.data.crafter_walks import KINDS

    ground = ("#222222", "#56B4E9", "#7FB77E", "#9A9A9A", "#C8B28A", "#F0E0A0", "#2E7D32",
              "#D55E00", "#4D4D4D", "#C9A58C", "#E8F4F8", "#8D6E63", "#6D4C41")  # fmt: skip
    things = ("#FFFFFF", "#A0522D", "#CC79A7", "#EEEEEE", "#000000", "#009E73")
    ax.imshow(frame, cmap=ListedColormap((*ground, *things)), vmin=0, vmax=len(KINDS) - 1)
    if wrong is not None:
        ys, xs = np.nonzero(wrong)
        ax.plot(xs, ys, "x", color="black", ms=7, mew=2)
    ax.axis("off")
