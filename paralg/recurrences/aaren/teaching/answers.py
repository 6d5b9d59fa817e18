"""Right and wrong answers to the exercises, for the tests of their checks."""

import math

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]

NOTHING = (-math.inf, 0, 0)


def join(a, b):
    """Join two summaries."""
    m = max(a[0], b[0])
    if m == -math.inf:
        return m, 0.0, 0.0
    x, y = math.exp(a[0] - m), math.exp(b[0] - m)
    return m, a[1] * x + b[1] * y, a[2] * x + b[2] * y


def unguarded(a, b):
    """Join two summaries, but not two empty ones."""
    m = max(a[0], b[0])
    with np.errstate(invalid="ignore"):
        x, y = np.exp(np.float64(a[0]) - m), np.exp(np.float64(b[0]) - m)
    return m, a[1] * x + b[1] * y, a[2] * x + b[2] * y


def block(before, scores, values):
    """Return the outputs of a block."""
    m, u, w = before
    M = np.maximum(np.maximum.accumulate(scores), m)
    weights = np.tril(np.exp(np.minimum(scores[None] - M[:, None], 0)))
    keep = np.exp(m - M)
    return (keep * w + weights @ values) / (keep * u + weights.sum(1))


def decayed(first, then, rate):
    """Join two summaries (c, m, u, w), the first of which fades."""
    (c1, m1, *a), (c2, m2, *b) = first, then
    return c1 + c2, *join((m1 - rate * c2, *a), (m2, *b))


RIGHT = {
    "ex-aaren-identity": {"identity": NOTHING, "leaf": (3, 1, 5)},
    "ex-aaren-join": join,
    "ex-aaren-blocks": block,
    "ex-aaren-hunt": [0, 3],
    "ex-aaren-overflow": 11.08,
    "ex-aaren-gate": lambda s, L: 1 / (1 + np.exp(L - s)),
    "ex-aaren-crossing": lambda width, heads: (width + 2 * heads) // (2 * width) + 1,
    "ex-aaren-late": lambda n, c: int(np.ceil(n * np.exp(-c) - 1e-9)),
    "ex-aaren-decay": decayed,
}
OTHER_FORMS = [
    ("ex-aaren-identity", {"identity": [-np.inf, 0.0, 0.0], "leaf": np.array([3, 1, 5])}),
    ("ex-aaren-join", lambda a, b: list(join(a, b))),
    ("ex-aaren-join", lambda a, b: np.array(join(a, b))),
    ("ex-aaren-blocks", lambda before, s, v: block(before, s, v).tolist()),
    ("ex-aaren-hunt", np.array([-3.0, -1.0])),
    ("ex-aaren-overflow", math.log(65504)),
    ("ex-aaren-gate", lambda s, L: np.exp(s - np.logaddexp(s, L))),
    ("ex-aaren-late", lambda n, c: math.ceil(round(n / math.exp(c), 9))),
    ("ex-aaren-decay", lambda a, b, rate: np.array(decayed(a, b, rate))),
]
WRONG = {
    "ex-aaren-identity": [
        ({"identity": (0, 0, 0), "leaf": (3, 1, 5)}, "would stay"),
        ({"identity": NOTHING, "leaf": (3, math.exp(3), 5)}, "relative"),
        ({"identity": NOTHING, "leaf": (3, 1, 15)}, "not the score"),
        ({"identity": 0, "leaf": (3, 1, 5)}, "triple"),
        ({"identity": (-1e9, 0, 0), "leaf": (3, 1, 5)}, "below every score"),
        ({"identity": (-math.inf, 1, 0), "leaf": (3, 1, 5)}, "empty sums"),
    ],
    "ex-aaren-join": [
        (lambda a, b: (max(a[0], b[0]), a[1] + b[1], a[2] + b[2]), "rescale"),
        (lambda a, b: 1.0, "returns a triple"),
        (lambda a, b: (max(a[0], b[0]), "u", "w"), "returns a triple"),
        (unguarded, "−∞ − (−∞)"),
    ],
    "ex-aaren-blocks": [(lambda before, s, v: block(NOTHING, s, v), "carried sums")],
    "ex-aaren-hunt": [
        ([3, 0], "different scales"), ([1, 2, 3], "two scores"), ([0, math.inf], "finite"),
        ("rising", "two scores"),
    ],
    "ex-aaren-overflow": [(88.72, "float32")],
    "ex-aaren-gate": [(lambda s, L: s / (s + 1), "share")],
    "ex-aaren-crossing": [(lambda width, heads: 1, "two rows")],
    "ex-aaren-late": [(lambda n, c: n, "weight of all old")],
    "ex-aaren-decay": [
        (lambda a, b, rate: decayed(a, b, 0.0), "what happens to m"),
        (lambda a, b, rate: decayed(a, b, rate)[1:], "four numbers"),
        (lambda a, b, rate: decayed(b, a, rate), "the first one that fades"),
    ],
}  # fmt: skip
