"""Words in and around a figure: alternative texts, names at the ends of lines."""

from __future__ import annotations

__all__ = ["alt_text", "name_lines"]

_GAP = 1.15  # smallest distance of two names, in lines of text


def alt_text(kind: str, axes: str, finding: str) -> str:
    """Return an alternative text: the kind of chart, its axes, and the one thing to see.

    Parameters
    ----------
    kind : str
        ``"Line chart"``, ``"Raster"``, ``"Diagram"``.
    axes : str
        ``"rounds against n, log axis"``.
    finding : str
        ``"tree sum grows by one per doubling"``.

    Returns
    -------
    str
        ``"Line chart: rounds against n, log axis; tree sum grows by one per doubling."``

    Raises
    ------
    ValueError
        If the text has not 30 to 250 characters.

    Examples
    --------
    >>> from paralg.figures import alt_text
    >>> alt_text("Line chart", "rounds against n", "one more round per doubling")
    'Line chart: rounds against n; one more round per doubling.'
    """
    text = f"{kind.strip()}: {axes.strip()}; {finding.strip().rstrip('.')}."
    if not 30 <= len(text) <= 250:
        raise ValueError(f"alternative text must have 30 to 250 characters, got {len(text)}")
    return text


def name_lines(ax, *, pad: float = 6.0):
    """Write each line's label at its right end in its colour, instead of a legend.

    Parameters
    ----------
    ax : Axes
        Lines with labels not starting with ``_`` are named, those of ``errorbar`` as well; names
        that would collide move apart.
        Set the limits of the axes first: a line that leaves them is named where it leaves.
    pad : float, default 6
        Points between the line's end and its name.
    """
    names = _names(ax)
    lines = [line for line in ax.get_lines() if not names[line].startswith("_")]
    ends = [_visible_end(ax, line.get_xydata()) for line in lines if len(line.get_xydata())]
    heights = ax.transData.transform(ends)[:, 1] if len(ends) else []
    size = _font_points() * ax.figure.dpi / 72
    for line, end, height, target in zip(
        lines, ends, heights, _spread(heights, _GAP * size), strict=True
    ):
        ax.annotate(
            names[line],
            xy=end,
            xytext=(pad, (target - height) * 72 / ax.figure.dpi),
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            ha="left",
            annotation_clip=False,
        )
    return ax


def _names(ax) -> dict:
    """Return the label of each line; ``errorbar`` gives it to the whole and none to the line."""
    from matplotlib.container import ErrorbarContainer

    names = {line: line.get_label() for line in ax.get_lines()}
    for bars in ax.containers:
        if isinstance(bars, ErrorbarContainer) and bars.lines[0] is not None:
            names[bars.lines[0]] = bars.get_label()
    return names


def _visible_end(ax, points):
    """Return the last point of a line inside the axes, or where it leaves them for good."""
    import numpy as np

    to_axes = ax.transData - ax.transAxes
    shares = to_axes.transform(points)
    inside = np.flatnonzero(((shares > -1e-9) & (shares < 1 + 1e-9)).all(axis=1))
    last = inside[-1] if len(inside) else len(points) - 1
    if last == len(points) - 1:
        return points[last]
    here, there = shares[last], shares[last + 1]
    edge = np.where(there > 1, 1.0, 0.0)
    leaves = (there > 1) | (there < 0)
    step = min((edge - here)[leaves] / (there - here)[leaves])
    return to_axes.inverted().transform(here + step * (there - here))


def _font_points() -> float:
    import matplotlib

    return float(matplotlib.rcParams["font.size"])


def _spread(heights, gap: float) -> list[float]:
    """Return heights at least `gap` apart, in the same order, moved as little as going up needs."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = list(heights)
    for below, above in zip(order, order[1:], strict=False):
        placed[above] = max(placed[above], placed[below] + gap)
    shift = sum(p - h for p, h in zip(placed, heights, strict=True)) / max(1, len(placed))
    return [p - shift for p in placed]
