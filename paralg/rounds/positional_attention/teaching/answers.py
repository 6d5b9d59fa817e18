"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def combine(left, right, empty=False):
    """Return (total, prefix, suffix, best) of two neighbouring blocks."""
    best = max(left[3], right[3], left[2] + right[1])
    return (left[0] + right[0], max(left[1], left[0] + right[1]),
            max(right[2], right[0] + left[2]), max(best, 0) if empty else best)  # fmt: skip


def transposition(n, rounds=None, first=0):
    """Return partners of odd-even transposition."""
    found = []
    for t in range(n if rounds is None else rounds):
        row = list(range(n))
        for i in range((t + first) % 2, n - 1, 2):
            row[i], row[i + 1] = i + 1, i
        found.append(row)
    return found


RIGHT = {
    "ex-positional-attention-wires": [8, 8, 8, 8, 0, 1, 2, 3],
    "ex-positional-attention-gap": 15.89, "ex-positional-attention-growth": 0.1,
    "ex-positional-attention-blocks": combine, "ex-positional-attention-sorter": transposition,
}  # fmt: skip

OTHER_FORMS = [("ex-positional-attention-wires", np.array([8, 8, 8, 8, 0, 1, 2, 3])),
               ("ex-positional-attention-sorter", lambda n: transposition(n, first=1)),
               ("ex-positional-attention-growth", "0.1")]  # fmt: skip

WRONG = {
    "ex-positional-attention-wires": [([0, 1, 2, 3, 0, 1, 2, 3], "twice"), (4, "eight sources"),
                                      ([8, 8, 0, 1, 2, 3, 4, 5], "stride 4"),
                                      ([4, 5, 6, 7, 8, 8, 8, 8], "from the left")],
    "ex-positional-attention-gap": [(13.82, "eight"), (6.9, "base e")],
    "ex-positional-attention-growth": [(0.098, "drawn again"), (0.014, "squared")],
    "ex-positional-attention-blocks": [(lambda a, b: combine(a, b, True), "best block"),
                                       (lambda a, b: combine(a, b)[:3], "total, prefix")],
    "ex-positional-attention-sorter": [(lambda n: transposition(n, n // 2), "zeros and ones"),
                                       (lambda n: [[1] * n], "partner"),
                                       (lambda n: transposition(n, 2 * n), "at most n")],
}  # fmt: skip
