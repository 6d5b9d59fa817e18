"""Losslessness as equality of traces, and the bounds on the number of forwards."""

import itertools
from collections import Counter
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.adapters import BlockCausal, NextToken, Shifted
from paralg.decoding.baselines import static, threshold
from paralg.decoding.freedave import decoder, freedave, freedave_plus_plus
from paralg.decoding.randomness import distribution_of, total_variation
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.sudoku import Sudoku4
from paralg.decoding.tables import HashConditional, TabularJoint

many = settings(max_examples=12, deadline=None)


@st.composite
def prompts(draw, max_length=9):
    V, L = draw(st.integers(2, 4)), draw(st.integers(1, max_length))
    table = HashConditional(V, L, k=draw(st.integers(0, 10**6)), eps=draw(st.floats(0, 2)))
    x = np.array(draw(st.lists(st.integers(0, V - 1), min_size=L, max_size=L)))
    hidden = np.array(draw(st.lists(st.booleans(), min_size=L, max_size=L)))
    return table, np.where(hidden, V, x)


@st.composite
def rules(draw):
    return UnmaskingRule(
        tokens=draw(st.one_of(st.integers(1, 3), st.just((1, 2, 4)))),
        order=draw(st.sampled_from(["confidence", "left-to-right"])),
        block=draw(st.one_of(st.none(), st.integers(1, 5), st.just((1, 3, 2)))),
        cache=draw(st.sampled_from([None, "prefix", "dual"])),
        eos=draw(st.sampled_from([(), (0,), (0, 1)])),
        ties=draw(st.one_of(st.none(), st.integers(0, 5))),
        digits=draw(st.sampled_from([12, 2, 0])),
    )


def same(fast, slow):
    """Assert equality of commit order, values and steps; say where it fails."""
    assert fast.trace == slow.trace, fast.trace.first_difference(slow.trace)
    assert fast.trace.groups == slow.trace.groups
    np.testing.assert_array_equal(fast.tokens, slow.tokens)


@given(prompts(), rules(), st.integers(1, 12), st.booleans(), st.sampled_from(["rows", "tree"]))
@settings(max_examples=30, deadline=None)
def test_the_trace_is_that_of_static_decoding(prompt, rule, d, eager, layout):
    table, x = prompt
    slow = static(table, x, rule)
    fast = freedave(table, x, d, rule, layout=layout if rule.cache else "rows", eager=eager)
    same(fast, slow)
    assert fast.forwards <= slow.forwards or rule.cache
    assert fast.cost.rows <= d * fast.forwards


@given(prompts(), rules(), st.integers(1, 12), st.floats(0.2, 1.0))
@many
def test_agreement_only_matters_with_a_threshold(prompt, rule, d, tau):
    table, x = prompt
    exact, subset = (freedave(table, x, d, rule, agreement=a) for a in ("exact_match", "subset"))
    same(subset, exact)
    assert subset.cost == exact.cost
    same(freedave_plus_plus(table, x, d, tau, rule, agreement="exact_match"),
         threshold(table, x, tau, rule))  # fmt: skip


@given(prompts(), st.integers(1, 5), st.integers(1, 8), st.sampled_from(["prefix", "dual"]),
       st.sampled_from(["rows", "tree"]))  # fmt: skip
@many
def test_shift_models(prompt, block, d, cache, layout):
    table, x = prompt
    x[0] = 0
    rule = UnmaskingRule(block=block, cache=cache, first=True)
    model = Shifted(NextToken(table))
    same(freedave(model, x, d, rule, layout=layout), static(model, x, rule))


@given(prompts(), st.integers(1, 5), st.integers(1, 8), st.booleans())
@many
def test_block_causal_models(prompt, block, d, eager):
    table, x = prompt
    begin = int(np.flatnonzero(np.append(x, table.V) == table.V)[0])
    model = BlockCausal(table, block, begin)
    live = static(model, x, UnmaskingRule(block=block))
    for cache in (None, "prefix", "dual"):
        same(freedave(model, x, d, UnmaskingRule(block=block, cache=cache), eager=eager), live)


@pytest.mark.parametrize("block", [None, 4])
def test_sudoku(block):
    model, rule = Sudoku4(), UnmaskingRule(block=block)
    for givens, d in itertools.product((0, 1, 9, 15, 16), (1, 3, 16)):
        x = model.puzzle(seed=1, givens=givens)
        same(freedave(model, x, d, rule), static(model, x, rule))


@given(prompts(), st.integers(1, 12))
@many
def test_forwards_lie_between_the_bounds_and_accepted_counts_add_up(prompt, d):
    table, x = prompt
    trace, T = freedave(table, x, d).trace, int((x == table.V).sum())
    assert min(T, 1) + ceil(max(T - 1, 0) / d) <= trace.cost.calls <= T
    assert trace.committed.sum() == T
    assert all(0 < cost.rows <= d for cost in trace.costs)
    assert max(trace.committed, default=0) <= d + 1


@given(st.integers(1, 4), st.integers(1, 14), st.integers(1, 20), st.integers(0, 99))
@many
def test_without_coupling_the_lower_bound_is_attained(V, L, d, k):
    result = freedave(HashConditional(V, L, k, eps=0.0), [V] * L, d)
    assert result.forwards == 1 + ceil((L - 1) / d)
    assert result.cost.rows == L
    assert result.forwards == 2 or not d >= L >= 2


