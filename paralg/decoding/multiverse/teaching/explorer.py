"""Explorer: a tagged text that can be edited, over the calls of the engine and what it sees."""

from pathlib import Path

import numpy as np

from paralg.decoding.multiverse.experiments import satisfiability, tasks
from paralg.decoding.multiverse.grammar import Layout, parse
from paralg.decoding.multiverse.theory import calls, cost_of

__all__ = ["draw_lanes", "draw_mask", "explorer", "texts"]

START = {"text": "short words", "slots": 6}
_WORDS = {"short words": ("art", "sun", "hat"), "long words": ("parallel", "notebook", "sequence")}
_NESTED = (
    "sum : & <Parallel> <Goal> <Outline> 1 </Outline> <Outline> 2 </Outline> </Goal> <Path> 1 "
    "<Parallel> <Goal> <Outline> 1 </Outline> <Outline> 2 </Outline> </Goal> <Path> 1 2 * 3 </Path>"
    " <Path> 2 4 * 5 </Path> <Conclusion> 6 + 20 </Conclusion> </Parallel> </Path> <Path> 2 7 * 8 "
    "</Path> <Conclusion> 26 + 56 </Conclusion> </Parallel> ."
)


def texts() -> dict[str, tuple[str, int]]:
    """Return texts of a block each, or nested ones, with the number of given symbols."""
    found = {name: (tasks.reversal(words).answer(tasks.TAGGED), 0)
             for name, words in _WORDS.items()}  # fmt: skip
    tree = satisfiability.solution_text([[1, 2], [-1, -2]], 2)
    return found | {"nested sums": (_NESTED, 3), "satisfiability": (f"{tree} .", 0),
                    "a chain": (tasks.chain([1, 2, 2, 1]).answer(tasks.TAGGED), 0)}  # fmt: skip


def explorer():
    """Return the interactive figure: pick or edit a text, move the slots, point at a token."""
    from paralg.figures import Explorer

    rows = [(name, *cost_of(text), *(calls(parse(text), given, p) for p in (1, 2, None)))
            for name, (text, given) in texts().items()]  # fmt: skip
    state = {name: {"text": text, "prompt": given, "token": text.split().index("<Conclusion>")}
             for name, (text, given) in texts().items()}  # fmt: skip
    return Explorer(
        name="multiverse-text",
        script=Path(__file__).with_suffix(".js"),
        state={"texts": state, "order": list(state), "start": START},
        still=_still(parse(texts()[START["text"]][0])),
        caption="One lane a branch, one column a call; filled is what the chosen token "
        "sees. Below, which token (row) sees which (column); the solid blocks that cut in are "
        "siblings.",
        alt="Two panels: tokens in lanes over position ids, the lanes of three paths side by side; "
        "and a triangular attention mask in which the squares of sibling paths are black.",
        table=(("text", "tokens", "positions", "calls, 1 slot", "2 slots", "all"),
               rows),
    )  # fmt: skip


def _still(layout: Layout):
    import matplotlib.pyplot as plt

    fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), width_ratios=(1.6, 1))
    draw_lanes(axes[0], layout)
    draw_mask(axes[1], layout)
    return fig


def _stages(layout: Layout) -> tuple[np.ndarray, list[str]]:
    """Return lane and colour of each symbol; lane 0 is the text around all blocks."""
    from paralg.figures import GREEN, GREY, SKY, VERMILION

    lane = np.zeros(len(layout.symbols), dtype=int)
    stage = [GREY] * len(lane)
    opening = sorted((path.start, -path.stop) for block in layout.blocks for path in block.paths)
    for number, (start, stop) in enumerate(opening, 1):
        lane[start:-stop] = number
        stage[start:-stop] = [VERMILION] * (-stop - start)
    for block in layout.blocks:
        for part, name in ((block.goal, SKY), (block.conclusion, GREEN)):
            stage[part.start : part.stop] = [name] * len(part)
    return lane, stage


def draw_lanes(ax, layout: Layout, *, words: bool = False) -> None:
    """Draw symbols as boxes, one lane a branch, over their position ids; with ``words``, spelt."""
    from matplotlib.patches import Rectangle

    lane, colours = _stages(layout)
    for symbol, position, y, hue in zip(layout.symbols, layout.positions, lane, colours,
                                        strict=True):  # fmt: skip
        ax.add_patch(Rectangle((position - 0.44, y - 0.36), 0.88, 0.72, fc=(hue, 0.45), ec=hue,
                               lw=0.8))  # fmt: skip
        if words and not symbol.startswith("<"):
            ax.text(position, y, symbol, ha="center", va="center", fontsize=9)
    lanes = int(lane.max(initial=0))
    ax.set(xlim=(-0.8, layout.positions.max() + 0.8), ylim=(lanes + 0.7, -0.7), yticks=[],
           xlabel="position id")  # fmt: skip
    ax.spines[["left", "right", "top"]].set_visible(False)


def draw_mask(ax, layout: Layout) -> None:
    """Draw which symbol sees which; what causal attention would see, and siblings do not, black."""
    from matplotlib.colors import to_rgba

    from paralg.figures import GREY

    n, colours = len(layout.symbols), _stages(layout)[1]
    picture = np.zeros((n, n, 4))
    for i, hue in enumerate(colours):
        picture[i, layout.mask[i]] = to_rgba(hue, 0.7)
    picture[np.tri(n, dtype=bool) & ~layout.mask] = (0.1, 0.1, 0.1, 1)
    ax.imshow(picture, interpolation="nearest")
    ax.set(xticks=[], yticks=[], xlabel="sees", ylabel="token")
    ax.spines[:].set_color(GREY)
