"""Explorer: the draft tree of every step, as recorded on held-out text."""

from pathlib import Path

from paralg.decoding.clover.experiments.records import MASSES, RATIOS, records

__all__ = ["draw_tree", "explorer", "places"]

START = {"drafter": "clover", "m": "4", "mass": "0.8", "ratio": "0.25"}
NAMES = {"clover": "Clover", "medusa": "Medusa"}


def explorer():
    """Return the interactive figure: prompt, drafter, budget, top-p and ratio."""
    from paralg.figures import Explorer

    films = records.read("films")
    prompts = films.pop("prompts")
    sizes = list(dict.fromkeys(key.split(" ")[2] for key in films))
    rows = [(f"{NAMES[name]}, top-p {mass}", *(str(1 + len(films[f"0 {name} {m} {mass} 0.25"]))
                                               for m in sizes))
            for name in NAMES for mass in MASSES]  # fmt: skip
    return Explorer(
        name="clover",
        script=Path(__file__).with_suffix(".js"),
        state={"films": films, "prompts": prompts, "sizes": sizes,
               "masses": [str(mass) for mass in MASSES],
               "ratios": [str(ratio) for ratio in RATIOS], "start": START},
        still=_still(films["0 clover 4 0.8 0.25"]),
        caption="Forty characters of documentation after a prompt of 24. Each step drafts a tree "
        "below the last final character; the path that the target agrees with is kept.",
        alt="Draft tree with four nodes below one character: boxes with a character and the "
        "product of its probabilities; the accepted path is drawn in green.",
        table=(("calls for 40 characters", *(f"m = {m}" for m in sizes)), rows),
    )  # fmt: skip


def _still(film):
    """Draw the step of the start setting that accepted most."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5.2, 2.8))
    draw_tree(ax, *max(film, key=lambda step: len(step[3])))
    return fig


def places(parents) -> list[tuple[int, float]]:
    """Return depth and height of every node, t₀ first: leaves on rows, parents between."""
    parents = [-1, *parents]
    children = {node: [c for c, parent in enumerate(parents) if parent == node]
                for node in range(len(parents))}  # fmt: skip
    height, rows = {}, iter(range(len(parents)))

    def put(node):
        for child in children[node]:
            put(child)
        below = [height[child] for child in children[node]]
        height[node] = sum(below) / len(below) if below else float(next(rows))

    put(0)
    depth = [0] * len(parents)
    for node in range(1, len(parents)):
        depth[node] = depth[parents[node]] + 1
    return [(depth[node], height[node]) for node in range(len(parents))]


def draw_tree(ax, text, parents, percent, accepted, possible=None) -> None:
    """Draw a tree from left to right; accepted nodes green, nodes that cannot be pale."""
    from paralg.figures import GREEN, GREY

    at = places(parents)
    for node, parent in enumerate([-1, *parents]):
        x, y = at[node]
        lit = node == 0 or node in accepted
        pale = possible is not None and not possible[node]
        colour, alpha = (GREEN if lit else GREY), (0.6 if pale else 1)
        if parent >= 0:
            ax.plot([at[parent][0] + 0.16, x - 0.16], [at[parent][1], y], color=colour,
                    lw=2.2 if lit else 1, marker="", ls="-", alpha=alpha)  # fmt: skip
        word = text[node].replace(" ", "␣")
        ax.text(x, y, word, ha="center", va="center", family="DejaVu Sans Mono", size=13,
                alpha=alpha, weight="bold" if lit else "normal",
                bbox={"fc": "none", "ec": colour, "lw": 2.2 if lit else 1, "alpha": alpha,
                      "boxstyle": "round,pad=0.35", "ls": ":" if pale else "-"})  # fmt: skip
        if node and percent:
            product = f"{percent[node - 1] / 100:.2f}".removeprefix("0")
            ax.annotate(product, (x, y), (0, -22), ha="center", va="center",
                        textcoords="offset points", size=9, alpha=alpha)  # fmt: skip
    heights = [y for _, y in at]
    ax.set(xlim=(-0.4, max(x for x, _ in at) + 0.6), ylim=(max(heights) + 0.6, min(heights) - 0.6))
    ax.set_axis_off()
