"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _insert(lines, calls, by=lambda call: call[1]):
    out = []
    for k, line in enumerate(["", *lines]):
        out += [line] * (k > 0)
        out += [text for L, S, text in sorted(calls, key=by) if k == L]
    return out


_CROSS = [(5, 1), (6, 1), (7, 1), (6, 0), (6, 2)]
RIGHT = {
    "ex-mpirigen-tolerance": _CROSS,
    "ex-mpirigen-labels": [7, 1, 7, 2, 7, 0],
    "ex-mpirigen-scores": [0.75, 2 / 3, 0.75],
    "ex-mpirigen-insert": _insert,
    "ex-mpirigen-f1": [0.25, 0.4],
    "ex-mpirigen-price": 10.5,
}

OTHER_FORMS = [("ex-mpirigen-tolerance", {*_CROSS}), ("ex-mpirigen-price", "10.5"),
               ("ex-mpirigen-scores", ["3/4", "2/3", "3/4"])]  # fmt: skip

WRONG = {
    "ex-mpirigen-tolerance": [
        ([(L, S) for L in (5, 6, 7) for S in (0, 1, 2)], "outside"),
        ([(5, 1), (6, 1), (7, 1)], "two other ranks"), (5, "list of pairs")],
    "ex-mpirigen-labels": [([7, 1, 8, 1, 9, 0], "after stripping"),
                           ([7, 1, 7, 2, 8, 0], "line before"), ([7, 1, 7, 2, 7, 3], "rank 0")],
    "ex-mpirigen-scores": [([0.75, 0.5, 0.75], "located calls"),
                           ([0.75, 2 / 3, 2 / 3], "right name"),
                           ([1, 2 / 3, 0.75], "no prediction")],
    "ex-mpirigen-insert": [(lambda lines, calls: _insert(lines, calls, lambda call: -call[1]),
                            "behind line 0"), (lambda lines, calls: lines, "behind line 0")],
    "ex-mpirigen-f1": [([0.25, 0.25], "recall"), ([1, 1], "16 calls")],
    "ex-mpirigen-price": [(64 / 6, "itself"), (63 / 32, "log"), (6, "rounds")],
}  # fmt: skip
