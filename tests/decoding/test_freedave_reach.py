"""Reach, the greedy number of forwards, and the fewest."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.baselines import static
from paralg.decoding.freedave import (
    fewest_forwards,
    freedave,
    greedy_forwards,
    greedy_rows,
    landings,
    multi_anchor,
    reach,
    union_forwards,
)  # fmt: skip
from paralg.decoding.randomness import softmax
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.tables import HashConditional

EMPTY = [4] * 12
fast = settings(max_examples=20, deadline=None)


@cache
def table(k, eps):
    return HashConditional(4, 12, k, eps)


@st.composite
def reaches(draw):
    T = draw(st.integers(0, 9))
    return [draw(st.integers(1, T - t)) for t in range(T)]


def test_the_example():
    r = reach(table(28, 0.1), EMPTY)
    assert [min(j, 4) for j in r] == [2, 2, 1, 1, 2, 4, 1, 2, 3, 3, 2, 1]
    assert greedy_forwards(r, 4).forwards == 8
    best = fewest_forwards(r, 4)
    assert (best.forwards, best.anchors) == (7, (0, 2, 3, 4, 5, 9))
    assert union_forwards(landings(table(28, 0.1), EMPTY), 4).forwards == 7
    assert multi_anchor(table(28, 0.1), EMPTY, 4).forwards == 7


@pytest.mark.parametrize(
    ("r", "d", "greedy", "fewest"),
    [((), 3, 0, 0), ((1,), 3, 1, 1), ((2, 1), 3, 2, 2), ((1, 1), 1, 2, 2), ((3, 2, 1), 1, 3, 3),
     ((3, 2, 1), 3, 2, 2), ((2, 3, 1, 1, 1, 1), 3, 5, 4)],
)  # fmt: skip
def test_worked_cases(r, d, greedy, fewest):
    assert greedy_forwards(r, d).forwards == greedy
    assert fewest_forwards(r, d).forwards == fewest


@pytest.mark.parametrize("eps, tables, counts", [
    (0.1, 40, (0, 0, 1, 3, 4)), (0.4, 40, (0, 0, 2, 3, 4)),
    pytest.param(0.1, 150, (0, 0, 13, 10, 19), marks=pytest.mark.weekly),
    pytest.param(0.4, 150, (0, 0, 10, 14, 16), marks=pytest.mark.weekly)])  # fmt: skip
def test_how_often_greedy_is_not_the_fewest(eps, tables, counts):
    r = [reach(table(k, eps), EMPTY) for k in range(tables)]
    improvable = [sum(fewest_forwards(one, d).forwards < greedy_forwards(one, d).forwards
                      for one in r) for d in (1, 2, 3, 4, 12)]  # fmt: skip
    assert tuple(improvable) == counts


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.4, 1.5]), st.integers(1, 12))
@fast
def test_the_decoders_need_what_the_plans_say(k, eps, d):
    model = HashConditional(4, 9, k, eps)
    x = [4] * 9
    lands, slow = landings(model, x), static(model, x)
    r = reach(model, x)
    one, many = freedave(model, x, d), multi_anchor(model, x, d)
    assert (one.forwards, one.cost.rows) == (greedy_forwards(r, d).forwards, greedy_rows(r, d))
    assert many.forwards == union_forwards(lands, d).forwards
    assert many.forwards <= fewest_forwards(r, d).forwards <= one.forwards
    assert many.trace == slow.trace
    assert max(cost.rows for cost in many.trace.costs) <= d * (d + 1) // 2


@given(reaches(), st.integers(1, 9))
@fast
def test_breadth_first_search_against_all_plans(r, d):
    """Try every sequence of anchors."""

    @cache
    def best(p):
        if len(r) - p <= 1:
            return 0
        steps = {a + min(r[a], d) for a in range(p + 1)}
        return 1 + min(best(to) for to in steps if to > p)

    T = len(r)
    assert fewest_forwards(r, d).forwards == (best(0) + 1 if T else 0)
    assert fewest_forwards(r, d).forwards <= greedy_forwards(r, d).forwards


def test_a_budget_of_rows_trades_rows_for_forwards():
    budgets = [multi_anchor(table(28, 0.1), EMPTY, 4, rows=rows) for rows in (1, 2, 4, None)]
    assert [b.forwards for b in budgets] == sorted((b.forwards for b in budgets), reverse=True)
    assert budgets[0].forwards == 12
    assert all(b.trace == static(table(28, 0.1), EMPTY).trace for b in budgets)
    for budget, rows in zip(budgets, (1, 2, 4), strict=False):
        assert max(cost.rows for cost in budget.trace.costs) <= rows


@pytest.mark.parametrize("tokens", [1, 2, 5])
def test_several_tokens_per_step(tokens):
    for k in range(5):
        rule = UnmaskingRule(tokens=tokens)
        slow = static(table(k, 0.4), EMPTY, rule)
        assert len(reach(table(k, 0.4), EMPTY, rule)) == slow.forwards
        assert multi_anchor(table(k, 0.4), EMPTY, 4, rule).trace == slow.trace


def test_nothing_to_do():
    assert reach(table(0, 0.1), [0] * 12) == ()
    assert multi_anchor(table(0, 0.1), [0] * 12).forwards == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [(lambda: greedy_forwards([1], 0), "d of at least 1"),
     (lambda: fewest_forwards([2], 1), r"1 ≤ r\(t\) ≤ T - t, got \(2,\)"),
     (lambda: reach(table(0, 0.1), EMPTY, UnmaskingRule(block=4)), "without blocks"),
     (lambda: multi_anchor(table(0, 0.1), EMPTY, rule=UnmaskingRule(cache="dual")),
      "without blocks"),
     (lambda: multi_anchor(table(0, 0.1), EMPTY, rows=0), "rows=0")],
)  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_landings_are_the_definition():
    model, x = table(7, 0.4), EMPTY
    lands = landings(model, x)
    states = static(model, x).trace.states
    for t, u in itertools.product(range(12), range(13)):
        state = states[t].copy()
        distribution = softmax(model.denoise(state[None]))[0].round(12)
        masked = np.flatnonzero(state == 4)
        order = masked[np.argsort(-distribution[masked].max(axis=1), kind="stable")]
        chosen = order[: max(u - t, 0)]
        state[chosen] = distribution[chosen].argmax(axis=1)
        assert lands[t, u] == (u > t and (state == states[u]).all())
