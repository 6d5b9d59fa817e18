"""Explorer: five scan networks on sixteen numbers, level by level."""

from pathlib import Path

import numpy as np

from paralg.core.primitives import ADD, scan

__all__ = ["explorer"]

_NUMBERS = (3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3)
_METHODS = {
    "sequential": "loop", "kogge-stone": "Kogge–Stone", "brent-kung": "Brent–Kung",
    "blelloch": "Blelloch (exclusive)", "chunked": "chunks of 4",
}  # fmt: skip


def explorer():
    """Return the interactive figure: choose a scan and step through its levels."""
    from paralg.figures import Explorer

    networks = [_network(method) for method in _METHODS]
    return Explorer(
        name="primitives-network",
        script=Path(__file__).with_name("explorer.js"),
        state={"numbers": _NUMBERS, "networks": networks},
        still=_still(),
        caption="Scans of sixteen numbers. Each row is a round; a disc joins the block of its own "
        "place with the block that ends just before it. The bars at the foot show which numbers "
        "each place has summed; framed in green: complete.",
        alt="Network diagram of a Brent-Kung scan on sixteen positions: four rounds up, three down,"
        " 26 combines in all.",
        table=(
            ("method", "rounds", "combines"),
            [(one["label"], one["span"], one["work"]) for one in networks],
        ),
    )


def _network(method: str) -> dict:
    """Return the rounds of a method and what every place holds after each, as JSON values."""
    n = len(_NUMBERS)
    chunk = 4 if method == "chunked" else None
    inclusive = method != "blelloch"
    run = scan(ADD, list(_NUMBERS), method=method, inclusive=inclusive, chunk=chunk, trace=True)
    up = len(run.levels) if inclusive else int(np.log2(n))
    return {
        "id": method, "label": _METHODS[method], "levels": run.levels,
        "held": _hold(run.levels, n, up), "work": run.cost.work, "span": run.cost.span,
    }  # fmt: skip


def _hold(levels: list, n: int, up: int) -> list:
    """Return for each place the block [first, last] it holds, before and after every round.

    After the rounds ``up`` Blelloch's scan goes down: the left place of a pair gets what the right
    one held, the prefix before the pair; the right one gets that prefix joined with the left block.
    None is the identity.
    """
    held = [[(i, i) for i in range(n)]]
    for k, level in enumerate(levels):
        if k == up:
            held[-1] = [*held[-1][:-1], None]
        before, now = held[-1], list(held[-1])
        for src, dst in level:
            if k < up:
                now[dst] = (before[src][0], before[dst][1])
            else:
                now[src], now[dst] = before[dst], ((before[dst] or before[src])[0], before[src][1])
        held.append(now)
    return held


def _still():
    import matplotlib.pyplot as plt

    from paralg import figures

    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    figures.scan_network(ax, _network("brent-kung")["levels"], len(_NUMBERS))
    return fig
