"""Answers to the exercises, right and wrong, for the tests: each wrong one with what it is told."""

from paralg.decoding.clover.teaching.checks import _by_heap, _walk, best_budget

__all__ = ["OTHER_FORMS", "RIGHT", "WRONG"]


def _level_by_level(dists, m):
    return sum(sorted(map(float, dists[0]), reverse=True)[:m])


def _any_node(tokens, parents, choice):
    return [node for node in range(1, len(tokens)) if tokens[node] == choice[parents[node]]]


RIGHT = {
    "ex-clover-break-even": 2, "ex-clover-grow": {"paper": 0.9, "best": 1.02},
    "ex-clover-best": _by_heap, "ex-clover-walk": _walk, "ex-clover-ratio": 0.125,
    "ex-clover-budget": {str(B): best_budget(B) for B in (1, 16, 48)},
}  # fmt: skip

OTHER_FORMS = [("ex-clover-ratio", "1/8"), ("ex-clover-break-even", "2.0")]

WRONG = {
    "ex-clover-break-even": [(1.25, "drafting takes time"), (0.5, "one token"), ("two", "")],
    "ex-clover-grow": [
        ({"paper": 1.02, "best": 1.02}, "level 1 is filled first"),
        ({"paper": 0.9, "best": 0.9}, "worth more than b"), (0.9, "")],
    "ex-clover-best": [(_level_by_level, "child never exceeds"), (lambda dists, m: 1.0, "")],
    "ex-clover-walk": [(_any_node, "stop where there is none"), (lambda t, p, c: [], "")],
    "ex-clover-ratio": [(0, "not .5"), (0.25, "half"), (1, "")],
    "ex-clover-budget": [({"1": 16, "16": 16, "48": 16}, "compare"), (4, "")],
}  # fmt: skip
