"""Right and wrong answers to the exercises, for the tests of their checks."""

from math import comb

__all__ = ["RIGHT", "WRONG"]


def _surenesses(n: int, sides: int = 2) -> list[float]:
    """Confidence of the interval from the jth smallest to the jth largest, for j = 1, 2, …"""
    return [1 - sides * sum(comb(n, i) for i in range(j)) / 2**n for j in range(1, n // 2 + 1)]


def _interval(sides: int = 2, least: int = 0):
    """Return a solution; with one side it is too narrow, with a least rank it never refuses."""
    def interval(samples, confidence):
        j = max(least, sum(s >= confidence for s in _surenesses(len(samples), sides)))
        if not j:
            raise ValueError("too few samples")
        return sorted(samples)[j - 1], sorted(samples)[-j]

    return interval


def rotated(codes, rounds):
    """Start each round one code later."""
    return [[codes[(r + i) % len(codes)] for i in range(len(codes))] for r in range(rounds)]


def one_after_the_other(codes, rounds):
    """Repeat each code before the next one."""
    return [[code] * len(codes) for code in codes for _ in range(rounds // len(codes) or 1)]


KARP = {"e at 2": 0.047, "e at 16": 0.082, "speed-up at 64": 8.2}
RIGHT = {
    "ex-measuring-repeats": {"probability": 0.961, "repeats": 12},
    "ex-measuring-karp": KARP,
    "ex-measuring-average": {"a": [1, 1, 8], "b": [8, 1, 1]},
}  # fmt: skip
_NARROWEST = "is the interval with the largest j"
_MEANS = "gives every code the same mean position"
WRONG = {
    "ex-measuring-repeats": [
        ({"probability": 1 - 2 / 512, "repeats": 12}, "from the smallest to the largest"),
        ({"probability": 0.961, "repeats": 11}, "eleven give 98.8 per cent")],
    "ex-measuring-interval": [
        (lambda samples, confidence: (min(samples), max(samples)), _NARROWEST),
        (lambda samples, confidence: (samples[0], samples[-1]), _NARROWEST),
        (_interval(sides=1), _NARROWEST), (_interval(least=1), "refuses too few samples")],
    "ex-measuring-order": [
        (lambda codes, rounds: [list(codes)] * rounds, _MEANS),
        (one_after_the_other, "has every code once in each round"), (rotated, _MEANS)],
    "ex-measuring-karp": [
        (KARP | {"speed-up at 64": 10.4}, "let h grow with p"),
        (KARP | {"e at 2": 0.045}, "one minus the efficiency")],
    "ex-measuring-average": [
        ({"a": [1, 1, 2], "b": [2, 1, 1]}, "the mean of b over a is at least 2"),
        ({"a": [1, 1, 1], "b": [4, 4, 4]}, "the mean of a over b is at least 2"),
        ({"a": [1, 1], "b": [4, 4]}, "three positive times")],
}  # fmt: skip
