"""Checks of the exercises on work, span and schedules."""

import numpy as np

from paralg.core.cost import Cost
from paralg.core.schedule import list_schedule
from paralg.foundations.work_span.dags import Dag, chain_sum, graham_anomaly, random_dag, tree_sum
from paralg.teach import checking
from paralg.teach.checking import exercise, require

CHECKS: dict = {}  # filled by the decorator

__all__ = ["CHECKS"]


@exercise("ex-work-span-compose")
def compose(answer):
    """Work and span of (a | b) + c, and Brent's upper bound."""
    work, span, bound = checking.entries(answer, ("work", "span", "upper bound"))
    checking.close_to(work, 20, name="the work")
    checking.close_to(span, 9, name="the span", wrong={
        11: "all three spans are added, but the first two parts run beside each other",
        5: "the third part comes after the others, so its span adds",
    })  # fmt: skip
    checking.close_to(bound, 38 / 3, tol=1e-2, name="the upper bound", wrong={
        20 / 3: "that is W/p, the lower bound of the work law",
        9: "that is the span, a lower bound",
        20 / 3 + 9: "the span's tasks are counted twice: the p workers share W - S",
    })  # fmt: skip
    return "Right: everything adds, except that beside each other the longer chain counts."


@exercise("ex-work-span-cost")
def cost_of_merge_sort(answer):
    """The counts of merge sort against the recurrences."""
    def as_pair(n):
        cost = answer(n)
        require(isinstance(cost, Cost), "returns a Cost", failing=n, got=cost)
        return cost.work, cost.span

    return checking.equal_to_oracle(
        as_pair, _merge_sort_counts, range(34), name="counts work and span of merge sort",
        hint="compose with | and +; a merge of n items is n - 1 applications, all on one chain",
    )  # fmt: skip


def _merge_sort_counts(n: int) -> tuple[int, int]:
    if n <= 1:
        return 0, 0
    (w1, _), (w2, s2) = _merge_sort_counts(n // 2), _merge_sort_counts(n - n // 2)
    return w1 + w2 + n - 1, s2 + n - 1


@exercise("ex-work-span-greedy")
def greedy(answer):
    """A schedule must respect the arrows and the workers, and be greedy."""
    graphs = sorted(_graphs(), key=len)
    cases = [(list(d.durations), list(d.dependencies), p) for d in graphs for p in (1, 2, 3, 5)]
    for name, holds, hint in _SCHEDULE_PROPERTIES:
        for case in cases:
            durations, dependencies, p = case
            shown = f"durations {durations}, dependencies {dependencies}, p = {p}"
            start = checking.call(answer, *case)
            complete = start is not None and len(start) == len(durations)
            require(complete, "returns a start for each task", failing=shown, got=start)
            require(holds(start, *case), name, hint, failing=shown, got=list(start))
    return f"Right: arrows, workers and greed hold on {len(cases)} inputs."


def _graphs() -> list[Dag]:
    rng = np.random.default_rng(5)
    small = [Dag((), (), ()), chain_sum(2), chain_sum(4), tree_sum(4), tree_sum(7)]
    anomalies = [graham_anomaly(), graham_anomaly(relaxed=True)]
    return small + anomalies + [random_dag(rng, n) for n in (3, 5, 8, 12)]


def _arrows(start, durations, dependencies, p) -> bool:
    return all(
        start[v] >= start[u] + durations[u] for v in range(len(start)) for u in dependencies[v]
    )


def _running(t, start, durations) -> int:
    return sum(s <= t < s + d for s, d in zip(start, durations, strict=True))


def _few_enough(start, durations, dependencies, p) -> bool:
    return all(_running(t, start, durations) <= p for t in start)


def _is_greedy(start, durations, dependencies, p) -> bool:
    """No moment at which a ready task waits while a worker is idle."""
    for v, begin in enumerate(start):
        ready = max((start[u] + durations[u] for u in dependencies[v]), default=0)
        if any(_running(t, start, durations) < p for t in range(ready, int(begin))):
            return False
    return True


_SCHEDULE_PROPERTIES = (
    ("no task starts before all it needs have ended", _arrows, "compare starts with ends"),
    ("at most p tasks run at a time", _few_enough, "count what is running before you start one"),
    ("no worker is idle while a task is ready", _is_greedy,
     "look again at every moment at which some task ends"),
)  # fmt: skip


@exercise("ex-work-span-worst")
def worst(answer):
    """Independent tasks, in an order that is 5/3 as long as the best one on three workers."""
    durations = [checking.whole(d, "is a list of 1 to 12 positive integers") for d in answer]
    require(
        durations and all(d > 0 for d in durations) and len(durations) <= 12,
        "is a list of 1 to 12 positive integers", got=answer,
    )  # fmt: skip
    given = list_schedule(durations, 3).makespan
    best = _shortest(durations, 3)
    require(
        3 * given >= 5 * best, "is 5/3 as long as the best order",
        "which task should have started first?", failing=durations,
        expected=f"at least {5 * best / 3:.4g}, as the best order takes {best}", got=given,
    )  # fmt: skip
    return f"Right: {given} where {best} is possible, and no list is worse than 5/3."


def _shortest(durations: list[int], p: int) -> int:
    """Return the length of the best schedule of independent tasks, over all assignments."""
    def with_task(load, w, d):
        return tuple(sorted((*load[:w], load[w] + d, *load[w + 1 :])))

    loads = {(0,) * p}
    for d in durations:
        loads = {with_task(load, w, d) for load in loads for w in range(p)}
    return min(map(max, loads))


@exercise("ex-work-span-amdahl")
def amdahl_limit(answer):
    """Serial share and limit from a speed-up of 1.8 on two workers."""
    share, limit = checking.entries(answer, ("serial share", "limit"))
    checking.close_to(share, 1 / 9, tol=2e-3, name="the serial share", wrong={
        0.1: "10 % is one minus the efficiency; solve 1/1.8 = f + (1 - f)/2 for f",
        0.2: "with f = 0.2 the speed-up would be 1.67; solve 1/1.8 = f + (1 - f)/2 for f",
    })  # fmt: skip
    checking.close_to(limit, 9, tol=2e-2, name="the limit")
    return "Right, if one trusts the model and the one number: see what 1.7 and 1.9 would say."


@exercise("ex-work-span-allreduce")
def allreduce(answer):
    """Recursive halving and doubling in the latency–bandwidth model."""
    def oracle(p, m, alpha, beta):
        return 2 * np.log2(p) * alpha + 2 * (p - 1) / p * beta * m

    cases = [(p, m, a, b) for p in (2, 4, 16, 1024) for m, a, b in
             ((1.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1e6, 1e-6, 1e-10))]  # fmt: skip
    return checking.equal_to_oracle(
        answer, oracle, cases, 1e-9, name="has the rounds of the tree and the bytes of the ring",
        hint="add up what one worker sends: m/2, m/4, … on the way in, the same on the way back",
    )  # fmt: skip
