"""Right and wrong answers to the exercises, for the tests of their checks."""

import numpy as np

__all__ = ["RIGHT", "WRONG"]


RIGHT = {
    "ex-personalized-pagerank-hops": 4, "ex-personalized-pagerank-depth": 2,
    "ex-personalized-pagerank-crossing": 100_000, "ex-personalized-pagerank-conveyor": 0.5,
}  # fmt: skip
WRONG = {
    "ex-personalized-pagerank-hops": [
        (5, "tosses of the coin"), (0.2, "stop at once"), ("four", "got str"),
    ],
    "ex-personalized-pagerank-depth": [(3, "one level of 1,000"), (1000, "leaf records")],
    "ex-personalized-pagerank-crossing": [(20_000, "1/α look-ups"), (1_000_000, "every arc again")],
    "ex-personalized-pagerank-conveyor": [(0.45, "1,080"), (0.55, "one notch less")],
    "ex-personalized-pagerank-alias": [
        (lambda w: ([1.0] * len(w), range(len(w))), "implies the weights"),
        (lambda w: ([2.0], [0]), "thresholds in [0, 1]"),
    ],
    "ex-personalized-pagerank-twohops": [
        (lambda P, a, u: (a * np.eye(len(P))[u], P[u] @ P), "together they are 1"),
        (lambda P, a, u: (P[u], P[u]), "together they are 1"),
    ],
    "ex-personalized-pagerank-schedule": [
        (lambda live, waiting, cap, omega: min(waiting, cap - live), "starts whole sources"),
        (lambda live, waiting, cap, omega: waiting, "keeps the cap"),
        (lambda live, waiting, cap, omega: 0, "when no walk is alive"),
        (lambda live, waiting, cap, omega: 0 if live else min(waiting, omega), "fills the cap"),
        (lambda live, waiting, cap, omega: 1 // 0, "ZeroDivisionError"),
    ],
}  # fmt: skip
