"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _visible(R, C, w, r, c):
    return [(a, b) for a in range(r + 1) for b in range(C)
            if (a, b) < (r, c) and a * w + b < r * w + c]  # fmt: skip


RIGHT = {
    "ex-mineworld-offset": 3, "ex-mineworld-calls": {"calls": 63, "widest": 8},
    "ex-mineworld-visible": _visible, "ex-mineworld-video": {"apart": 750, "overlapping": 442},
    "ex-mineworld-copies": {"kl": 0.6931, "tv": 0.5},
}  # fmt: skip

OTHER_FORMS = [
    ("ex-mineworld-offset", "3"),
    ("ex-mineworld-calls", [63, 8]),
    ("ex-mineworld-visible", lambda *case: [list(cell) for cell in _visible(*case)]),
]

WRONG = {
    "ex-mineworld-offset": [(2, "the same call"), (1, "to the right"), (4, "the least")],
    "ex-mineworld-calls": [
        ({"calls": 66, "widest": 8}, "13 offsets"), ({"calls": 64, "widest": 8}, "from 1"),
        ({"calls": 112, "widest": 8}, "ramp"), ({"calls": 63, "widest": 14}, "has ended"),
        ({"calls": 63, "widest": 9}, "open at once"), (63, ""),
    ],
    "ex-mineworld-visible": [
        (lambda R, C, w, r, c: [(a, b) for a in range(r + 1) for b in range(C) if (a, b) < (r, c)],
         "an earlier"),
        (lambda R, C, w, r, c: [(a, b) for a in range(R) for b in range(C)
                                if a * w + b < r * w + c], "sooner in raster"),
    ],
    "ex-mineworld-video": [
        ({"apart": 442, "overlapping": 442}, "with overlap"),
        ({"apart": 5040, "overlapping": 442}, "raster"),
        ({"apart": 750, "overlapping": 444}, "209"), ({"apart": 750, "overlapping": 750}, "210"),
    ],
    "ex-mineworld-copies": [
        ({"kl": 1.0, "tv": 0.5}, "bits"), ({"kl": 0.5, "tv": 0.5}, "fair coin"),
        ({"kl": 0.6931, "tv": 1.0}, "half"), ({"kl": 0.6931, "tv": 0.25}, "with an error"),
    ],
}  # fmt: skip
