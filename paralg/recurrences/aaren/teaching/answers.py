"""Right and wrong answers to the exercises, for the tests of their checks."""

import math

import numpy as np

from paralg.recurrences.aaren.attention import prefixes
from paralg.recurrences.aaren.monoid import SOFTMAX
from paralg.recurrences.aaren.teaching.checks import _last
from paralg.recurrences.aaren.variants import decayed

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]

NOTHING = (-math.inf, 0, 0)


def unguarded(a, b):
    """Join two summaries, but not two empty ones."""
    m = max(a[0], b[0])
    with np.errstate(invalid="ignore"):
        x, y = np.exp(np.float64(a[0]) - m), np.exp(np.float64(b[0]) - m)
    return m, a[1] * x + b[1] * y, a[2] * x + b[2] * y


RIGHT = {
    "ex-aaren-identity": {"identity": NOTHING, "leaf": (3, 1, 5)},
    "ex-aaren-hunt": [0, 3],
    "ex-aaren-overflow": 11.08,
}
OTHER_FORMS = [
    ("ex-aaren-identity", {"identity": [-np.inf, 0.0, 0.0], "leaf": np.array([3, 1, 5])}),
    ("ex-aaren-join", lambda a, b: np.array(_last(SOFTMAX(a, b)))),
    ("ex-aaren-hunt", np.array([-3.0, -1.0])), ("ex-aaren-overflow", math.log(65504)),
    ("ex-aaren-gate", lambda s, L: np.exp(s - np.logaddexp(s, L))),
    ("ex-aaren-late", lambda n, c: math.ceil(round(n / math.exp(c), 9))),
    ("ex-aaren-decay", lambda a, b, rate: np.array(_last(decayed(rate)(a, b)))),
]  # fmt: skip
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
    "ex-aaren-blocks": [
        (lambda before, s, v: prefixes(s, v[:, None]).outputs[:, 0], "carried sums"),
    ],
    "ex-aaren-hunt": [
        ([3, 0], "different scales"), ([1, 2, 3], "two scores"), ([0, math.inf], "finite"),
        ("rising", "two scores"),
    ],
    "ex-aaren-overflow": [(88.72, "float32")],
    "ex-aaren-gate": [(lambda s, L: s / (s + 1), "share")],
    "ex-aaren-crossing": [(lambda width, heads: 1, "two rows")],
    "ex-aaren-late": [(lambda n, c: n, "weight of all old")],
    "ex-aaren-decay": [
        (lambda a, b, rate: _last(decayed(0.0)(a, b)), "what happens to m"),
        (lambda a, b, rate: _last(decayed(rate)(a, b))[1:], "four numbers"),
        (lambda a, b, rate: _last(decayed(rate)(b, a)), "the first one that fades"),
    ],
}  # fmt: skip
