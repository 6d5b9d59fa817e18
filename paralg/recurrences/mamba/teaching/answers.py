"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from paralg.core.primitives import AFFINE

__all__ = ["RIGHT", "WRONG"]


RIGHT = {
    "ex-mamba-padding": (1, 0),
    "ex-mamba-counts": {"kogge_stone": (8977, 10), "brent_kung": (1984, 18)},
    "ex-mamba-gate": [0] * 6 + [3] + [0] * 9, "ex-mamba-division": 65,
}  # fmt: skip

WRONG = {
    "ex-mamba-padding": [((0, 0), "forgets everything"), ((0, 1), "multiplies h"),
                         (1, "is a pair")],
    "ex-mamba-counts": [
        ({"kogge_stone": (10_000, 10), "brent_kung": (1984, 18)}, "no partner"),
        ({"kogge_stone": (8977, 10), "brent_kung": (1984, 20)}, "down-sweep"),
        ({"kogge_stone": 8977, "brent_kung": (1984, 18)}, "pair"),
    ],
    "ex-mamba-gate": [([0.3] * 16, "open the gate at token 7"), ([0.3] * 15, "sixteen"),
                      ([9.0] * 16, "between 0 and 3")],
    "ex-mamba-compose": [(lambda f, g: AFFINE(g, f), "the other order"),
                         (lambda f, g: (1.0, 0.0), "applies first")],
    "ex-mamba-resume": [(lambda products, sums, h0: sums + h0, "continues from h0")],
    "ex-mamba-reverse": [(lambda a, dh, scan: scan(a[::-1], dh[::-1])[::-1], "by one"),
                         (lambda a, dh, scan: dh, "equals the loop")],
    "ex-mamba-euler": [(lambda delta: 1.0, "fixed point")],
    "ex-mamba-division": [(55, "subnormal")],
    "ex-mamba-chunk": [(lambda length, states: 32, "differentiate"),
                       (lambda length, states: 0, "at least 1")],
    "ex-mamba-forget": [(lambda delta: 1 / delta, "half-life")],
}  # fmt: skip
