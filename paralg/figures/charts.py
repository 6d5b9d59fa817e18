"""The recurring charts: speed-up against workers, work and span against size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from paralg.figures.style import GREEN, GREY, MARKS, PALETTE, VERMILION
from paralg.figures.words import name_lines

__all__ = ["speedup", "work_span"]


def speedup(ax, p, measured=None, predicted=None, *, spread=None, bound=None):
    """Draw speed-up against workers: measured solid, predicted dashed, ideal thin grey.

    Parameters
    ----------
    ax : Axes
        Drawn into, and returned.
    p : array_like, shape (k,)
        Numbers of workers.
    measured, predicted : array_like, shape (k,), or mapping of name to such, optional
        At least one is needed, else a ValueError.
    spread : tuple of array_like (low, high), optional
        Quartiles of `measured`, drawn as bars; only for a single measured line.
    bound : array_like, shape (k,), optional
        An upper bound, green and dash-dotted.
    """
    p = np.asarray(p, dtype=float)
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
    low, high = (_of_length(edge, p, "spread") for edge in spread)
    middle = np.asarray(middle, dtype=float)
    bars = np.maximum(0, [middle - low, high - middle])
    ax.errorbar(p, middle, yerr=bars, color=VERMILION, ls="", marker="", label="_spread")


def _of_length(values, p, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.shape != p.shape:
        raise ValueError(f"{name} must have shape {p.shape} like p, got {values.shape}")
    return values


def work_span(ax, n, methods: Mapping):
    """Draw work (solid, filled marks) and span (dashed, open marks) against size, log axes.

    Parameters
    ----------
    ax : Axes
        Drawn into, and returned.
    n : array_like, shape (k,)
        Sizes.
    methods : mapping of str to (work, span)
        Two array_likes of shape (k,) for each method; the first method is the baseline.
    """
    n = np.asarray(n, dtype=float)
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