@pytest.mark.parametrize(
    ("x", "d", "rows"),
    [([2], 3, []), ([4], 3, [1]), ([4, 0], 3, [1]), ([4] * 2, 3, [1, 1]), ([4] * 5, 4, [1, 4]),
     ([4] * 5, 5, [1, 4]), ([4] * 5, 1, [1] * 5)],
)  # fmt: skip
def test_a_draft_without_masks_is_not_sent_and_the_last_token_is_free(x, d, rows):
    result = freedave(HashConditional(4, len(x), eps=0.0), x, d)
    assert [cost.rows for cost in result.trace.costs] == rows


def test_proposals_are_recorded_with_their_verdicts():
    trace = freedave(HashConditional(4, 12, k=28), [4] * 12, d=4).trace
    kinds = Counter(event.what for event in trace.events)
    assert kinds["proposed"] == kinds["accepted"] + kinds["rejected"]
    assert [e.row for e in trace.events if e.round == 1 and e.what == "rejected"] == [2, 3]


@pytest.mark.parametrize("cache, d, eager, forwards", [
    (None, 3, False, 3), (None, 3, True, 3), (None, 6, True, 2), ("dual", 3, False, 4),
    ("dual", 3, True, 4), ("prefix", 6, False, 4), ("prefix", 6, True, 2)])  # fmt: skip
def test_eager_counts_by_hand(cache, d, eager, forwards):
    table, rule = HashConditional(4, 6, eps=0.0), UnmaskingRule(block=3, cache=cache)
    result = freedave(table, [4] * 6, d, rule, eager=eager)
    same(result, static(table, [4] * 6, rule))
    assert result.forwards == forwards
    if (cache, d, eager) == ("dual", 3, True):
        assert result.trace.committed.tolist() == [0, 4, 0, 2]


@pytest.mark.parametrize("cache", ["prefix", "dual"])
def test_windows_shrink_with_the_cache(cache):
    table, x = HashConditional(4, 12, k=3, eps=0.3), [0, 1, 2, 3] + [4] * 8
    result = freedave(table, x, 4, UnmaskingRule(block=4, cache=cache))
    sizes = [cost.tokens // cost.rows for cost in result.trace.costs]
    first = {"prefix": {12, 8}, "dual": {12, 4}}[cache]
    assert set(sizes[:2]) == first
    assert set(sizes) == {12, 4} | first


def test_a_finished_block_stops_eager_drafts():
    table = HashConditional(4, 8, eps=0.0)
    table.alone[:] = [0, 0, 9, 0]
    rule = UnmaskingRule(block=2, eos=(2,))
    for eager in (False, True):
        result = freedave(table, [4] * 8, 6, rule, eager=eager)
        same(result, static(table, [4] * 8, rule))
        assert result.forwards == 2


def test_plus_plus_need_not_follow_the_threshold_trajectory():
    def follows(V, L, k, eps, tau):
        table, x = HashConditional(V, L, k, eps), [V] * L
        return freedave_plus_plus(table, x, 4, tau).trace == threshold(table, x, tau).trace

    assert not all(follows(4, 8, k, 0.4, 0.6) for k in range(4))
    assert not follows(3, 3, 66, 0.8, 0.6)
    for V, k, tau in itertools.product((2, 3, 4), range(8), (0.5, 0.6, 0.7)):
        assert follows(V, 2, k, 0.8, tau)


JOINT = TabularJoint.random(2, 3, seed=8, sharpness=1.5)


@pytest.mark.parametrize("model", [JOINT, HashConditional(2, 3, k=5, eps=1.0)])
@pytest.mark.parametrize(
    "how", [{}, {"order": "left-to-right"}, {"tokens": 2}, {"confidence": "sampled"},
            {"block": 2, "cache": "dual"}])  # fmt: skip
def test_sampling_keeps_the_distribution_of_static_sampling(model, how):
    rule, x = UnmaskingRule(**how), [2] * 3
    slow = distribution_of(static, model, x, rule=rule)
    for d in (2, 3) if not how else (2,):
        fast = distribution_of(freedave, model, x, d=d, rule=rule)
        assert total_variation(slow.probability, fast.probability) <= 1e-12
        assert fast.expected_calls <= slow.expected_calls + (2 if rule.cache else 1e-12)


def test_redrawing_after_a_rejection_would_bias_the_distribution(monkeypatch):
    honest = decoder._advance

    def forgetful(*args, **options):
        prediction = honest(*args, **options)
        if prediction is not None:
            prediction._token[:] = -1
        return prediction

    monkeypatch.setattr(decoder, "_advance", forgetful)
    fast = distribution_of(freedave, JOINT, [2] * 3, d=2)
    assert total_variation(JOINT.distribution(), fast.probability) > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [({"d": 0}, "d must be at least 1, got 0"),
     ({"agreement": "superset"}, "agreement must be one of .*, got 'superset'"),
     ({"layout": "tree"}, "needs a rule with cache 'prefix' or 'dual'"),
     ({"eager": True, "rule": UnmaskingRule(block=2, cache="dual", first=True)},
      "expected eager=False"),
     ({"tau": 0.0}, r"tau must be above 0, got 0")],
)  # fmt: skip
def test_errors_say_what_was_expected(options, message):
    decode = freedave_plus_plus if "tau" in options else freedave
    with pytest.raises(ValueError, match=message):
        decode(HashConditional(4, 4), [4] * 4, **options)
