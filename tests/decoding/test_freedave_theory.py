"""Verifiers, reach, plans and the reference numbers, on exact models."""

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.baselines import static, threshold
from paralg.decoding.freedave import freedave, landings, multi_anchor, reach, union_forwards, verify
from paralg.decoding.freedave.theory import fewest_forwards, greedy_forwards, greedy_rows
from paralg.decoding.freedave.verification import AGREEMENTS, agreement_matrix, verify_looped
from paralg.decoding.randomness import softmax
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional

EMPTY, M = [4] * 12, 9
fast = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
table = cache(lambda k, eps: HashConditional(4, 12, k, eps))
reached = cache(lambda k, eps: reach(table(k, eps), EMPTY))


@pytest.mark.parametrize(
    ("drafts", "targets", "exact", "subset"),
    [([[1]], [], (0,), (0,)),
     ([[1, M]], [[1, 2]], (0,), (0,)),
     ([[1, M], [1, 2]], [[1, 2]], (0, 1), (0, 1)),
     ([[1, M], [1, 2]], [[1, 3]], (0,), (0,)),
     ([[1, M, M], [1, 2, M], [1, 2, 3]], [[1, 2, M], [1, 2, 3]], (0, 1, 2), (0, 1, 2)),
     ([[1, M, M], [1, 2, M], [1, 2, 3]], [[1, 2, M], [1, 2, 4]], (0, 1), (0, 1)),
     ([[1, M, M], [1, 2, M], [1, 2, 3]], [[1, 2, 3], [1, 2, 4]], (0, 2), (0, 2)),
     ([[1, M, M], [1, 2, M], [1, 5, 3]], [[1, 2, 3], [1, 2, 3]], (0,), (0, 1)),
     ([[1, M], [M, M]], [[1, 2], [1, 2]], (0,), (0, 1))],
)  # fmt: skip
def test_worked_verifications(drafts, targets, exact, subset):
    for verifier in (verify, verify_looped):
        assert verifier(drafts, targets, M) == exact
        assert verifier(drafts, targets, M, "subset") == subset


@given(seeds, st.integers(1, 7), st.integers(0, 5), st.sampled_from(AGREEMENTS))
@settings(max_examples=40, deadline=None)
def test_the_matrix_is_its_definition_and_hops_like_the_loop(rng, m, L, agreement):
    drafts = rng.integers(0, 3, (m, L))
    targets = drafts[rng.integers(0, m, size=rng.integers(0, m + 1))].copy()
    targets[rng.random(targets.shape) < 0.2] = 1
    assert verify(drafts, targets, 2, agreement) == verify_looped(drafts, targets, 2, agreement)
    agree = agreement_matrix(drafts, targets, 2, agreement)
    for (i, z), (j, y) in itertools.product(enumerate(targets), enumerate(drafts)):
        compared = y != 2 if agreement == "subset" else np.ones(L, bool)
        assert agree[i, j] == (j > i and (y == z)[compared].all())


@pytest.mark.parametrize(
    ("r", "d", "greedy", "fewest"),
    [((), 3, 0, 0), ((1,), 3, 1, 1), ((2, 1), 3, 2, 2), ((1, 1), 1, 2, 2), ((3, 2, 1), 1, 3, 3),
     ((3, 2, 1), 3, 2, 2), ((2, 3, 1, 1, 1, 1), 3, 5, 4),
     (reach(HashConditional(4, 12, k=28, eps=0.1), EMPTY), 4, 8, 7)],
)  # fmt: skip
def test_worked_plans(r, d, greedy, fewest):
    assert greedy_forwards(r, d).forwards == greedy
    assert fewest_forwards(r, d).forwards == fewest


@pytest.mark.parametrize("eps, tables, counts", [
    (0.1, 40, (0, 0, 1, 3, 4)), (0.4, 40, (0, 0, 2, 3, 4)),
    pytest.param(0.1, 150, (0, 0, 13, 10, 19), marks=pytest.mark.weekly),
    pytest.param(0.4, 150, (0, 0, 10, 14, 16), marks=pytest.mark.weekly)])  # fmt: skip
def test_how_often_greedy_is_not_the_fewest(eps, tables, counts):
    r = [reached(k, eps) for k in range(tables)]
    improvable = [sum(fewest_forwards(one, d).forwards < greedy_forwards(one, d).forwards
                      for one in r) for d in (1, 2, 3, 4, 12)]  # fmt: skip
    assert tuple(improvable) == counts


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 0.4, 1.5]), st.integers(1, 12))
@fast
def test_the_decoders_need_what_the_plans_say(k, eps, d):
    model, x = HashConditional(4, 9, k, eps), [4] * 9
    r, lands, slow = reach(model, x), landings(model, x), static(model, x)
    one, many = freedave(model, x, d), multi_anchor(model, x, d)
    assert (one.forwards, one.cost.rows) == (greedy_forwards(r, d).forwards, greedy_rows(r, d))
    assert many.forwards == union_forwards(lands, d).forwards
    assert many.forwards <= fewest_forwards(r, d).forwards <= one.forwards
    assert many.trace == slow.trace
    assert max(cost.rows for cost in many.trace.costs) <= d * (d + 1) // 2


@given(st.integers(0, 9).flatmap(lambda T: st.tuples(*(st.integers(1, T - t) for t in range(T)))),
       st.integers(1, 9))  # fmt: skip
@fast
def test_breadth_first_search_against_all_plans(r, d):
    """Try every sequence of anchors."""

    @cache
    def best(p):
        if len(r) - p <= 1:
            return 0
        steps = {a + min(r[a], d) for a in range(p + 1)}
        return 1 + min(best(to) for to in steps if to > p)

    assert fewest_forwards(r, d).forwards == (best(0) + 1 if r else 0)
    assert fewest_forwards(r, d).forwards <= greedy_forwards(r, d).forwards


