"""The standard figure of every chapter: how much faster, counted and as the benchmark recorded it.

``benchmarks/bench_<paper>.py`` writes ``teaching/speedup.json`` of its chapter.  The chapter, the
home page, the scoreboard and the page of benchmarks show this one record; the site draws it, so
that a new measurement executes no page again.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass

from paralg.core.static import data_for_the_site, is_static
from paralg.figures.charts import name_lines
from paralg.figures.style import GREEN, GREY, VERMILION
from paralg.teach.chapters import find

__all__ = ["RecordedSpeedup", "draw_all", "recorded_speedup"]


@dataclass(frozen=True)
class RecordedSpeedup:
    """A recorded speed-up over sizes; the figure shows itself when it is last in a cell.

    - ``chapter``, with hyphens, and its ``task`` in a few words;
    - ``ours, peer``: the book's method, and the implementation that a user would pick instead;
    - ``size_name``: name of the axis, and k ``sizes``;
    - ``counted``: exact ratios of counts, k of them; of what, as in "steps of a loop / rounds of
      the scan", says ``counted_name``;
    - ``measured, low, high``: seconds of the peer over ours, k medians over pairs of runs; and from
      the peer's lower quartile over our upper one to the reverse;
    - ``headline``: the size whose ratio stands for the chapter;
    - ``machine``: processor and cores.
    """

    chapter: str
    task: str
    ours: str
    peer: str
    size_name: str
    sizes: Sequence[int]
    counted: Sequence[float]
    counted_name: str
    measured: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    headline: int
    machine: str

    @property
    def at_headline(self) -> tuple[float, float]:
        """Counted and measured ratio at the size that stands for the chapter."""
        place = list(self.sizes).index(self.headline)
        return self.counted[place], self.measured[place]

    @property
    def number(self) -> str:
        """The measured ratio at the headline as the book writes it: ``13.3×``, ``9.38× slower``."""
        return or_slower(self.at_headline[1])

    @property
    def against(self) -> str:
        """Number and peer: ``"13.3× over mambapy"``, ``"9.38× slower than torch.nn.GRU"``."""
        return f"{self.number} {'than' if self.at_headline[1] < 1 else 'over'} {self.peer}"

    @property
    def caption(self) -> str:
        """What is drawn, in two sentences, and its number."""
        counted, _ = self.at_headline
        where = f"{self.size_name} = {self.headline:,}"
        return (
            f"{self.task}: {self.ours} against {self.peer}. "
            f"At {where}: {times(counted)} by counting ({self.counted_name}), {self.number} in "
            f"seconds, median, recorded on {self.machine}."
        )

    @property
    def alt(self) -> str:
        """The figure in words."""
        first, last = or_slower(self.measured[0]), or_slower(self.measured[-1])
        return (
            f"Line chart: speed-up over {self.peer} against {self.size_name}, log axes; measured "
            f"{first} at {self.sizes[0]:,}, {last} at {self.sizes[-1]:,}."
        )

    def draw(self, ax):
        """Draw counts dashed, seconds solid with their spread, and the break-even at 1."""
        import numpy as np

        middle = np.asarray(self.measured)
        bars = np.maximum(0, [middle - self.low, np.asarray(self.high) - middle])
        ax.axhline(1, color=GREY, lw=0.8, marker="", ls="-", label="_even")
        alone = "D" if len(self.sizes) == 1 else ""
        ax.plot(self.sizes, self.counted, color=GREEN, ls="--", marker=alone, label="counted")
        ax.errorbar(self.sizes, middle, yerr=bars, color=VERMILION, ls="-", marker="o",
                    label="measured")  # fmt: skip
        ax.plot(self.headline, self.at_headline[1], "o", ms=11, mfc="none", mec=VERMILION, mew=1,
                label="_headline")  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel=self.size_name, ylabel="times faster")
        ax.set_xticks(self.sizes, [short(size) for size in self.sizes])
        ax.minorticks_off()
        ax.yaxis.set_major_formatter("{x:g}")
        ax.margins(y=0.12)
        return name_lines(ax, pad=9)

    @property
    def html(self) -> str:
        """The figure with its caption, as HTML."""
        import matplotlib.pyplot as plt

        from paralg.figures.still import clean_svg, to_svg

        figure, ax = plt.subplots(figsize=(5.2, 3.2))
        self.draw(ax)
        svg = clean_svg(to_svg(figure), prefix=f"speedup-{self.chapter}", alt=self.alt)
        caption = f"<figcaption>{html.escape(self.caption)}</figcaption>"
        return f'<figure class="paralg-speedup">{svg}{caption}</figure>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        if is_static():
            return data_for_the_site("speedup", chapter=self.chapter)
        return {"text/plain": self.caption, "text/html": self.html}


def times(ratio: float) -> str:
    """Return a ratio as the book writes it, three digits at most: ``13.3×``, ``0.62×``."""
    return f"{ratio:,.0f}×" if ratio >= 100 else f"{ratio:.3g}×"


def or_slower(ratio: float) -> str:
    """Return a ratio of seconds in words: ``13.3×``, and below 1 how many times slower we are."""
    return times(ratio) if ratio >= 1 else f"{times(1 / ratio)} slower"


def short(size: int) -> str:
    """Return a size for an axis: ``512``, ``4k``, ``100k``."""
    if size >= 1024 and size % 1024 == 0:
        return f"{size // 1024}k"
    return f"{size // 1000}k" if size >= 10_000 and size % 1000 == 0 else f"{size}"


def recorded_speedup(chapter: str) -> RecordedSpeedup:
    """Return the recorded speed-up of a chapter.

    ``chapter`` is the name of a paper or foundation page, ``"mamba"``; KeyError without it,
    FileNotFoundError, with a message that says how, if its benchmark has not been run.
    """
    found = find(chapter)
    path = found.teaching / "speedup.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{chapter!r} has no recorded speed-up: run its benchmark, benchmarks/bench_….py"
        )
    return RecordedSpeedup(**json.loads(path.read_text(encoding="utf-8")))


def draw_all(ax, records: Sequence[RecordedSpeedup], names: Sequence[str]):
    """Draw all headlines: counts as open marks, seconds filled and with their spread."""
    ax.axvline(1, color=GREY, lw=0.8, marker="", ls="-")
    for y, one in enumerate(records):
        place = list(one.sizes).index(one.headline)
        counted, measured = one.at_headline
        ax.plot([one.low[place], one.high[place]], [y, y], color=VERMILION, marker="", ls="-")
        ax.plot(counted, y, marker="D", mfc="none", mec=GREEN, mew=1.3, ls="")
        ax.plot(measured, y, marker="o", color=VERMILION, ls="")
        ax.annotate(one.against, (max(measured, one.high[place], counted), y), (8, 0),
                    textcoords="offset points", va="center", fontsize="small",
                    annotation_clip=False)  # fmt: skip
    ax.set_yticks(range(len(records)), names)
    ax.set(xscale="log", xlabel="times faster")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.invert_yaxis()
    ax.margins(y=0.5 / max(1, len(records)))
    return ax
