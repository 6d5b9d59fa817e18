"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from fractions import Fraction

import numpy as np

from paralg.recurrences.universal_transformer.teaching.checks import best_shifts, settled_at
from paralg.recurrences.universal_transformer.theory import coefficients

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]

_ = "ex-universal-transformer-"


def run_active(states, block, p, epsilon=0.01, freeze=True, close=True):
    states, output, mass = states.copy(), np.zeros(len(states)), np.zeros(len(states))
    for t, row in enumerate(p):
        rows = np.flatnonzero(mass < 1)
        if not len(rows):
            break
        new = block(rows if freeze else np.arange(len(states)), states)
        kept = new if freeze else new[rows]
        halts = (mass[rows] + row[rows] > 1 - epsilon) | (close and t == len(p) - 1)
        w = np.where(halts, 1 - mass[rows], row[rows])
        states[rows] = kept
        output[rows] += w * kept
        mass[rows] = np.where(halts, 1.0, mass[rows] + row[rows])
    return output


RIGHT = {
    f"{_}remainder": {"steps": 3, "remainder": 0.3}, f"{_}rounds": 5,
    f"{_}settled": settled_at(0.5)[1], f"{_}shift": best_shifts()[-1],
}  # fmt: skip

OTHER_FORMS = [
    (f"{_}remainder", {"steps": 3.0, "remainder": np.float64(1 - 0.7)}),
    (f"{_}blend", lambda w: (c for c in coefficients(w))),
    (f"{_}blend", lambda w: np.array(w) * np.append(np.cumprod(1 - np.array(w)[:0:-1])[::-1], 1)),
    (f"{_}crossing", lambda n, steps: Fraction((n - 1) * steps, n - steps)),
    (f"{_}compact", lambda s, block, p: run_active(s, block, p).tolist()),
    (f"{_}rounds", np.int64(5)),
]

WRONG = {
    f"{_}remainder": [
        ({"steps": 2, "remainder": 0.3}, "not above 0.99"),
        ({"steps": 3, "remainder": 0.5}, "missing to 1"),
    ],
    f"{_}rounds": [(3, "from member 16"), (33, "all at once")],
    f"{_}blend": [
        (lambda w: list(w), "Graves"), (lambda w: coefficients(w[::-1])[::-1], "later"),
        (lambda w: [x / 2 for x in w], "unroll"),
        (lambda w: coefficients(w)[:-1], "one coefficient for each weight"),
        (lambda w: None, "not iterable"),
    ],
    f"{_}crossing": [(lambda n, T: T, "rounds as well"), (lambda n, T: n / T, "solve")],
    f"{_}compact": [
        (lambda s, block, p: np.zeros(len(s)), "frozen states"),
        (lambda s, block, p: 0.0, "one output for each position"),
        (lambda s, block, p: run_active(s, block, p, freeze=False), "at most"),
        (lambda s, block, p: run_active(s, block, p, close=False), "all that is left"),
    ],
    f"{_}rule": [
        (lambda left, centre, right, relu: centre, "bit of 110"),
        (lambda l, c, r, relu: relu(c + r) - relu(c + r - 1) - relu(l + c + r - 2), "plateau"),
        (lambda l, c, r, relu: 110 >> int(round(4 * l + 2 * c + r)) & 1, "sums, products and relu"),
    ],
    f"{_}shift": [(-6, "larger one")],
}  # fmt: skip
