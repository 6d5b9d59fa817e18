"""Right and wrong answers to the exercises, for the tests of their checks."""

import numpy as np

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def clamp(first, then):
    """Compose two clamped additions."""
    (a, low, high), (c, low2, high2) = first, then
    return a + c, np.clip(low + c, low2, high2), np.clip(high + c, low2, high2)


def intersected(first, then):
    """Compose them as if the first walls were not moved."""
    (a, low, high), (c, low2, high2) = first, then
    return a + c, np.maximum(low, low2), np.minimum(high, high2)


def kogge_stone(n):
    """Combine with the place 1, 2, 4, … before."""
    shifts = (2**k for k in range(max(n - 1, 0).bit_length()))
    return [[(i - shift, i) for i in range(shift, n)] for shift in shifts]


def only_full_blocks(n):
    """Leave out the blocks that the end cuts."""
    rounds, half = [], 1
    while half < n:
        blocks = range(0, n - 2 * half + 1, 2 * half)
        rounds.append([(b + half - 1, b + half + j) for b in blocks for j in range(half)])
        half *= 2
    return rounds


COUNTS = {"kogge-stone": (29, 4), "brent-kung": (15, 5)}
STEPS = {"sequential": 15, "kogge-stone": 17, "brent-kung": 12, "chunked": 12}
RIGHT = {
    "ex-primitives-counts": COUNTS,
    "ex-primitives-associative": {"a", "c", "e", "f"},
    "ex-primitives-explore": STEPS,
}
OTHER_FORMS = [
    ("ex-primitives-associative", list("acef")),
    ("ex-primitives-associative", "a, c, e, f"),
    ("ex-primitives-associative", np.array(list("acef"))),
    ("ex-primitives-counts", {"Kogge Stone": [29, "4"], "brent_kung": np.array([15, 5])}),
]

_FIRST_THEN = "equals the first map and then the second"
WRONG = {
    "ex-primitives-counts": [
        (COUNTS | {"kogge-stone": (33, 4)}, "not n of them"),
        (COUNTS | {"brent-kung": (15, 7)}, "the rounds of brent-kung"),
        (COUNTS | {"brent-kung": 15}, "a pair (applications, rounds)")],
    "ex-primitives-associative": [
        ({"a", "c", "e"}, "(f) in the set"), (set("abcef"), "(b) left out"),
        ({"a", "x"}, "a set of letters")],
    "ex-primitives-clamp": [
        (intersected, _FIRST_THEN), (lambda first, then: clamp(then, first), _FIRST_THEN),
        (lambda first, then: first[0], "returns three arrays")],
    "ex-primitives-sklansky": [
        (kogge_stone, "these are the combines of Kogge–Stone"),
        (only_full_blocks, "gives every prefix of the letters"), (only_full_blocks, "input     3"),
        (lambda n: [[(i - 1, i)] for i in range(1, n)], "takes ⌈log2 n⌉ rounds")],
    "ex-primitives-streaming": [(lambda n, j, r: n // 2**j * j * r, "counts blocks times rounds")],
    "ex-primitives-explore": [
        (STEPS | {"kogge-stone": 13}, "that is for four workers"),
        (STEPS | {"chunked": 6}, "four discs take two steps on three workers")],
}
