"""Explorer: a small graph on p workers, as a schedule between Brent's bounds."""

from dataclasses import replace
from pathlib import Path

from paralg.foundations.work_span.cholesky import cholesky_dag
from paralg.foundations.work_span.dags import Dag, chain_sum, graham_anomaly, tree_sum

__all__ = ["explorer"]

_ORDERS = (
    ("listed", "as listed"), ("chain", "longest chain first"), ("short", "shortest task first"),
)  # fmt: skip
_SHORT = {"factor": "F", "solve": "S", "square": "Q", "product": "P"}


def explorer():
    """Return the interactive figure: choose graph, order and workers, step through time."""
    from paralg.figures import Explorer

    lengths = [(label, *(dag.schedule(p).makespan for p in range(1, 7)))
               for _, label, dag in _examples()]  # fmt: skip
    return Explorer(
        name="work-span-schedule", script=Path(__file__).with_name("explorer.js"),
        state={"graphs": [_graph(*item) for item in _examples()], "orders": _ORDERS},
        still=_still(),
        caption="A list schedule on p workers. Dotted and dashed green lines: Brent's bounds. "
        "In the factorisation F factors, S solves, Q squares and P multiplies tiles.",
        alt="Gantt chart: seven additions of a tree sum on three workers end after four steps, "
        "between the bounds 3 and 4.3.",
        table=(("graph", *(f"p = {p}" for p in range(1, 7))), lengths),
    )  # fmt: skip


def _examples() -> list[tuple[str, str, Dag]]:
    tiles = cholesky_dag(3)
    words = [name.split() for name in tiles.names]
    short = tuple(_SHORT[kernel] + "".join(place) for kernel, *place in words)
    independent = Dag(tuple("ABCDEFG"), (1,) * 6 + (3,), ((),) * 7)
    return [
        ("tree", "sum of 8 in a tree", tree_sum(8)),
        ("chain", "sum of 8 in a chain", chain_sum(8)),
        ("cholesky", "Cholesky, 3 × 3 tiles", replace(tiles, names=short)),
        ("graham", "Graham's nine tasks", graham_anomaly()),
        ("shorter", "the nine, each 1 shorter", graham_anomaly(shorter=1)),
        ("independent", "seven independent tasks", independent),
    ]  # fmt: skip


def _graph(key: str, label: str, dag: Dag) -> dict:
    """Return a graph with its layout and its lists, as JSON values."""
    early = [h - d for h, d in zip(dag.heights, dag.durations, strict=True)]
    lane = _lanes(dag, early)
    return {
        "id": key, "label": label, "names": dag.names, "durations": dag.durations,
        "needs": dag.dependencies, "work": dag.work, "span": dag.span,
        "early": early, "lane": lane, "lanes": max(lane) + 1, "orders": _lists(dag),
    }  # fmt: skip


def _lists(dag: Dag) -> dict[str, list[int]]:
    """Return the three lists: as given, by the longest chain that begins there, by duration."""
    n = len(dag)
    ahead = list(dag.durations)
    for v in reversed(range(n)):
        for u in dag.dependencies[v]:
            ahead[u] = max(ahead[u], dag.durations[u] + ahead[v])
    return {
        "listed": list(range(n)),
        "chain": sorted(range(n), key=lambda v: -ahead[v]),
        "short": sorted(range(n), key=lambda v: dag.durations[v]),
    }


def _lanes(dag: Dag, early: list[int]) -> list[int]:
    """Give each task a row of the picture, close to the rows of what it needs, without overlap."""
    lanes: list[int] = [0] * len(dag)
    taken: dict[int, int] = {}  # row -> time up to which it is taken
    for v in sorted(range(len(dag)), key=lambda v: (early[v], v)):
        needs = dag.dependencies[v]
        wish = sum(lanes[u] for u in needs) / len(needs) if needs else 0
        free = [row for row in range(len(dag)) if taken.get(row, 0) <= early[v]]
        lanes[v] = min(free, key=lambda row: (abs(row - wish), row))
        taken[lanes[v]] = early[v] + dag.durations[v]
    return lanes


def _still():
    import matplotlib.pyplot as plt

    from paralg import figures

    fig, ax = plt.subplots(figsize=(6.0, 1.8))
    figures.gantt(ax, tree_sum(8).schedule(3))
    return fig
