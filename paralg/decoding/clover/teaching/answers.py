"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from __future__ import annotations

__all__ = ["RIGHT", "WRONG"]


def _tree(xs):
    xs, levels = list(xs), 0
    while len(xs) > 1:
        odd = xs[-1:] if len(xs) % 2 else []
        xs = [a + b for a, b in zip(xs[::2], xs[1::2], strict=False)] + odd
        levels += 1
    return xs[0], levels


def _chain(xs):
    return sum(xs), len(xs) - 1


RIGHT = {
    "ex-clover-span": 10,
    "ex-clover-tree": _tree,
    "ex-clover-work": lambda n: n - 1,
}

WRONG = {
    "ex-clover-span": [(999, "that is the work")],
    "ex-clover-tree": [(_chain, "level by level"), (lambda xs: 3, "returns (value, span)")],
    "ex-clover-work": [(lambda n: n, "")],
}
