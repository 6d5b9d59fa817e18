"""Right and wrong answers to the exercises, for the tests of their checks."""

from fractions import Fraction

import numpy as np

from paralg.core.cost import Cost

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def halves_in_sequence(n):
    """One half after the other, then the merge."""
    if n <= 1:
        return Cost()
    merge = Cost(work=n - 1, span=n - 1)
    return halves_in_sequence(n // 2) + halves_in_sequence(n - n // 2) + merge


def unlimited(durations, dependencies, p):
    """Start each task when all that it needs has ended."""
    ends = []
    for d, needs in zip(durations, dependencies, strict=True):
        ends.append(d + max((ends[u] for u in needs), default=0))
    return [end - d for end, d in zip(ends, durations, strict=True)]


COMPOSED = {"work": 20, "span": 9, "upper bound": 12.67}
RIGHT = {
    "ex-work-span-compose": COMPOSED,
    "ex-work-span-worst": [1, 1, 1, 1, 1, 1, 3],
    "ex-work-span-amdahl": {"serial share": 0.111, "limit": 9},
}
OTHER_FORMS = [
    ("ex-work-span-worst", [2] * 6 + [6]),
    ("ex-work-span-worst", np.array([1.0] * 6 + [3.0])),
    ("ex-work-span-compose", {"Work": "20", "SPAN": np.int64(9), "upper-bound": "38/3"}),
    ("ex-work-span-compose", (20, 9, Fraction(38, 3))),
]
_MERGE_SORT = "counts work and span of merge sort"
WRONG = {
    "ex-work-span-compose": [
        (COMPOSED | {"span": 11}, "the first two parts run beside"),
        (COMPOSED | {"upper bound": 20 / 3}, "the lower bound of the work law"),
        ({"work": 20}, "the entries work, span, upper bound")],
    "ex-work-span-cost": [
        (lambda n: Cost(work=max(n - 1, 0), span=max(n - 1, 0)), _MERGE_SORT),
        (halves_in_sequence, _MERGE_SORT), (lambda n: n, "returns a Cost")],
    "ex-work-span-greedy": [
        (lambda d, needs, p: [sum(d[:v]) for v in range(len(d))],
         "no worker is idle while a task is ready"),
        (unlimited, "at most p tasks run at a time"),
        (lambda d, needs, p: [0] * len(d), "no task starts before all it needs have ended"),
        (lambda d, needs, p: None, "returns a start for each task")],
    "ex-work-span-worst": [
        ([3, 1, 1, 1, 1, 1, 1], "is 5/3 as long as the best order"),
        ([], "a list of 1 to 12 positive integers"), ([1.9, 1.9, 3.9], "a whole number")],
    "ex-work-span-amdahl": [({"serial share": 0.1, "limit": 10}, "one minus the efficiency")],
    "ex-work-span-allreduce": [
        (lambda p, m, a, b: 2 * np.log2(p) * (a + b * m),
         "has the rounds of the tree and the bytes of the ring")],
}  # fmt: skip
