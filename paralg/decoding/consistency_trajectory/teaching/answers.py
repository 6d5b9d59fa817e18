"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

from paralg.decoding.consistency_trajectory.schedule import ascending
from paralg.decoding.consistency_trajectory.teaching.checks import revealed, standardised
from paralg.decoding.consistency_trajectory.variants import blocks

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _everything(confidence, tokens, eos, gamma, n):
    return sorted(range(len(confidence)), key=lambda i: (-gamma * confidence[i], i))[:n]


RIGHT = {
    "ex-consistency-trajectory-sizes": [1, 2, 4, 8, 16, 33],
    "ex-consistency-trajectory-pair": {"nats": np.log(2), "valid": 0.5},
    "ex-consistency-trajectory-four": (3, 3, 3, 3),
}  # fmt: skip
OTHER_FORMS = [
    ("ex-consistency-trajectory-sizes", (1, 2, 4, 8, 16, 33)),
    ("ex-consistency-trajectory-sizes", np.array([1, 2, 4, 8, 16, 33])),
    ("ex-consistency-trajectory-pair", ("0.693", "1/2")),
    ("ex-consistency-trajectory-blocks", lambda L, b: blocks(ascending(L), b)),
    ("ex-consistency-trajectory-eoser", lambda *a: np.array(revealed(*a))),
    ("ex-consistency-trajectory-advantages", lambda r: np.array(standardised(r))),
    ("ex-consistency-trajectory-four", [3, 3, 3, 3]),
]
WRONG = {
    "ex-consistency-trajectory-sizes": [
        ([1, 2, 4, 8, 16, 32], "sum to 64"), ([1, 2, 4, 8, 16, 32, 1], "six rounds"),
        ([1, 2, 4, 8, 15, 34], "")],
    "ex-consistency-trajectory-pair": [
        ({"nats": 1, "valid": 0.5}, "bits"),
        ({"nats": 0.693147, "valid": 0.25}, "two of the four")],
    "ex-consistency-trajectory-blocks": [
        (lambda L, b: list(ascending(L)), ""), (lambda L, b: [L // b] * b, "")],
    "ex-consistency-trajectory-eoser": [
        (_everything, "only candidates that are the end token"),
        (lambda c, t, e, g, n: list(range(n)), "")],
    "ex-consistency-trajectory-advantages": [
        (lambda rewards: [[r - sum(g) / len(g) for r in g] for g in rewards], ""),
        (lambda rewards: [[0.0] * len(g) for g in rewards], "")],
    "ex-consistency-trajectory-four": [
        ((1, 2, 9), "80 %"), ((2, 2, 2, 2, 2, 2), "one to four"), ((6, 5), "sum to 12")],
}  # fmt: skip
