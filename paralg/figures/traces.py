"""What ran when: rasters of decoders, Gantt charts of schedules."""

from collections.abc import Mapping, Sequence

import numpy as np

from paralg.core import checks
from paralg.figures.style import BLACK, GREY, PALETTE, SKY, VERMILION, ink

__all__ = ["gantt", "raster", "rasters"]

# code: name, colour, opacity, symbol; the codes are those of Trace.raster
_STATES = {
    0: ("masked", GREY, 0.0, ""), 1: ("given", GREY, 0.35, ""), 2: ("kept", SKY, 0.45, ""),
    3: ("committed now", VERMILION, 0.9, "●"), 4: ("refused", GREY, 0.12, "×"),
}  # fmt: skip
_SYMBOL_COLOURS = {3: "white", 4: VERMILION}
_HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")


def raster(ax, trace, *, tokens: Sequence[str] | None = None, legend: bool = True):
    """Draw a decoding: rounds down, positions across, what each round left at each position.

    Parameters
    ----------
    trace : Trace or array_like of int, shape (rounds, L)
        A decoder's trace, or the codes, 0 to 4, of its ``raster()``.
    tokens : sequence of str, length L, optional
        Written under the columns.
    legend : bool
        Explain the cells above the figure.
    """
    codes = _codes(trace)
    checks.instance("tokens", tokens, Sequence, np.ndarray, type(None))
    if tokens is not None and len(tokens) != codes.shape[1]:
        raise ValueError(f"expected {codes.shape[1]} tokens, got {tokens}")
    for code in np.unique(codes):
        _draw_state(ax, codes, int(code))
    rounds, length = codes.shape
    ax.set(xlim=(-0.5, length - 0.5), ylim=(rounds - 0.5, -0.5))
    ax.set(xlabel="position", ylabel="round", aspect="equal" if length <= 40 else "auto")
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    ax.set_yticks(range(0, rounds, max(1, rounds // 8)))
    if tokens is not None:
        ax.set_xticks(range(length), tokens)
    if legend:
        _state_legend(ax.figure, np.unique(codes))
    return ax


def rasters(axes, traces: Mapping[str, object]):
    """Draw several decodings on one scale, each under its name, with one legend.

    Parameters
    ----------
    axes : array of Axes
        At least as many as traces; those left over are hidden.
    traces : mapping of str to Trace or array_like
        Name to what :func:`raster` takes; at least one.
    """
    checks.instance("traces", traces, Mapping)
    panels = np.atleast_1d(axes).ravel()
    if not 0 < len(traces) <= len(panels):
        raise ValueError(f"expected 1 to {len(panels)} traces, got {len(traces)}")
    codes = list(map(_codes, traces.values()))
    rounds = max(map(len, codes))
    for ax, name, one in zip(panels, traces, codes, strict=False):
        raster(ax, one, legend=False)
        ax.set(ylim=(rounds - 0.5, -0.5), yticks=range(0, rounds, max(1, rounds // 8)), title=name)
        ax.label_outer()
    for ax in panels[len(codes) :]:
        ax.set_axis_off()
    _state_legend(panels[0].figure, np.unique(np.concatenate([one.ravel() for one in codes])))
    return axes


def _codes(trace) -> np.ndarray:
    codes = checks.array("trace", trace.raster() if hasattr(trace, "raster") else trace, "i")
    checks.sizes(trace=(codes, "rounds L"))
    if not codes.size or not np.isin(codes, list(_STATES)).all():
        raise ValueError(f"expected codes 0 to 4 of shape (rounds, L), got {codes}")
    return codes


def _draw_state(ax, codes, code: int) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    _, colour, opacity, symbol = _STATES[code]
    cells = np.argwhere(codes == code)
    patches = [Rectangle((x - 0.46, y - 0.46), 0.92, 0.92) for y, x in cells]
    style = {"facecolor": (colour, opacity), "edgecolor": GREY, "linewidth": 0.4}
    ax.add_collection(PatchCollection(patches, **style))
    if symbol:
        marker = "x" if symbol == "×" else "o"
        size = 14 if codes.shape[1] <= 40 else 3
        ax.scatter(cells[:, 1], cells[:, 0], s=size, marker=marker, c=_SYMBOL_COLOURS[code])


def _state_legend(figure, codes) -> None:
    shown = [_STATES[int(code)] for code in codes]
    _legend(figure, [{"fc": (colour, opacity), "ec": GREY, "label": f"{name} {symbol}".strip()}
                     for name, colour, opacity, symbol in shown])  # fmt: skip


def _legend(figure, patches: list[dict]) -> None:
    """Explain fills above all axes."""
    from matplotlib.patches import Patch

    handles = [Patch(**patch) for patch in patches]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def gantt(ax, schedule, *, kinds: dict | None = None):
    """Draw a schedule: one row a worker, one bar a task.

    Parameters
    ----------
    schedule : Schedule
        With ``tasks`` (each with ``name``, ``worker``, ``start``, ``end``), ``p`` and ``makespan``.
    kinds : dict of str to str, optional
        Task's name to kind; each kind has its colour and hatch. By default all are of one kind.
    """
    if not all(hasattr(schedule, name) for name in ("tasks", "p", "makespan")):
        raise TypeError(f"schedule must be a Schedule, got {schedule!r:.60}")
    checks.instance("kinds", kinds, Mapping, type(None))
    if missing := {task.name for task in schedule.tasks} - {*(kinds or {})} if kinds else ():
        raise ValueError(f"expected a kind for every task, got none for {sorted(missing)}")
    names = sorted(set((kinds or {}).values()))
    looks = [{"fc": PALETTE[(i + 1) % 6], "ec": BLACK, "hatch": _HATCHES[i % 7]}
             for i in range(max(1, len(names)))]  # fmt: skip
    for task in schedule.tasks:
        _bar(ax, task, schedule.makespan, looks[names.index(kinds[task.name]) if kinds else 0])
    ax.set(ylim=(schedule.p - 0.5, -0.5), xlim=(0, schedule.makespan * 1.02 or 1))
    ax.set(xlabel="time", ylabel="worker", yticks=range(schedule.p))
    ax.axvline(schedule.makespan, color=GREY, lw=0.8, ls=":", marker="")
    if kinds:
        named = zip(looks, names, strict=True)
        _legend(ax.figure, [look | {"label": name} for look, name in named])
    return ax


def _bar(ax, task, makespan: float, look: dict) -> None:
    width = task.end - task.start
    ax.barh(task.worker, width, left=task.start, height=0.78, linewidth=0.6, **look)
    if width >= makespan * 0.02 * max(2, len(str(task.name))):
        middle, ground = (task.start + task.end) / 2, look["fc"]
        box = {"boxstyle": "round,pad=0.15", "fc": ground, "ec": "none"}  # keeps hatches off words
        words = {"ha": "center", "va": "center", "color": ink(ground), "bbox": box}
        ax.text(middle, task.worker, str(task.name), **words)
