"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _independent(p, q):
    return np.outer(q, p)


def _redrawn(p, q):
    kept = np.minimum(p, q)
    return np.diag(kept) + np.outer(q - kept, p)


def _sweeps(F, x):
    x, n = list(x), 0
    while (y := F(x)) != x:
        x, n = y, n + 1
    return x, n


def _one_too_many(F, x):
    x, n = _sweeps(F, x)
    return x, n + 1


RIGHT = {
    "ex-speculative-jacobi-rate": 0.7,
    "ex-speculative-jacobi-bounds": {"fewest": 4, "most": 64, "positions": 904},
    "ex-speculative-jacobi-relabel": 0.7,
    "ex-speculative-jacobi-window": {"0": 32, "0.02": 16, "0.1": 8},
}

OTHER_FORMS = [
    ("ex-speculative-jacobi-rate", "7/10"),
]

WRONG = {
    "ex-speculative-jacobi-rate": [(0.46, "independent draw"), (0.3, "refused"), ("half", "")],
    "ex-speculative-jacobi-bounds": [
        ({"fewest": 5, "most": 64, "positions": 904}, "bonus"),
        ({"fewest": 4, "most": 64, "positions": 1024}, "cut off"), (4, "")],
    "ex-speculative-jacobi-joint": [
        (_independent, "diagonal"), (_redrawn, "refused mass"), (lambda p, q: p, "shape")],
    "ex-speculative-jacobi-sweeps": [(_one_too_many, "not counted"), (lambda F, x: (F(x), 1), "")],
    "ex-speculative-jacobi-relabel": [(0.3, "always kept"), (0.0, "uses q = p"), (1, "")],
    "ex-speculative-jacobi-window": [({"0": 32, "0.02": 32, "0.1": 8}, ""), (16, "")],
}  # fmt: skip
