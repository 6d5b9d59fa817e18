"""Explorer: move a call of a program, and see four scores and what became of the run."""

from pathlib import Path

from paralg.rounds.mpirigen.experiments.moves import PROGRAMS, moved
from paralg.rounds.mpirigen.experiments.records import records
from paralg.rounds.mpirigen.labels import strip
from paralg.rounds.mpirigen.metric import score

__all__ = ["draw_gaps", "explorer"]


def explorer():
    """Return the interactive figure: choose a call, move it, change the tolerance."""
    from paralg.figures import Explorer

    verdicts, programs, rows = records.read("moves"), {}, []
    for name, source in PROGRAMS.items():
        lines, calls = strip(source)
        programs[name] = {
            "lines": lines, "verdicts": verdicts[name],
            "calls": [{"L": c.L, "S": c.S, "name": c.name, "args": c.args, "text": c.text}
                      for c in calls],
        }  # fmt: skip
        for k, call in enumerate(calls):
            down = score(calls, moved(calls, k, call.L + 1))["location"]
            rows.append((name, call.name, f"{down:.2f}", verdicts[name][k][call.L + 1],
                         verdicts[name][k][-1]))  # fmt: skip
    return Explorer(
        name="mpirigen-move", script=Path(__file__).with_suffix(".js"),
        still=draw_gaps(PROGRAMS["message"]), state={"programs": programs},
        caption="Calls marked = are at a true place. Move one: scores fall by a share, the run "
        "fails as a whole or not at all.",
        alt="A numbered program without its calls, the calls beside it with arrows to the gaps "
        "that they fill.",
        table=(("program", "call", "location, one line down", "the run", "left out"), rows),
    )  # fmt: skip


def draw_gaps(program: str, seen: int | None = None):
    """Draw a stripped program and its calls with arrows to their gaps; return the figure.

    With ``seen``, lines behind that one are grey: what a left-to-right model has not read.
    """
    import matplotlib.pyplot as plt

    from paralg.figures import BLUE, GREY, VERMILION

    fig, ax = plt.subplots(figsize=(7.2, 3.2))
    lines, calls = strip(program)
    for k, line in enumerate(lines, 1):
        late = seen is not None and k > seen
        ax.text(0, -k, f"{k:2d}", color=GREY, size=8, ha="right", va="center", family="monospace")
        ax.text(0.04, -k, line, size=8, va="center", family="monospace",
                color=GREY if late else None, alpha=0.55 if late else 1.0)  # fmt: skip
    for i, call in enumerate(calls):
        y = -1.2 - i * (len(lines) - 1.4) / max(1, len(calls) - 1)
        ax.text(1.28, y, f"({call.L} {call.S}) {call.name}", size=8, va="center",
                family="monospace", color=VERMILION)  # fmt: skip
        ax.annotate("", (0.86, -call.L - 0.5), (1.26, y), annotation_clip=False,
                    arrowprops={"arrowstyle": "->", "color": BLUE, "lw": 1.2})  # fmt: skip
    ax.set(xlim=(-0.08, 2.15), ylim=(-len(lines) - 0.6, -0.4))
    ax.set_axis_off()
    return fig
