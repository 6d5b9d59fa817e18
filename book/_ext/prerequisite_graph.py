"""Draw which chapter needs which, as a picture for the page."""

from __future__ import annotations

import textwrap
from html import escape

__all__ = ["direct_needs", "draw_graph"]

COLUMN, ROW = 184, 60  # distance between boxes
WIDTH, HEIGHT = 152, 44  # of a box
MARGIN = 10
HEAD = (
    '<defs><marker id="paralg-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
    'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>'
)


def draw_graph(
    needs: dict[str, list[str]], titles: dict[str, str], links: dict[str, str] | None = None
) -> str:
    """Draw chapters as boxes in columns by depth, an arrow from what is needed.

    Parameters
    ----------
    needs : dict
        For each chapter, the chapters it needs.  What a needed chapter needs itself gets no arrow.
    titles : dict
        Title of each chapter; the box shows what stands before a colon.
    links : dict, optional
        Address of each chapter; the box leads there.

    Returns
    -------
    str
        An HTML figure with an SVG picture.
    """
    places = _places(needs)
    direct = direct_needs(needs)
    edges = "".join(_edge(places[b], places[n]) for n, before in direct.items() for b in before)
    boxes = "".join(_box(places[n], titles[n], (links or {}).get(n)) for n in needs)
    width = max(x for x, _ in places.values()) + WIDTH + MARGIN
    height = max(y for _, y in places.values()) + HEIGHT + MARGIN
    alt = f"Graph of {len(needs)} chapters; an arrow goes from a chapter to one that needs it. "
    alt += "The table below says the same in words."
    return (
        '<figure class="paralg-graph" tabindex="0" role="region" aria-label="Prerequisite graph">'
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="group" aria-label="{alt}" '
        f'style="min-width: {0.9 * width:.0f}px">'
        f"{HEAD}{edges}{boxes}</svg></figure>"
    )


def direct_needs(needs: dict[str, list[str]]) -> dict[str, list[str]]:
    """Leave out what is needed already by something else that is needed."""
    found = {}
    for name, before in needs.items():
        behind = {far for near in before for far in _all_needs(near, needs) - {near, name}}
        found[name] = [near for near in before if near not in behind]
    return found


def _all_needs(name: str, needs: dict[str, list[str]]) -> set[str]:
    """Everything that has to be read before a chapter, at any distance."""
    seen: set[str] = set()
    waiting = list(needs.get(name, ()))
    while waiting:
        near = waiting.pop()
        if near not in seen:
            seen.add(near)
            waiting += needs.get(near, ())
    return seen


def _places(needs: dict[str, list[str]]) -> dict[str, tuple[int, int]]:
    """Corner of each box: the column is the length of the longest way to it."""
    depths: dict[str, int] = {}
    places, filled = {}, {}
    for name in needs:
        column = _depth(name, needs, depths, ())
        row = filled.setdefault(column, 0)
        places[name] = (MARGIN + COLUMN * column, MARGIN + ROW * row)
        filled[column] += 1
    return places


def _depth(name: str, needs: dict, depths: dict[str, int], trail: tuple[str, ...]) -> int:
    """Longest chain of needs before a chapter; a circle is cut where it closes."""
    if name not in depths:
        before = [
            _depth(n, needs, depths, (*trail, name)) for n in needs[name] if n not in trail
        ]
        depths[name] = 1 + max(before, default=-1)
    return depths[name]


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    """An arrow; one that passes whole columns runs through the gap above the row of its end."""
    x0, y0 = start[0] + WIDTH, start[1] + HEIGHT // 2
    x1, y1 = end[0] - 3, end[1] + HEIGHT // 2
    path = f"M{x0} {y0}"
    if end[0] - start[0] > COLUMN:
        gap = end[1] - (ROW - HEIGHT) // 2
        near, far = x0 + COLUMN - WIDTH, x1 - (COLUMN - WIDTH) + 3
        path += f"C{(x0 + near) / 2} {y0} {(x0 + near) / 2} {gap} {near} {gap}H{far}"
        x0, y0 = far, gap
    middle = (x0 + x1) / 2
    path += f"C{middle} {y0} {middle} {y1} {x1} {y1}"
    return f'<path class="edge" d="{path}" marker-end="url(#paralg-tip)"/>'


def _box(place: tuple[int, int], title: str, link: str | None = None) -> str:
    x, y = place
    lines = textwrap.wrap(title.partition(":")[0], 22, max_lines=2, placeholder=" …")
    first = y + HEIGHT // 2 + 5 - 9 * (len(lines) - 1)
    text = "".join(
        f'<tspan x="{x + WIDTH // 2}" y="{first + 18 * place}">{escape(line)}</tspan>'
        for place, line in enumerate(lines)
    )
    box = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4"/>'
    box += f'<text text-anchor="middle">{text}</text>'
    return f'<a href="{escape(link)}" aria-label="{escape(title)}">{box}</a>' if link else box