def test_a_budget_of_rows_trades_rows_for_forwards():
    model = table(28, 0.1)
    budgets = {rows: multi_anchor(model, EMPTY, 4, rows=rows) for rows in (1, 2, 4, 99)}
    forwards = [run.forwards for run in budgets.values()]
    assert forwards == sorted(forwards, reverse=True)
    assert forwards[0] == 12
    for rows, run in budgets.items():
        assert run.trace == static(model, EMPTY).trace
        assert max(cost.rows for cost in run.trace.costs) <= rows


def test_several_tokens_per_step_and_nothing_to_do():
    for k, tokens in itertools.product(range(3), (1, 2, 5)):
        rule = UnmaskingRule(tokens=tokens)
        slow = static(table(k, 0.4), EMPTY, rule)
        assert len(reach(table(k, 0.4), EMPTY, rule)) == slow.forwards
        assert multi_anchor(table(k, 0.4), EMPTY, 4, rule).trace == slow.trace
    assert reach(table(0, 0.1), [0] * 12) == ()
    assert multi_anchor(table(0, 0.1), [0] * 12).forwards == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [(lambda: verify(np.zeros((0, 3), int), np.zeros((0, 3), int), M), "m ≥ 1"),
     (lambda: verify_looped([[1, 2]], [[1, 2], [1, 2]], M), r"got \(1, 2\) and \(2, 2\)"),
     (lambda: agreement_matrix([[1]], [[1]], M, "near"), "agreement must be one of .* got 'near'"),
     (lambda: greedy_forwards([1], 0), "d must be at least 1"),
     (lambda: fewest_forwards([2], 1), r"1 ≤ r\(t\) ≤ T - t, got \(2,\)"),
     (lambda: reach(table(0, 0.1), EMPTY, UnmaskingRule(block=4)), "without blocks"),
     (lambda: multi_anchor(table(0, 0.1), EMPTY, rule=UnmaskingRule(cache="dual")),
      "without blocks"),
     (lambda: multi_anchor(table(0, 0.1), EMPTY, rows=0), "rows must be at least 1, got 0")],
)  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_landings_are_the_definition():
    model = table(7, 0.4)
    lands, states = landings(model, EMPTY), static(model, EMPTY).trace.states
    for t, u in itertools.product(range(12), range(13)):
        state = states[t].copy()
        distribution = softmax(model.denoise(state[None]))[0].round(12)
        masked = np.flatnonzero(state == 4)
        order = masked[np.argsort(-distribution[masked].max(axis=1), kind="stable")]
        chosen = order[: max(u - t, 0)]
        state[chosen] = distribution[chosen].argmax(axis=1)
        assert lands[t, u] == (u > t and (state == states[u]).all())


# ---- reference numbers: means from the reach functions, the decoder itself on a few


def means(pairs, d, every):
    """Return mean forwards and rows of FreeDave; check them and the traces on some pairs."""
    plans = []
    for i, (model, x, r) in enumerate(pairs):
        plans.append((greedy_forwards(r, d).forwards, greedy_rows(r, d)))
        if i % every == 0:
            run = freedave(model, x, d)
            assert run.trace == static(model, x).trace
            assert (run.forwards, run.cost.rows) == plans[-1]
    return np.mean(plans, axis=0)


@pytest.mark.parametrize(
    ("eps", "tables", "forwards", "rows"),
    [(0.0, 40, (12, 7, 4, 2), (12, 12, 12, 12)),
     (0.1, 40, (12, 7.7, 6.03, 5.78), (12, 13.75, 18.7, 32.3)),
     (0.4, 40, (12, 8.53, 7.5, 7.45), (12, 15.5, 23.98, 43)),
     pytest.param(0.1, 200, (12, 7.7, 5.9, 5.6), (12, 13.7, 18.3, 31.5), marks=pytest.mark.weekly),
     pytest.param(0.4, 200, (12, 8.4, 7.4, 7.4), (12, 15.3, 23.9, 43), marks=pytest.mark.weekly)],
)  # fmt: skip
def test_tables(eps, tables, forwards, rows):
    pairs = [(table(k, eps), EMPTY, reached(k, eps)) for k in range(tables)]
    for d, *wanted in zip((1, 2, 4, 12), forwards, rows, strict=True):
        np.testing.assert_allclose(means(pairs, d, 40), wanted, atol=0.051)


PUZZLES = [Sudoku4().puzzle(seed, givens=4) for seed in range(60)]


def test_sudoku():
    model = Sudoku4()
    pairs = [(model, x, reach(model, x)) for x in PUZZLES]
    assert is_valid(np.stack([static(model, x).tokens for x in PUZZLES[::10]])).all()
    for d, forwards, rows in ((2, 7.0, 13), (4, 5.0, 15), (8, 4.2, 18)):
        found = means(pairs, d, 20)
        assert found[0] == pytest.approx(forwards, abs=0.2)
        assert found[1] == pytest.approx(rows, abs=0.7)


@pytest.mark.parametrize("tau, calls, least, most", [(0.7, 5.2, 1, 1), (0.5, 2.1, 0.3, 0.6)])
def test_threshold_decoding_of_sudoku_is_fast_and_then_wrong(tau, calls, least, most):
    runs = [threshold(Sudoku4(), x, tau) for x in PUZZLES]
    assert least <= is_valid(np.stack([run.tokens for run in runs])).mean() <= most
    assert np.mean([run.forwards for run in runs]) == pytest.approx(calls, abs=0.3)
