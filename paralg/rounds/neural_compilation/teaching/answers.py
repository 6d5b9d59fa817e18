"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def leaky(v):
    """Return LeakyReLU of slope 0.2."""
    return v if v > 0 else 0.2 * v


def least(x, y, scale=0.96):
    """Return x − relu(x − y)."""
    return x - (leaky(x - y) + 0.2 * leaky(y - x)) / scale


def f_int(a, b, half=2):
    """Return 1 minus a part of the mean absolute difference of rows."""
    return 1 - np.mean(np.abs(np.subtract(a, b)).sum(axis=1)) / half


def distances(A, products=None):
    """Return distances by products of a matrix with itself."""
    D = np.where(np.asarray(A) > 0, A, np.inf)
    np.fill_diagonal(D, 0)
    for _ in range(len(D) if products is None else products):
        D = (D[:, :, None] + D[None]).min(axis=1)
    return D


RIGHT = {
    "ex-neural-compilation-rounds": 9, "ex-neural-compilation-moves": 15,
    "ex-neural-compilation-fint": f_int,
    "ex-neural-compilation-least": least, "ex-neural-compilation-squaring": distances,
    "ex-neural-compilation-key": {"r": 200, "id": 1},
}  # fmt: skip

OTHER_FORMS = [("ex-neural-compilation-rounds", "9"), ("ex-neural-compilation-key", (150, 1))]

WRONG = {
    "ex-neural-compilation-rounds": [(8, "nothing does"), (5, "middle"), (10, "before the first")],
    "ex-neural-compilation-moves": [(14, "a move, too"), (8, "left again"), (16, "not left")],
    "ex-neural-compilation-fint": [(lambda a, b: f_int(a, b, 1), "half of"),
                                   (lambda a, b: 1.0, "half of")],
    "ex-neural-compilation-least": [(lambda x, y: least(x, y, 1.0), "slope 0.2"),
                                    (lambda x, y: x - leaky(x - y), "slope 0.2")],
    "ex-neural-compilation-squaring": [(lambda A: distances(A, 1), "as many products"),
                                       (lambda A: A, "infinity")],
    "ex-neural-compilation-key": [({"r": 1, "id": 1}, "being reached"),
                                  ({"r": 200, "id": -1}, "being reached")],
}  # fmt: skip
