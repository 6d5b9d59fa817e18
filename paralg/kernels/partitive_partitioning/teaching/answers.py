"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def gain(values, last=0):
    """Return the threshold by trying all cuts; a wrong one leaves out the last of them."""
    x, n = np.sort(np.asarray(values, float)), len(values)
    places = range(1, max(2, n - last))
    sums = [np.var(x[:i]) * i + np.var(x[i:]) * (n - i) + (x[i - 1] == x[i]) * 1e9 for i in places]
    i = places[int(np.argmin(sums))]
    return (x[i - 1] + x[i]) / 2


def combine(a, b, gap=1.0):
    """Return count, mean and squares of both; a wrong one forgets the gap of the means."""
    n = a[0] + b[0]
    apart = b[1] - a[1]
    return n, a[1] + apart * b[0] / n, a[2] + b[2] + gap * apart**2 * a[0] * b[0] / n


RIGHT = {
    "ex-partitive-partitioning-cut": (8, 26 / 3), "ex-partitive-partitioning-penalty": 6,
    "ex-partitive-partitioning-stop": 50,
    "ex-partitive-partitioning-gain": gain, "ex-partitive-partitioning-combine": combine,
}  # fmt: skip

OTHER_FORMS = [("ex-partitive-partitioning-cut", np.array([8, 8.67])),
               ("ex-partitive-partitioning-penalty", "6")]  # fmt: skip

WRONG = {
    "ex-partitive-partitioning-cut": [((2.5, 32.5), "together"), (8, "2 numbers"),
                                      ((0.5, 98 / 3 * 2), "far apart")],
    "ex-partitive-partitioning-penalty": [(5, "share"), (7, "one is free")],
    "ex-partitive-partitioning-stop": [(30, ".91"), (20, ".93")],
    "ex-partitive-partitioning-gain": [(lambda values: gain(values, 1), "all n - 1 cuts"),
                                       (np.mean, "best cut")],
    "ex-partitive-partitioning-combine": [(lambda a, b: combine(a, b, 0.0), "squared gap"),
                                          (lambda a, b: (0, 0, 0), "squared gap")],
}  # fmt: skip
