"""Checks of the exercises on attention as a recurrence."""

import math
from collections.abc import Callable

import numpy as np

from paralg.core.primitives import scan
from paralg.recurrences.aaren.attention import prefixes
from paralg.recurrences.aaren.monoid import SOFTMAX, leaves
from paralg.recurrences.aaren.streaming import stream
from paralg.recurrences.aaren.variants import decayed, running_maximum
from paralg.teach import checking
from paralg.teach.checking import close_to, equal_to_oracle, exercise, numbers, require


def _last(summary) -> tuple[float, ...]:
    """Return the last one of summaries of one value, as plain numbers."""
    return tuple(float(np.ravel(part)[-1]) for part in summary)


def _summaries() -> list[tuple[float, ...]]:
    """Return summaries of small sets, the empty one included."""
    sets = ([(0.0, 1.0)], [(2.0, -1.0)], [(-3.0, 2.0), (1.0, 0.5)], [(800.0, 1.0)], [(-900.0, 4.0)])
    found = (np.array(tokens).T for tokens in sets)
    return [SOFTMAX.identity, *(_last(prefixes(s, v[:, None]).summary) for s, v in found)]


def _joins(given: Callable, operator, pairs, name: str, hint: Callable) -> None:
    """Require that pairs are joined as by the operator; ``hint(pair)`` says what may be wrong."""

    def differs(*pair):
        return not np.allclose(given(*pair), _last(operator(*pair)), rtol=1e-9, atol=1e-9)

    bad = checking.smallest_failing(differs, pairs, shrink=False)
    if bad is not None:
        require(False, name, hint(bad), failing=bad, expected=_last(operator(*bad)),
                got=given(*bad))  # fmt: skip


@exercise("ex-aaren-identity")
def identity(answer):
    """The summary of no token, and that of one token."""
    nothing, one = checking.entries(answer, ("identity", "leaf"))
    nothing = numbers(nothing, 3, "identity is a triple (m, u, w)")
    one = numbers(one, 3, "leaf is a triple (m, u, w)")
    for right, hint in (
        (nothing != (0, 0, 0), "joined with a token of score −5, a maximum of 0 would stay"),
        (nothing[0] == -math.inf, "its maximum must be below every score"),
        (nothing == (-math.inf, 0, 0), "a set without tokens has empty sums"),
    ):
        require(right, "the identity changes nothing", hint, got=nothing)
    absolute = "sums are kept relative to the maximum: the weight is e^(s − m)"
    wrong = {5 * math.exp(3): absolute, 15.0: "the weight is an exponential, not the score"}
    close_to(one[0], 3.0, name="the leaf's maximum")
    close_to(one[1], 1.0, name="the leaf's denominator", wrong={math.exp(3): absolute})
    close_to(one[2], 5.0, name="the leaf's numerator", wrong=wrong)
    return "Right: (−∞, 0, 0) is the empty set, (s, 1, v) a single token."


@exercise("ex-aaren-join")
def join(answer):
    """The operator on summaries of one head and one value."""
    pairs = [(a, b) for a in _summaries() for b in _summaries()]

    def given(a, b):
        return numbers(checking.call(answer, a, b), 3, "returns a triple of numbers")

    def hint(bad):
        if np.isnan(given(*bad)).any():
            return "−∞ − (−∞) is no number: what should the weight of an empty set be?"
        if not np.isfinite(given(*bad)[1:]).all():
            return "an exponent must never be positive"
        return "rescale both sides to the larger maximum before you add"

    _joins(given, SOFTMAX, pairs, "joins two summaries", hint)
    return f"Right on {len(pairs)} pairs, empty sets and scores of ±900 included."


@exercise("ex-aaren-blocks")
def blocks(answer):
    """Outputs of a block, from the summary before it."""
    rng = np.random.default_rng(0)
    cases = [(before, 3 * rng.normal(size=n), rng.normal(size=n))
             for n in (1, 2, 3, 5) for before in _summaries()]  # fmt: skip

    def oracle(before, scores, values):
        summary = (*map(np.float64, before[:2]), np.array(before[2:]))
        tokens = zip(scores, values[:, None], strict=True)
        return np.array([output[0] for output, _ in stream(tokens, summary)])

    return equal_to_oracle(
        answer, oracle, cases, tol=1e-9, name="goes on from the summary",
        hint="the carried sums count with weight e^(m − M), M the running maximum so far",
    )  # fmt: skip


@exercise("ex-aaren-hunt")
def hunt(answer):
    """Scores on which the form with the running maximum is wrong by more than a tenth."""
    scores = np.array(numbers(answer, 2, "is a list of two scores"))
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

    return equal_to_oracle(
        answer, lambda s, before: float(np.exp(s - np.logaddexp(s, before))), cases, tol=1e-9,
        name="is the share of the new token",
        hint="p = e^s / (e^L + e^s): divide by what stays finite",
    )  # fmt: skip


@exercise("ex-aaren-crossing")
def crossing(answer):
    """The first number of tokens at which a cache holds more numbers than an Aaren layer."""

    return equal_to_oracle(
        answer, lambda width, heads: next(
            n for n in range(1, 100) if 2 * width * n > width + 2 * heads
        ),
        [(64, 4), (64, 64), (512, 8), (16, 1), (8, 8)], name="is the first such number",
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

    def drawn(n):
        parts = (np.ones(n), *leaves(rng.normal(size=n), rng.normal(size=(n, 1))))
        return _last(scan(reference, parts).values)

    pairs = [(drawn(a), drawn(b)) for a in (1, 2, 5) for b in (1, 2, 5)]
    pairs.append((pairs[0][0], pairs[0][0]))

    def given(a, b):
        return numbers(checking.call(answer, a, b, rate), 4, "returns four numbers (c, m, u, w)")

    def hint(bad):
        if np.allclose(given(*bad[::-1]), _last(reference(*bad)), atol=1e-9):
            return "it is the first one that fades, by as many steps as the second has tokens"
        return "what happens to m?"

    _joins(given, reference, pairs, "lets the first fade", hint)
    return f"Right on {len(pairs)} pairs: still a scan, and it does not commute any more."
