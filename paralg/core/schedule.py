"""p simulated workers: who does what when, how long it takes, how busy they are."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from paralg.core import checks
from paralg.core.laws import Bounds, brent

__all__ = ["Schedule", "Task", "levels_schedule", "list_schedule"]


class Task(NamedTuple):
    """One bar of a Gantt chart."""

    name: str
    worker: int
    start: float
    end: float


@dataclass(frozen=True)
class Schedule:
    """A finished simulation.

    ``tasks`` stand in the order in which they started, ``p`` is the number of workers, ``work`` the
    sum of all durations, ``span`` that of the longest chain of dependent tasks.
    """

    tasks: tuple[Task, ...]
    p: int
    work: float
    span: float

    @property
    def makespan(self) -> float:
        """Time at which the last task ends; 0 without tasks."""
        return max((task.end for task in self.tasks), default=0)

    @property
    def utilisation(self) -> float:
        """Share of the workers' time that was spent on tasks; 1 without tasks."""
        return self.work / (self.p * self.makespan) if self.makespan else 1.0

    @property
    def speedup(self) -> float:
        """Time of one worker over the makespan; 1 without tasks."""
        return self.work / self.makespan if self.makespan else 1.0

    @property
    def bounds(self) -> Bounds:
        """Interval in which the makespan of a greedy schedule lies (Graham, Brent)."""
        work = max(self.work, self.span)  # the sums of a chain may round apart
        return brent(work, self.span, self.p)

    def of_worker(self, worker: int) -> tuple[Task, ...]:
        """Return the tasks of one worker in the order of time."""
        return tuple(task for task in self.tasks if task.worker == worker)


def list_schedule(
    durations: Sequence[float], p: int, *,
    dependencies: Mapping[int, Iterable[int]] | Sequence[Iterable[int]] | None = None,
    names: Sequence[str] | None = None,
) -> Schedule:  # fmt: skip
    r"""Simulate p workers that take tasks from a list as soon as they can [graham-1969-bounds].

    Whenever a worker is idle and a task is ready, the first ready task of the list starts.
    No worker waits while something is ready, hence

    .. math:: \max(W/p, S) \le T_p \le (W - S)/p + S.

    Of n tasks, durations are at least 0 and finite, ``dependencies[i]`` are those that must end
    before task i starts, in a mapping or a sequence, and names are their numbers by default.
    ValueError for what is out of its range, of another number, or a circle of dependencies.
    Work O((n + e) log n) for e dependencies.

    >>> schedule = list_schedule([2, 3, 1], p=2, dependencies={2: [0]})
    >>> schedule.tasks[-1], schedule.makespan
    (Task(name='2', worker=0, start=2, end=3), 3)
    """
    durations, names = _checked(durations, names, p)
    before, after = _graph(dependencies, len(durations))
    waiting = [len(sources) for sources in before]
    ready = [i for i, count in enumerate(waiting) if count == 0]
    ends = [0] * len(durations)  # with a worker for every task
    idle, running, tasks, now = list(range(p)), [], [], 0
    while ready or running:
        while ready and idle:
            i, worker = heapq.heappop(ready), heapq.heappop(idle)
            heapq.heappush(running, (now + durations[i], worker, i))
            tasks.append(Task(names[i], worker, now, now + durations[i]))
        now = running[0][0]
        while running and running[0][0] == now:
            _, worker, i = heapq.heappop(running)
            heapq.heappush(idle, worker)
            ends[i] = durations[i] + max((ends[source] for source in before[i]), default=0)
            for j in after[i]:
                waiting[j] -= 1
                if waiting[j] == 0:
                    heapq.heappush(ready, j)
    if len(tasks) < len(durations):
        circle = [i for i, count in enumerate(waiting) if count]
        raise ValueError(f"expected dependencies without circles, got one among tasks {circle}")
    return Schedule(tuple(tasks), p, sum(durations), max(ends, default=0))


def levels_schedule(sizes: Sequence[int], p: int, *, barrier: float = 0) -> Schedule:
    r"""Simulate rounds of equal unit tasks with a barrier after each.

    Round k of size :math:`n_k`, for example the combines in a level of a scan, takes
    :math:`\lceil n_k / p \rceil`, which is Brent's argument: shares of the p workers differ by at
    most one, and one that is not empty is a task. ``barrier`` is the time between two rounds; the
    bounds of the schedule hold for 0. ValueError or TypeError if a number is out of its range.

    >>> levels_schedule([4, 2, 1], p=2).makespan, levels_schedule([4, 2, 1], p=4).makespan
    (4, 3)
    """
    sizes = checks.array("sizes", sizes, "i", least=0)
    checks.sizes(sizes=(sizes, "k"))
    checks.integer("p", p, 1)
    checks.number("barrier", barrier, 0)
    tasks, now = [], 0
    for level, size in enumerate(sizes := sizes.tolist()):
        shares = [size // p + (worker < size % p) for worker in range(p)]
        busy = [(worker, share) for worker, share in enumerate(shares) if share]
        tasks += [Task(f"level {level}", worker, now, now + share) for worker, share in busy]
        now += shares[0] + (barrier if level < len(sizes) - 1 else 0)
    rounds = sum(size > 0 for size in sizes)
    return Schedule(tuple(tasks), p, sum(sizes), rounds)


def _checked(durations, names: Sequence[str] | None, p: int) -> tuple[list, Sequence[str]]:
    """Check the input and return durations and names as lists."""
    checks.integer("p", p, 1)
    durations = checks.array("durations", durations, least=0)
    checks.finite("durations", durations)
    n = checks.sizes(durations=(durations, "n"))["n"]
    names = list(map(str, range(n))) if names is None else names
    checks.instance("names", names, Sequence)
    if len(names) != n:
        raise ValueError(f"names must be as many as the {n} tasks, got {len(names)}")
    return durations.tolist(), names


def _graph(dependencies, n: int) -> tuple[list[list[int]], list[list[int]]]:
    """Return the distinct predecessors and the successors of each of n tasks."""
    before: list[list[int]] = [[] for _ in range(n)]
    after: list[list[int]] = [[] for _ in range(n)]
    mapped = isinstance(dependencies, Mapping)
    checks.instance("dependencies", dependencies or (), Mapping, Iterable)
    for i, sources in dependencies.items() if mapped else enumerate(dependencies or ()):
        checks.instance("each of dependencies", sources, Iterable)
        for task in (i, *sources):
            checks.integer("each of dependencies", task, most=n - 1)
        before[i] = sorted(set(sources))
        for source in before[i]:
            after[source].append(i)
    return before, after
