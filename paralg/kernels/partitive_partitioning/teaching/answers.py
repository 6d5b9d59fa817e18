"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from __future__ import annotations

__all__ = ["RIGHT", "WRONG"]


def _chain(xs):
    return sum(xs), len(xs) - 1


RIGHT = {"ex-partitive-partitioning-span": 10}  # of the others the page prints a solution, which is tried

WRONG = {
    "ex-partitive-partitioning-span": [(999, "that is the work")],
    "ex-partitive-partitioning-tree": [(_chain, "level by level"), (lambda xs: 3, "returns (value, span)")],
    "ex-partitive-partitioning-work": [(lambda n: n, "")],
}
