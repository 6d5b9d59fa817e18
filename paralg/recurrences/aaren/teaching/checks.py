"""Checks of the exercises on attention as a recurrence."""

from __future__ import annotations

import math

import numpy as np

from paralg.core.primitives import scan
from paralg.foundations.answers import entries
from paralg.recurrences.aaren.monoid import SOFTMAX, decayed, leaves
from paralg.recurrences.aaren.pitfalls import running_maximum
from paralg.recurrences.aaren.schedules import prefixes
from paralg.teach.checking import (
    call,
    close_to,
    equal_to_oracle,
    exercise,
    require,
    smallest_failing,
)


def _numbers(value, size: int, name: str) -> tuple[float, ...]:
    """Return a tuple of numbers from a tuple, list or array of them; fail where it is none."""
    try:
        found = tuple(np.ravel(np.asarray(value, dtype=float)).tolist())
    except (TypeError, ValueError):
        found = ()
    flat = isinstance(value, (tuple, list)) or (isinstance(value, np.ndarray) and value.ndim == 1)
    require(flat and len(value) == len(found) == size, name, got=value)
    return found


@exercise("ex-aaren-identity")
def identity(answer):
    """The summary of no token, and that of one token."""
    nothing, one = (
        _numbers(value, 3, f"{name} is a triple (m, u, w)")
        for name, value in zip(
            ("identity", "leaf"), entries(answer, ("identity", "leaf")), strict=True
        )
    )
    require(nothing != (0, 0, 0), "the identity changes nothing",
            "joined with a token of score −5, a maximum of 0 would stay", got=nothing)  # fmt: skip
    require(nothing[0] == -math.inf, "the identity changes nothing",
            "its maximum must be below every score", got=nothing)  # fmt: skip
    require(nothing == (-math.inf, 0, 0), "the identity changes nothing",
            "a set without tokens has empty sums", got=nothing)  # fmt: skip
    close_to(one[0], 3.0, name="the leaf's maximum")
    close_to(one[1], 1.0, name="the leaf's denominator", wrong={
        math.exp(3): "sums are kept relative to the maximum: e^(s − m)",
    })  # fmt: skip
    close_to(one[2], 5.0, name="the leaf's numerator", wrong={
        5 * math.exp(3): "sums are kept relative to the maximum: e^(s − m) v", 15.0:
        "the weight is an exponential, not the score",
    })  # fmt: skip
    return "Right: (−∞, 0, 0) is the empty set, (s, 1, v) a single token."


def _summaries() -> list[tuple[float, float, float]]:
    """Return summaries of small sets, the empty one included."""
    sets = [[], [(0.0, 1.0)], [(2.0, -1.0)], [(-3.0, 2.0), (1.0, 0.5)], [(800.0, 1.0)],
            [(-900.0, 4.0)]]  # fmt: skip
    found = []
    for one in sets:
        total = (np.array(-np.inf), np.array(0.0), np.array([0.0]))
        for s, v in one:
            total = SOFTMAX(total, (np.array(s), np.array(1.0), np.array([v])))
        found.append((float(total[0]), float(total[1]), float(total[2][0])))
    return found


def _joined(a, b) -> tuple[float, float, float]:
    first, then = ((np.array(m), np.array(u), np.array([w])) for m, u, w in (a, b))
    m, u, w = SOFTMAX(first, then)
    return float(m), float(u), float(w[0])


@exercise("ex-aaren-join")
def join(answer):
    """The operator on summaries of one head and one value."""
    pairs = [(a, b) for a in _summaries() for b in _summaries()]

    def differs(a, b):
        got = _numbers(call(answer, a, b), 3, "returns a triple of numbers")
        return not np.allclose(got, _joined(a, b), rtol=1e-9, atol=1e-12)

    bad = smallest_failing(differs, pairs, shrink=False)
    if bad is not None:
        got = call(answer, *bad)
        hint = "rescale both sides to the larger maximum before you add"
        if np.isnan(_numbers(got, 3, "returns a triple")).any():
            hint = "−∞ − (−∞) is no number: what should the weight of an empty set be?"
        elif not np.isfinite(_numbers(got, 3, "returns a triple")[1:]).all():
            hint = "an exponent must never be positive"
        require(False, "joins two summaries", hint, failing=bad, expected=_joined(*bad), got=got)
    return f"Right on {len(pairs)} pairs, empty sets and scores of ±900 included."


@exercise("ex-aaren-blocks")
def blocks(answer):
    """Outputs of a block, from the summary before it."""
    rng, cases = np.random.default_rng(0), []
    for n in (1, 2, 3, 5):
        for before in _summaries():
            cases.append((before, 3 * rng.normal(size=n), rng.normal(size=n)))

    def oracle(before, scores, values):
        first = (np.array([before[0]]), np.array([before[1]]), np.array([[before[2]]]))
        parts = leaves(scores, values[:, None])
        parts = tuple(np.concatenate(pair) for pair in zip(first, parts, strict=True))
        m, u, w = (part[1:] for part in scan(SOFTMAX, parts).values)
        return w[:, 0] / u

    return equal_to_oracle(
        answer, oracle, cases, tol=1e-9, name="goes on from the summary",
        hint="the carried sums count with weight e^(m − M), M the running maximum so far",
    )  # fmt: skip


