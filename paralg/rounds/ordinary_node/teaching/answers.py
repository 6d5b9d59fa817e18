"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def reach(radii, one_sided=False):
    """Return t' by looking at all pairs."""
    n = len(radii)
    sides = [[min(d + radii[(v + s * d) % n] for d in range(n)) for v in range(n)] for s in (1, -1)]
    return sides[0] if one_sided else np.maximum(*sides).tolist()


def worst(n, place=lambda a, b: (a + b) // 2):
    """Return identifiers whose maxima lie at a place of their segment."""
    ids, segments, following = [n - 1] + [None] * (n - 1), [(1, n)], n - 2
    while segments:
        a, b = segments.pop(0)
        if a < b:
            k = place(a, b)
            ids[k], following = following, following - 1
            segments += [(a, k), (k + 1, b)]
    return ids


RIGHT = {
    "ex-ordinary-node-sum": 40, "ex-ordinary-node-radii": [2, 3, 1, 3, 2, 1, 2, 1],
    "ex-ordinary-node-sorted": 32, "ex-ordinary-node-reach": reach,
    "ex-ordinary-node-adversary": worst,
}  # fmt: skip

OTHER_FORMS = [("ex-ordinary-node-radii", np.array([2, 3, 1, 3, 2, 1, 2, 1])),
               ("ex-ordinary-node-sum", "40")]  # fmt: skip

WRONG = {
    "ex-ordinary-node-sum": [(32, "of the maximum out"), (48, "8 rounds"), (128, "no other node")],
    "ex-ordinary-node-radii": [([1, 2, 0, 2, 1, 0, 1, 0], "depths"), (7, "eight radii"),
                               ([1, 1, 2, 1, 1, 4, 1, 2], "largest identifier")],
    "ex-ordinary-node-sorted": [(31, "depth"), (16, "whole ball"), (1, "largest identifier")],
    "ex-ordinary-node-reach": [(lambda radii: reach(radii, True), "on each side"),
                               (lambda radii: radii, "on each side")],
    "ex-ordinary-node-adversary": [(lambda n: list(range(n)), "middle"),
                                   (lambda n: [0] * n, "once"),
                                   (lambda n: worst(n, lambda a, b: a), "middle")],
}  # fmt: skip
