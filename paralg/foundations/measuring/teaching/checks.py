"""Checks of the exercises on measuring."""

from math import comb

import numpy as np

from paralg.teach import checking
from paralg.teach.checking import exercise, require

CHECKS: dict = {}  # filled by the decorator

__all__ = ["CHECKS"]


@exercise("ex-measuring-repeats")
def repeats(answer):
    """Coverage of [X(2), X(8)] for nine repeats, and repeats for 99 per cent."""
    probability, count = checking.entries(answer, ("probability", "repeats"))
    checking.close_to(probability, 1 - 20 / 512, tol=2e-3, name="the probability", wrong={
        1 - 2 / 512: "that is the interval from the smallest to the largest value",
        1 - 10 / 512: "the median may lie outside on either side",
        96.1: "a probability lies between 0 and 1",
    })  # fmt: skip
    checking.close_to(count, 12, name="the repeats", wrong={
        11: "eleven give 98.8 per cent",
        8: "eight are enough from the smallest to the largest, not from the second smallest",
    })  # fmt: skip
    return "Right."


@exercise("ex-measuring-interval")
def interval(answer):
    """The narrowest order-statistic interval of a given confidence."""
    rng = np.random.default_rng(12)
    cases = [
        (rng.permutation(n).astype(float).tolist(), confidence)
        for n in (5, 6, 7, 12, 30) for confidence in (0.5, 0.9, 0.95) if _rank(n, confidence)
    ]  # fmt: skip
    message = checking.equal_to_oracle(
        lambda *case: tuple(map(float, answer(*case))), _interval, cases, 1e-12,
        name="is the interval with the largest j that is sure enough",
        hint="add the binomial terms on both sides; are the samples sorted?",
    )  # fmt: skip
    checking.raises(answer, ([3.0, 1.0, 2.0], 0.95), ValueError, name="refuses too few samples")
    return message


def _rank(n: int, confidence: float) -> int:
    """Return the largest j whose interval is sure enough, 0 if there is none."""
    sure = [1 - 2 * sum(comb(n, i) for i in range(j)) / 2**n for j in range(1, n // 2 + 1)]
    return sum(s >= confidence for s in sure)


def _interval(samples, confidence) -> tuple[float, float]:
    ordered, j = sorted(samples), _rank(len(samples), confidence)
    return ordered[j - 1], ordered[len(samples) - j]


@exercise("ex-measuring-order")
def order(answer):
    """Every code once a round, and equal mean positions."""
    cases = [(list("ABCDE")[:k], rounds) for k in (1, 2, 3, 4) for rounds in range(1, 13)
             if rounds % 2 == 0 or rounds % k == 0]  # fmt: skip
    tried = []
    for codes, rounds in cases:
        runs = [list(one) for one in checking.call(answer, codes, rounds)]
        tried.append({"failing": f"codes {codes}, {rounds} rounds", "got": runs})
        complete = len(runs) == rounds and all(sorted(one) == sorted(codes) for one in runs)
        require(complete, "has every code once in each round", **tried[-1])
    for (codes, _), shown in zip(cases, tried, strict=True):
        order = np.array(sum(shown["got"], []))
        means = [np.flatnonzero(order == code).mean() for code in codes]
        require(np.ptp(means) < 1e-9, "gives every code the same mean position",
                "in which places of the rounds does each code run?", **shown)  # fmt: skip
    return f"Right: a linear drift cancels on {len(cases)} inputs."


@exercise("ex-measuring-karp")
def karp(answer):
    """Serial shares from measured speed-ups, and a prediction with a tree of messages."""
    two, sixteen, far = checking.entries(answer, ("e at 2", "e at 16", "speed-up at 64"))
    checking.close_to(two, 0.0471, tol=1e-3, name="e at 2", wrong={
        0.0236: "divide by 1 - 1/p",
        0.045: "that is one minus the efficiency",
    })  # fmt: skip
    checking.close_to(sixteen, 0.0819, tol=1e-3, name="e at 16")
    checking.close_to(far, 8.2, tol=4e-2, name="the speed-up at 64", wrong={
        10.4: "that is Amdahl's law with the share from 16 workers; let h grow with p",
        16.1: "that is Amdahl's law with the share from 2 workers; let h grow with p",
    })  # fmt: skip
    return "Right: the growing share tells coordination from serial code."


@exercise("ex-measuring-average")
def average(answer):
    """Two codes, each at least twice as slow as the other by the arithmetic mean of ratios."""
    a, b = checking.entries(answer, ("a", "b"))
    name = "has three positive times for each code"
    a, b = (np.array(checking.numbers(times, 3, name)) for times in (a, b))
    require(min(a.min(), b.min()) > 0, name, got=answer)
    for name, ratios in (("b over a", b / a), ("a over b", a / b)):
        require(ratios.mean() >= 2, f"the mean of {name} is at least 2",
                "let one input be far away on each side", got=float(ratios.mean()))  # fmt: skip
    return "Right, and the geometric means are each other's inverse, as they must be."