@exercise("ex-aaren-hunt")
def hunt(answer):
    """Scores on which the form with the running maximum is wrong by more than a tenth."""
    scores = np.array(_numbers(answer, 2, "is a list of two scores"))
    require(np.isfinite(scores).all(), "scores are finite", got=answer)
    values = np.array([[1.0], [0.0]])
    gap = abs(running_maximum(scores, values) - prefixes(scores, values).outputs).max()
    require(gap > 0.1, "makes the two forms differ by more than 0.1",
            "when do terms with different scales meet in one sum?", got=float(gap))  # fmt: skip
    return f"Right: apart by {gap:.2f}. The maximum has to move after the first token."


@exercise("ex-aaren-overflow")
def overflow(answer):
    """The largest score, to two decimals, whose exponential float16 holds."""
    close_to(answer, 11.08, tol=0.011 / 11, name="the largest score", wrong={
        88.72: "that is float32", 709.78: "that is float64",
        65504: "that is the largest number, not its logarithm",
    })  # fmt: skip
    return "Right: ln 65504 = 11.0899. Two such tokens overflow together."


@exercise("ex-aaren-gate")
def gate(answer):
    """The share of a new token, from its score and the logarithm of the sum so far."""
    cases = [(0.0, 0.0), (1.0, 3.0), (3.0, 1.0), (-2.0, 5.0), (10.0, 0.0), (1000.0, 1000.0),
             (0.0, -math.inf)]  # fmt: skip

    def oracle(s, before):
        return 1.0 if before == -math.inf else 1 / (1 + math.exp(min(before - s, 700)))

    return equal_to_oracle(
        answer, oracle, cases, tol=1e-9, name="is the share of the new token",
        hint="p = e^s / (e^L + e^s): divide by what stays finite",
    )  # fmt: skip


@exercise("ex-aaren-crossing")
def crossing(answer):
    """The first number of tokens at which a cache holds more numbers than an Aaren layer."""
    cases = [(64, 4), (64, 64), (512, 8), (16, 1), (8, 8)]

    def oracle(width, heads):
        return next(n for n in range(1, 100) if 2 * width * n > width + 2 * heads)

    return equal_to_oracle(
        answer, oracle, cases, name="is the first such number",
        hint="two rows of the width for each token, against d + 2 numbers for each head",
    )  # fmt: skip


@exercise("ex-aaren-late")
def late(answer):
    """Tokens of value 1 needed to bring the output from 0 to one half."""
    cases = [(1, 0.0), (10, 0.0), (1000, 0.0), (1000, 2.0), (1000, 7.0), (10, -1.0)]
    return equal_to_oracle(
        answer, lambda n, louder: math.ceil(n * math.exp(-louder) - 1e-9), cases,
        name="is the first such number", hint="compare the weight of all old tokens with all new",
    )  # fmt: skip


@exercise("ex-aaren-decay")
def decay(answer):
    """The operator of scores that fade by a fixed amount with every later token."""
    rate, rng = 0.5, np.random.default_rng(1)
    reference = decayed(rate)

    def summary(n):
        parts = (np.ones(n), *leaves(rng.normal(size=n), rng.normal(size=(n, 1))))
        run = scan(reference, parts).values
        return tuple(float(np.ravel(part[-1])[0]) for part in run)

    pairs = [(summary(a), summary(b)) for a in (1, 2, 5) for b in (1, 2, 5)]
    pairs.append((pairs[0][0], pairs[0][0]))

    def expected(a, b):
        first, then = ((*map(np.array, part[:3]), np.array([part[3]])) for part in (a, b))
        n, m, u, w = reference(first, then)
        return float(n), float(m), float(u), float(w[0])

    def given(a, b):
        return _numbers(call(answer, a, b, rate), 4, "returns four numbers (c, m, u, w)")

    def differs(a, b):
        return not np.allclose(given(a, b), expected(a, b), atol=1e-9)

    bad = smallest_failing(differs, pairs, shrink=False)
    if bad is not None:
        backwards = np.allclose(given(bad[1], bad[0]), expected(*bad), atol=1e-9)
        hint = "it is the first one that fades, by as many steps as the second has tokens"
        require(False, "lets the first fade", hint if backwards else "what happens to m?",
                failing=bad, expected=expected(*bad), got=call(answer, *bad, rate))  # fmt: skip
    return f"Right on {len(pairs)} pairs: still a scan, and it does not commute any more."
