"""Names at the ends of lines, instead of a legend."""

from __future__ import annotations

__all__ = ["name_lines"]

_GAP = 1.15  # smallest distance of two names, in lines of text


def name_lines(ax, *, pad: float = 6.0):
    """Write each line's label at its right end in its colour, instead of a legend.

    Parameters
    ----------
    ax : Axes
        Lines with labels not starting with ``_`` are named, those of ``errorbar`` as well; names
        that would collide move apart.
        Set the limits of the axes first: a line that leaves them is named where it leaves.
    pad : float
        Points between the line's end and its name.
    """
    from matplotlib import rcParams

    names = _names(ax)
    lines = [line for line in ax.get_lines() if not names[line].startswith("_")]
    ends = [_visible_end(ax, line.get_xydata()) for line in lines if len(line.get_xydata())]
    heights = ax.transData.transform(ends)[:, 1] if len(ends) else []
    point = ax.figure.dpi / 72
    targets = _spread(heights, _GAP * rcParams["font.size"] * point)
    for line, end, height, target in zip(lines, ends, heights, targets, strict=True):
        offset = {"xytext": (pad, (target - height) / point), "textcoords": "offset points"}
        style = {"color": line.get_color(), "va": "center", "ha": "left", "annotation_clip": False}
        ax.annotate(names[line], xy=end, **offset, **style)
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


def _spread(heights, gap: float) -> list[float]:
    """Return heights at least `gap` apart, in the same order, moved as little as going up needs."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = list(heights)
    for below, above in zip(order, order[1:], strict=False):
        placed[above] = max(placed[above], placed[below] + gap)
    shift = sum(p - h for p, h in zip(placed, heights, strict=True)) / max(1, len(placed))
    return [p - shift for p in placed]
