"""Small computation graphs: sums in a chain and in a tree, Graham's anomaly, random ones.

References: [graham-1969-bounds] for the anomaly, [brent-1974-parallel] for what the graphs are for.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paralg.core import checks
from paralg.core.schedule import Schedule, list_schedule

__all__ = ["Dag", "chain_sum", "graham_anomaly", "random_dag", "tree_sum"]


@dataclass(frozen=True)
class Dag:
    """A directed acyclic graph of tasks, given in an order that respects its arrows.

    Parameters
    ----------
    names : tuple of str, length n
        What each task does.
    durations : tuple of int, length n
        How long each task runs on one worker, in operator applications; positive.
    dependencies : tuple of tuple of int, length n
        For each task the earlier tasks whose results it needs; else ValueError.

    Examples
    --------
    >>> dag = Dag(("load", "sum"), (1, 3), ((), (0,)))
    >>> dag.work, dag.span
    (4, 4)
    """

    names: tuple[str, ...]
    durations: tuple[int, ...]
    dependencies: tuple[tuple[int, ...], ...]

    def __post_init__(self):
        for name, value in vars(self).items():
            checks.instance(name, value, tuple, list)
        n = len(self.names)
        if len(self.durations) != n or len(self.dependencies) != n:
            raise ValueError(
                f"expected {n} durations and {n} dependency lists, "
                f"got {len(self.durations)} and {len(self.dependencies)}"
            )
        for v, needs in enumerate(self.dependencies):
            checks.integer(f"the duration of task {v}", self.durations[v], 1)
            for u in needs:
                if checks.integer(f"what task {v} needs", u) >= v:
                    raise ValueError(f"expected task {v} to need earlier tasks only, got {u}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def work(self) -> int:
        """Sum of all durations: the time of one worker."""
        return sum(self.durations)

    @cached_property
    def heights(self) -> tuple[int, ...]:
        """Duration of the longest chain that ends with each task."""
        heights: list[int] = []
        for duration, needs in zip(self.durations, self.dependencies, strict=True):
            heights.append(duration + max((heights[u] for u in needs), default=0))
        return tuple(heights)

    @property
    def span(self) -> int:
        """Duration of the longest chain: the time of unboundedly many workers."""
        return max(self.heights, default=0)

    def schedule(self, p: int) -> Schedule:
        """Return the list schedule on p workers; the list is the order of the tasks."""
        return list_schedule(self.durations, p, dependencies=self.dependencies, names=self.names)


def chain_sum(n: int) -> Dag:
    """Return the loop that adds n numbers: n - 1 additions, each needing the one before.

    Examples
    --------
    >>> chain_sum(8).span
    7
    """
    adds = max(checks.integer("n", n) - 1, 0)
    names = tuple(f"+{i + 2}" for i in range(adds))
    return Dag(names, (1,) * adds, tuple((i - 1,) if i else () for i in range(adds)))


def tree_sum(n: int) -> Dag:
    """Return the tree that adds n numbers in rounds: n - 1 additions in ceil(log2 n) levels.

    Neighbours are added in pairs; an odd one out waits for the next round.

    Examples
    --------
    >>> tree_sum(8).work, tree_sum(8).span
    (7, 3)
    """
    checks.integer("n", n)
    names: list[str] = []
    dependencies: list[tuple[int, ...]] = []
    level: list[tuple[int | None, int, int]] = [(None, i, i) for i in range(n)]
    while len(level) > 1:
        merged = []
        for (u, a, _), (v, _, b) in zip(level[::2], level[1::2], strict=False):
            dependencies.append(tuple(w for w in (u, v) if w is not None))
            names.append(f"{a}..{b}")
            merged.append((len(names) - 1, a, b))
        level = merged + level[len(level) - len(level) % 2 :]
    return Dag(tuple(names), (1,) * len(names), tuple(dependencies))


def graham_anomaly(*, shorter: int = 0, relaxed: bool = False) -> Dag:
    """Return Graham's nine tasks, on which more can mean slower [graham-1969-bounds, introduction].

    ``shorter`` (0 or 1) is taken off every duration; ``relaxed`` drops the two arrows from task 4
    to tasks 5 and 6.
    """
    checks.integer("shorter", shorter, 0, 1)
    durations = tuple(d - shorter for d in (3, 2, 2, 2, 4, 4, 4, 4, 9))
    freed = {4, 5} if relaxed else set()
    needs = {4: 3, 5: 3, 6: 3, 7: 3, 8: 0}
    dependencies = tuple((needs[v],) if v in needs and v not in freed else () for v in range(9))
    return Dag(tuple(f"T{v + 1}" for v in range(9)), durations, dependencies)


def random_dag(rng: np.random.Generator, n: int, *, density: float = 0.2, longest: int = 5) -> Dag:
    """Return n tasks with random durations 1..longest; ``density`` is an arrow's probability."""
    checks.instance("rng", rng, np.random.Generator)
    checks.integer("n", n), checks.integer("longest", longest, 1)
    checks.number("density", density, 0, 1)
    durations = tuple(int(d) for d in rng.integers(1, longest + 1, size=n))
    arrows = np.triu(rng.random((n, n)) < density, k=1)
    dependencies = tuple(tuple(int(u) for u in np.flatnonzero(arrows[:, v])) for v in range(n))
    return Dag(tuple(f"T{v + 1}" for v in range(n)), durations, dependencies)
