"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np
from scipy.optimize import linear_sum_assignment

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _encode(word, end=1):
    counts = [end, *(word.count(chr(97 + i)) for i in range(26))]
    return counts, [int(i <= len(word)) for i in range(7)]


def _repair(log_p, counts):
    columns = np.repeat(np.arange(len(counts)), counts)
    return columns[linear_sum_assignment(-log_p[:, columns])[1]].tolist()


RIGHT = {
    "ex-cppd-targets": {"n": 2, "o": 2, "end": 1, "slots": "1111100"},
    "ex-cppd-correlation": 2 * np.log2(3), "ex-cppd-encode": _encode, "ex-cppd-repair": _repair,
    "ex-cppd-length": 8,
}  # fmt: skip

OTHER_FORMS = [
    ("ex-cppd-targets", [2, 2, 1, 1111100]),
    ("ex-cppd-length", "8"),
    ("ex-cppd-correlation", 3.17),
]

WRONG = {
    "ex-cppd-targets": [
        ({"n": 1, "o": 2, "end": 1, "slots": "1111100"}, "occurs twice"),
        ({"n": 2, "o": 2, "end": 0, "slots": "1111100"}, "counted like a character"),
        ({"n": 2, "o": 2, "end": 3, "slots": "1111100"}, "nothing to learn"),
        ({"n": 2, "o": 2, "end": 1, "slots": "1111000"}, "slot of the end"), (4, ""),
    ],
    "ex-cppd-correlation": [(np.log2(3), "subtract it"), (3 * np.log2(3), "that of the text"),
                            (np.log2(6), "three of the six")],
    "ex-cppd-encode": [(lambda word: _encode(word, 0), "counts the end"),
                       (lambda word: (_encode(word)[0], [1] * 7), "counts and the slots")],
    "ex-cppd-repair": [(lambda log_p, counts: np.argmax(log_p, axis=1).tolist(), "a column for"),
                       (lambda log_p, counts: np.repeat(np.arange(3), counts).tolist(),
                        "best of all")],
    "ex-cppd-length": [(7, "2.8"), (9, "the end"), (5, "encoder")],
}  # fmt: skip
