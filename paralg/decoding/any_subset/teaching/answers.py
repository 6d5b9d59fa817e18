"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _masks(order, L, n):
    m = L - len(order)
    rank = np.full(L, m - 1)
    rank[order] = m + np.arange(len(order))
    limit = np.minimum(rank, m + n)
    return rank < limit[:, None], rank < rank[:, None]


def _swapped(order, L, n):
    return _masks(order, L, n)[::-1]


def _with_itself(order, L, n):
    draft, density = _masks(order, L, n)
    return draft, density | np.eye(L, dtype=bool)


def _after(x, V, token):
    counts = np.zeros(V)
    for a, b in zip(x[:-1], x[1:], strict=True):
        if a == token and b < V:
            counts[b] += 1
    if not counts.any():
        for a in x:
            if a < V:
                counts[a] += 1
    return counts / counts.sum()


def _uniform(x, V, token):
    return np.ones(V) / V


RIGHT = {
    "ex-any-subset-worst": {"k = 1": 13, "k = 2": 7, "k = 5": 7},
    "ex-any-subset-visible": _masks, "ex-any-subset-pairs": _after,
    "ex-any-subset-rate": {"rate": 0.2, "calls a token": 0.893},
    "ex-any-subset-copies": {"total variation": 0.75, "nats": 1.386},
    "ex-any-subset-targets": {"0": 12, "0.05": 5, "0.5": 3},
}  # fmt: skip

OTHER_FORMS = [
    ("ex-any-subset-copies", ("3/4", float(np.log(4)))),
    ("ex-any-subset-rate", (0.195, "25/28")),
    ("ex-any-subset-visible", lambda *case: [mask.tolist() for mask in _masks(*case)]),
    ("ex-any-subset-pairs", lambda *case: _after(*case).tolist()),
]

WRONG = {
    "ex-any-subset-worst": [
        ({"k = 1": 14, "k = 2": 7, "k = 5": 7}, "alone"),
        ({"k = 1": 13, "k = 2": 8, "k = 5": 7}, "one target"),
        ({"k = 1": 13, "k = 2": 7, "k = 5": 3}, "the least"), (7, "")],
    "ex-any-subset-visible": [
        (_swapped, "compare ranks"), (_with_itself, "own token"),
        (lambda order, L, n: np.zeros((L, L)), "two masks"),
        (lambda order, L, n: (np.zeros(L), np.zeros(L)), "shape")],
    "ex-any-subset-pairs": [(_uniform, "counts"), (lambda x, V, token: 1, "")],
    "ex-any-subset-rate": [
        ({"rate": 0.24, "calls a token": 0.893}, "sum"),
        ({"rate": 0.2, "calls a token": 0.446}, "two calls"), (0.2, "")],
    "ex-any-subset-copies": [
        ({"total variation": 0.25, "nats": 1.386}, "share"),
        ({"total variation": 0.75, "nats": 2.0}, "bits"), ("much", "")],
    "ex-any-subset-targets": [({"0": 12, "0.05": 2, "0.5": 3}, "saves nothing"), (5, "")],
}  # fmt: skip
