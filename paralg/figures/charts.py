"""The recurring charts: speed-up against workers, work and span against size; names of lines."""

from collections.abc import Mapping

import numpy as np

from paralg.core import checks
from paralg.figures.style import GREEN, GREY, MARKS, PALETTE, VERMILION

__all__ = ["name_lines", "speedup", "work_span"]

_GAP = 1.15  # smallest distance of two names, in lines of text


def speedup(ax, p, measured=None, predicted=None, *, spread=None, bound=None):
    """Draw speed-up against workers: measured solid, predicted dashed, ideal thin grey.

    Parameters
    ----------
    p : array_like, shape (k,)
        Numbers of workers.
    measured, predicted : array_like, shape (k,), or mapping of name to such, optional
        At least one is needed, else a ValueError.
    spread : tuple of array_like (low, high), optional
        Quartiles of `measured`, drawn as bars; only for a single measured line.
    bound : array_like, shape (k,), optional
        An upper bound, green and dash-dotted.
    """
    [p] = checks.floats(p=(p, "k"))
    lines = _named(measured, "measured"), _named(predicted, "predicted")
    if not any(lines):
        raise ValueError("expected measured or predicted values, got neither")
    if spread is not None and len(lines[0]) != 1:
        raise ValueError(f"spread is for one measured line, got {len(lines[0])}")
    ax.plot(p, p, color=GREY, linewidth=0.8, linestyle="-", marker="", label="ideal")
    for values, dash, mark in zip(lines, ("-", "--"), (True, False), strict=True):
        _draw_lines(ax, p, values, dash, mark)
    if spread is not None:
        _draw_spread(ax, p, next(iter(lines[0].values())), spread)
    if bound is not None:
        ax.plot(p, _of_length(bound, p, "bound"), color=GREEN, ls="-.", marker="", label="bound")
    _worker_axes(ax, p)
    return name_lines(ax)


def _worker_axes(ax, p) -> None:
    """Name the axes; make both logarithmic where the workers span a factor of eight."""
    if len(p) > 2 and p.max() >= 8 * p.min() > 0:
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)
        ax.yaxis.set_major_formatter("{x:g}")
    ax.set_xticks(p, [f"{x:g}" for x in p])
    ax.set(xlabel="workers $p$", ylabel="speed-up")


def _named(values, name: str) -> dict:
    if values is None:
        return {}
    return dict(values) if isinstance(values, Mapping) else {name: values}


def _draw_lines(ax, p, values: dict, dash: str, mark: bool) -> None:
    colours = (VERMILION, *[c for c in PALETTE if c not in (VERMILION, GREEN, GREY)])
    for i, (name, line) in enumerate(values.items()):
        marker = MARKS[i % len(MARKS)] if mark else ""
        style = {"color": colours[i % len(colours)], "marker": marker, "ls": dash}
        ax.plot(p, _of_length(line, p, name), label=name, **style)


def _draw_spread(ax, p, middle, spread) -> None:
    checks.instance("spread", spread, tuple, list)
    checks.integer("the number of edges in spread", len(spread), 2, 2)
    low, high = (_of_length(edge, p, "spread") for edge in spread)
    middle = np.asarray(middle, dtype=float)
    bars = np.maximum(0, [middle - low, high - middle])
    ax.errorbar(p, middle, yerr=bars, color=VERMILION, ls="", marker="", label="_spread")


def _of_length(values, p, name: str) -> np.ndarray:
    values = checks.array(name, values).astype(float)
    if values.shape != p.shape:
        raise ValueError(f"{name} must have shape {p.shape} like p, got {values.shape}")
    return values


def work_span(ax, n, methods: Mapping):
    """Draw work (solid, filled marks) and span (dashed, open marks) against size, log axes.

    Parameters
    ----------
    n : array_like, shape (k,)
        Sizes.
    methods : mapping of str to (work, span)
        Two array_likes of shape (k,) for each method; the first method is the baseline.
    """
    [n] = checks.floats(n=(n, "k"))
    checks.instance("methods", methods, Mapping)
    for i, (name, pair) in enumerate(methods.items()):
        style = {"color": PALETTE[i % len(PALETTE)], "marker": MARKS[i % len(MARKS)]}
        for what, values, dash in zip(("work", "span"), pair, ("-", "--"), strict=True):
            values = _of_length(values, n, f"{what} of {name}")
            fill = style["color"] if what == "work" else "none"
            edge = {"markerfacecolor": fill, "markeredgewidth": 1.2}
            ax.plot(n, values, ls=dash, label=f"{name}: {what}", **style, **edge)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set(xlabel="size $n$", ylabel="operator applications")
    return name_lines(ax)


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

    checks.number("pad", pad)
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
