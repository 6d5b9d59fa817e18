"""Explorer: a digit that fills up forward by forward, under recorded settings."""

from pathlib import Path

from paralg.decoding.speculative_jacobi.experiments.records import records, unfold

__all__ = ["draw_forward", "explorer"]

START = {"W": "15", "K": "8", "kind": "random", "treatment": "redraw"}
SIDE = 8


def explorer():
    """Return the interactive figure: window, top-K, initialiser and treatment of drafts."""
    from paralg.figures import Explorer

    films = records.read("films")
    choices = {
        name: list(dict.fromkeys(values))
        for name, values in zip(
            START, zip(*(key.split(" ", 3) for key in films), strict=True), strict=True
        )
    }
    rows = [(name, *(str(len(unfold(films[f"{W} 8 random {name}"]))) for W in choices["W"]))
            for name in choices["treatment"]]  # fmt: skip
    return Explorer(
        name="speculative-jacobi", script=Path(__file__).with_suffix(".js"),
        state={"films": films, "choices": choices, "start": START},
        still=_still(unfold(films[" ".join(START.values())])),
        caption="A handwritten 3 of 8 × 8 pixels, sampled by a small network. Every forward sends "
        "a window of drafts; some are accepted, the first refused one is replaced.",
        alt="Grid of 8 by 8 pixels in the middle of sampling: final pixels, a run of accepted "
        "drafts, one replaced draft, and drafts that were not reached.",
        table=(("forwards by treatment", *(f"W = {W}" for W in choices["W"])), rows),
    )  # fmt: skip


def _still(film):
    """Draw the middle forward of the start setting."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(3.6, 3.6))
    draw_forward(ax, film, len(film) // 2)
    return fig


def draw_forward(ax, film, n: int) -> None:
    """Draw the image as forward ``n`` leaves it: final, accepted, replaced, not reached."""
    from matplotlib.patches import Rectangle

    from paralg.figures import GREEN, GREY, ORANGE

    first, sent, accepted, final = film[n]
    before = "".join(committed for *_, committed in film[:n])
    for i, level in enumerate(before + final + sent[len(final) :]):
        x, y = i % SIDE, i // SIDE
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=(*_rgb(GREY), int(level) / 9), lw=0))
        look = {"ec": GREY, "lw": 0.4}
        if first <= i < first + accepted:
            look = {"ec": GREEN, "lw": 2.2}
        elif first + accepted <= i < first + len(final):
            look = {"ec": ORANGE, "lw": 2.2, "hatch": "///"}
        elif i >= first + len(final):
            look = {"ec": GREY, "lw": 1.2, "ls": ":"}
        ax.add_patch(Rectangle((x - 0.42, y - 0.42), 0.84, 0.84, fc="none", **look))
    ax.set(xlim=(-0.6, SIDE - 0.4), ylim=(SIDE - 0.4, -0.6), aspect="equal")
    ax.set_axis_off()


def _rgb(colour: str) -> tuple:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
