"""What stands on what: networks of scans, trees of drafts and reductions."""

from collections.abc import Iterable, Sequence

import numpy as np

from paralg.core import checks
from paralg.figures.style import BLUE, GREY, VERMILION, ink

__all__ = ["scan_network", "tree"]


def scan_network(ax, levels: Sequence[Iterable], n: int, *, into: int | None = None, labels=None):
    """Draw the combines of a scan: a wire for each element, time downwards, a dot for a combine.

    Parameters
    ----------
    levels : sequence of iterable of (int, int)
        Rounds as a traced scan returns them: pairs (source, destination). Copies, as Blelloch's
        scan makes on the way down, are no combines and are not drawn.
    n : int
        Number of elements; wires from ``n`` on, which pad to a power of two, are dotted.
    into : int, optional
        Output whose history is drawn in vermilion; the rest stays blue.
    labels : sequence of str, length n, optional
        Over the wires; default ``x0, x1, …``.
    """
    checks.integer("n", n, 1), checks.instance("levels", levels, Sequence)
    if into is not None:
        checks.integer("into", into)
    checks.instance("labels", labels, Sequence, type(None))
    if labels is not None and len(labels) != n:
        raise ValueError(f"expected {n} labels, got {labels}")
    levels = [[(int(s), int(d)) for s, d in level] for level in levels]
    pairs = [pair for level in levels for pair in level]
    outside = [pair for pair in pairs if min(pair) < 0]
    if outside:
        raise ValueError(f"wires must be at least 0, got {outside[0]}")
    depth, width = len(levels), 1 + max([n - 1, *map(max, pairs)])
    style = {"color": GREY, "lw": 0.8, "alpha": 0.6}
    ax.vlines(range(n), 0, depth + 0.4, **style)
    ax.vlines(range(n, width), 0, depth + 0.4, ls=":", **style)
    _draw_combines(ax, levels, _history(levels, into))
    ax.set(xlim=(-0.6, width - 0.4), ylim=(depth + 0.5, -0.25), ylabel="round")
    ax.set_xticks(range(n), labels or [f"$x_{{{i}}}$" for i in range(n)])
    ax.xaxis.tick_top()
    ax.set_yticks(range(1, depth + 1))
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _draw_combines(ax, levels: list, marked: set) -> None:
    for i, level in enumerate(levels):
        for source, target in level:
            hot = (i, target) in marked
            colour, width = (VERMILION, 2.2) if hot else (BLUE, 1.3)
            style = {"color": colour, "lw": width, "zorder": 2 + hot}
            ax.plot([source, target], [i + 0.25, i + 1], ls="-", marker="", **style)
            ax.plot([target], [i + 1], marker="o" if hot else "s", ms=6 if hot else 4.5, **style)


def _history(levels: list, into: int | None) -> set:
    """Return the combines (round, destination) that the final value of wire `into` rests on."""
    needed, marked = {into}, set()
    for i in range(len(levels) - 1, -1, -1):
        hot = [(source, target) for source, target in levels[i] if target in needed]
        marked |= {(i, target) for _, target in hot}
        needed |= {source for source, _ in hot}
    return marked


def tree(ax, parents: Sequence[int], *, labels: Sequence[str] | None = None, marked=()):
    """Draw a rooted tree, root at the top, leaves evenly spaced.

    Parameters
    ----------
    parents : sequence of int, length k
        Parent of each node, -1 for a root; children are drawn in the order of their numbers.
    labels : sequence of str, length k, optional
        Written in the nodes; default their numbers.
    marked : iterable of int
        Nodes on a vermilion ground with a thick edge to their parent, such as an accepted path.
    """
    found = checks.array("parents", parents, "i", least=-1)
    checks.sizes(parents=(found, "k"))
    parents = found.tolist()
    depth = _depths(parents)
    x = _tree_columns(parents, depth)
    labels = [str(i) for i in range(len(parents))] if labels is None else labels
    checks.instance("labels", labels, Sequence), checks.instance("marked", marked, Iterable)
    if len(labels) != len(parents) or not {*marked} <= {*range(len(parents))}:
        raise ValueError(f"expected labels and marked nodes for {len(parents)} nodes, "
                         f"got {labels} and {marked}")
    marked = set(marked)
    for node, parent in enumerate(parents):
        hot = node in marked
        colour = VERMILION if hot else BLUE
        if parent >= 0:
            ends = [x[parent], x[node]], [depth[parent], depth[node]]
            ax.plot(*ends, color=colour, lw=2.6 if hot else 1.2, ls="-", marker="", zorder=1)
        box = {"boxstyle": "round,pad=0.3", "fc": colour, "ec": "none"}
        words = {"ha": "center", "va": "center", "color": ink(colour), "zorder": 3}
        ax.text(x[node], depth[node], labels[node], bbox=box, **words)
    ends = min(x, default=0) - 0.7, max(x, default=0) + 0.7
    ax.set(xlim=ends, ylim=(max(depth, default=0) + 0.5, -0.5))
    ax.axis("off")
    return ax


def _depths(parents: Sequence[int]) -> list[int]:
    depths = []
    for node in range(len(parents)):
        steps, at = 0, node
        while parents[at] >= 0:
            at, steps = parents[at], steps + 1
            if at >= len(parents) or steps > len(parents):
                raise ValueError(f"parents must form a tree, got a bad link above node {node}")
        depths.append(steps)
    return depths


def _tree_columns(parents: Sequence[int], depth: list[int]) -> list[float]:
    """Return the x of each node: leaves 0, 1, 2, … depth first, parents over their middle."""
    children = {node: [] for node in range(-1, len(parents))}
    for node, parent in enumerate(parents):
        children[max(parent, -1)].append(node)
    columns, stack, leaf = [0.0] * len(parents), children[-1][::-1], 0
    while stack:
        node = stack.pop()
        stack += children[node][::-1]
        if not children[node]:
            columns[node], leaf = float(leaf), leaf + 1
    for node in sorted(filter(children.get, range(len(parents))), key=lambda i: -depth[i]):
        columns[node] = float(np.mean([columns[child] for child in children[node]]))
    return columns
