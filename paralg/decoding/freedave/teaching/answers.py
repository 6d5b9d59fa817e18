"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from paralg.decoding.freedave.theory import greedy_forwards

__all__ = ["RIGHT", "WRONG"]


RIGHT = {
    "ex-freedave-jump": 2,
    "ex-freedave-count": {"forwards": 4, "rows": 12},
    "ex-freedave-redraw": 0.896,
    "ex-freedave-counterexample": {"L": 3, "k": 66, "eps": 0.8, "tau": 0.6},
}  # fmt: skip

WRONG = {
    "ex-freedave-jump": [(3, ""), (1, ""), ("two", "")],
    "ex-freedave-count": [
        ({"forwards": 3, "rows": 12}, ""), ({"forwards": 4, "rows": 13}, ""), (4, "")],
    "ex-freedave-redraw": [(0.8, ""), (0.68, ""), (0.5, "")],
    "ex-freedave-verify": [
        (lambda d, t: len(d), ""), (lambda d, t: 1, ""), (lambda d, t: d[5], "")],
    "ex-freedave-plans": [(lambda r, d: greedy_forwards(r, d).forwards, ""), (lambda r, d: 1, "")],
    "ex-freedave-counterexample": [({"L": 3, "k": 0, "eps": 0.0, "tau": 0.6}, "")],
}  # fmt: skip
