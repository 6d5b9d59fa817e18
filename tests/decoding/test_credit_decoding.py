"""Credit: its algebra by hand, its equivalences as equal traces, its bounds on random traces."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.baselines import static, static_run, threshold
from paralg.decoding.credit_decoding import (
    AdaptiveCredit,
    CreditSession,
    FullCredit,
    TraceCredit,
    decode_with_credit,
    first_look,
    floor,
    standing_floor,
    time_to_commit,
)
from paralg.decoding.credit_decoding.theory import boosted, credit_after, gain_needed
from paralg.decoding.credit_decoding.variants import (
    CreditMargin,
    CreditNearTies,
    MarginSession,
    NearTieSession,
)
from paralg.decoding.randomness import distribution_of, softmax, total_variation
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional, TabularJoint
from tests.decoding.test_freedave import prompts, same

many = settings(max_examples=20, deadline=None)
SHIPPED = TraceCredit(0.7, 0.8, 0.2)
LOGITS = np.array([[0.5, 0.2, 0], [1, 0.3, 0.1], [0.6, 0.9, 0], [1.5, 0.2, 0], [2.2, 0, -0.2]])
credits = st.builds(TraceCredit, st.floats(0, 2), st.floats(0, 0.95), st.floats(0.05, 2))


def rounds(credit, logits):
    """Credits and fused distributions of a trace of one position."""
    C, found = np.zeros(logits.shape[1]), []
    for row in logits:
        C = credit.observe(C, softmax(row))
        found.append((C, softmax(credit.fuse(row, C))))
    return found


def test_a_trace_by_hand():
    found = rounds(SHIPPED, LOGITS)
    C = [[0.84311, 0, 0], [1.553724, 0, 0], [1.242979, 0.858258, 0], [1.917025, 0.686606, 0],
         [2.497569, 0.549285, 0]]  # fmt: skip
    np.testing.assert_allclose([c for c, _ in found], C, atol=1e-6)
    assert [q.argmax() for _, q in found] == [0, 0, 1, 0, 0]
    most = [0.532424, 0.680951, 0.474248, 0.774481, 0.90874]
    np.testing.assert_allclose([q.max() for _, q in found], most, atol=1e-6)
    last, q = rounds(FullCredit(0.7, 0.8, 0.2), LOGITS)[-1]
    np.testing.assert_allclose(last, [3.014866, 2.455812, 2.290572], atol=1e-6)
    assert q.max() == pytest.approx(0.848401, abs=1e-6)


@given(credits, st.integers(0, 10**6), st.integers(1, 12), st.integers(2, 6), st.floats(0.1, 5))
@many
def test_bounds_on_random_traces(credit, seed, T, V, scale):
    logits = scale * np.random.default_rng(seed).normal(size=(T, V))
    for t, (C, q) in enumerate(rounds(credit, logits), 1):
        p = softmax(logits[t - 1])
        assert q.sum() == pytest.approx(1)
        assert (C >= 0).all()
        assert C.max() <= (1 - credit.beta**t) / (1 - credit.beta) + 1e-9
        most = (1 + 1 / (1 - credit.beta)) ** credit.alpha
        assert (q <= boosted(p, most) + 1e-12).all()
        for tau in (0.6, 0.9):
            assert not ((q >= tau) & (p < floor(tau, credit) - 1e-9)).any()
        order = np.random.default_rng(seed).permutation(V)
        np.testing.assert_allclose(rounds(credit, logits[:, order])[t - 1][1], q[order])
        half = rounds(credit, logits.astype(np.float32))[t - 1][1]
        np.testing.assert_allclose(half, q, atol=1e-4)


@given(credits, st.floats(0.51, 0.999), st.floats(0.5, 0.98))
@many
def test_time_to_commit_is_that_of_a_simulation(credit, p, tau):
    logits, t = np.log(np.tile([p, 1 - p], (60, 1))), time_to_commit(p, tau, credit)
    simulated = [q[0] >= tau for _, q in rounds(credit, logits)]
    at = simulated.index(True) + 1 if True in simulated else np.inf
    edge = min(abs(q[0] - tau) for _, q in rounds(credit, logits))
    assert at == t or t > 60 or edge < 1e-7
    assert (t < np.inf) == (p >= standing_floor(tau, credit)) or edge < 1e-3
    bounds = [floor(tau, credit), standing_floor(tau, credit), first_look(tau, credit), tau]
    assert (np.diff(bounds) > -1e-12).all()


def test_numbers_of_the_closed_forms():
    assert gain_needed(0.7, 0.9) == pytest.approx(27 / 7)
    pairs = [(0.8, 0.9), (0.75, 0.9), (0.72, 0.9), (0.86, 0.9), (0.85, 0.95)]
    assert [time_to_commit(*pair, SHIPPED) for pair in pairs] == [3, 8, np.inf, 1, 15]
    three = [floor(tau, SHIPPED) for tau in (0.8, 0.9, 0.95)]
    np.testing.assert_allclose(three, [0.5330, 0.7197, 0.8443], atol=5e-5)
    paper = [standing_floor(tau, TraceCredit()) for tau in (0.8, 0.9, 0.95)]
    np.testing.assert_allclose(paper, [0.618, 0.781, 0.881], atol=5e-4)
    assert credit_after(3, 0.9, SHIPPED) == pytest.approx(0.9**0.2 * (1 + 0.8 + 0.64))
    C, q = rounds(SHIPPED, LOGITS)[2]
    odds = softmax(LOGITS[2])[1] / softmax(LOGITS[2])[0]
    assert (odds > ((1 + C[0]) / (1 + C[1])) ** SHIPPED.alpha) == (q.argmax() == 1)


@given(prompts(), st.floats(0.3, 1.2), st.one_of(st.none(), st.integers(1, 5)))
@many
def test_without_weight_it_is_threshold_decoding(prompt, tau, block):
    table, x = prompt
    rule = UnmaskingRule(block=block)
    none = TraceCredit(0, 0.7, 0.2)
    same(decode_with_credit(table, x, tau, rule, credit=none), threshold(table, x, tau, rule))


@given(prompts(), st.floats(0.5, 0.97), st.floats(0.1, 2), st.floats(0.05, 2))
@many
def test_without_memory_it_is_threshold_decoding_at_the_first_look(prompt, tau, alpha, gamma):
    table, x = prompt
    credit = TraceCredit(alpha, 0, gamma)
    rule = UnmaskingRule(digits=9)
    fast, slow = (decode_with_credit(table, x, tau, rule, credit=credit),
                  threshold(table, x, first_look(tau, credit), rule))  # fmt: skip
    same(fast, slow)


@given(prompts(), st.floats(0.5, 0.97), st.integers(1, 5))
@many
def test_the_first_round_of_a_block_has_the_lower_threshold(prompt, tau, block):
    table, x = prompt
    rule, credit = UnmaskingRule(block=block), TraceCredit()
    fast = decode_with_credit(table, x, tau, rule)
    slow = threshold(table, x, first_look(tau, credit), rule)
    assert fast.trace.groups[:1] == slow.trace.groups[:1]
    assert fast.trace.committed.sum() == (np.array(x) == table.V).sum()
    assert all(cost.rows == 1 for cost in fast.trace.costs)


def test_a_threshold_above_one_commits_one_a_round():
    model = Sudoku4()
    for givens in (0, 4, 16):
        run = decode_with_credit(model, model.puzzle(1, givens), 1.01)
        assert run.forwards == 16 - givens
        assert givens == 16 or set(run.trace.committed) == {1}


class Spy(CreditSession):
    """Keeps the credit after every round."""

    def predict(self, rows, logits):
        found = super().predict(rows, logits)
        self.kept = [*getattr(self, "kept", []), (self.block, rows[0].copy(), self.C.copy())]
        return found


@pytest.mark.parametrize("cache", [None, "prefix", "dual"])
def test_scope_of_the_credit(cache):
    table = HashConditional(4, 9, k=3, eps=0.8)
    x = np.array([4, 4, 1, 4, 4, 4, 4, 4, 4])
    run = Spy(table, x, UnmaskingRule(block=3, cache=cache))
    static_run(run)
    blocks = run.steps.block_of
    for (block, rows, C), (_, _, before) in zip(
        run.kept, [(0, 0, 0 * run.C), *run.kept], strict=False
    ):
        fresh = block != 0 and (rows[blocks == block] == 4).all()
        outside = blocks != block
        assert not C[outside].any()
        known = (rows != 4) & ~outside
        np.testing.assert_allclose(C[known], 0 if fresh else 0.7 * before[known])
        assert (C[(rows == 4) & ~outside].max(axis=1) > 0).all()


def test_positions_may_be_renamed():
    """The credit of a position depends on that position alone."""
    rng, credit = np.random.default_rng(0), TraceCredit()
    C, p = rng.random((5, 3)), softmax(rng.normal(size=(5, 3)))
    order = rng.permutation(5)
    np.testing.assert_array_equal(credit.observe(C[order], p[order]), credit.observe(C, p)[order])


def test_ties_win_credit_as_they_win_predictions():
    model, rule = Sudoku4(), UnmaskingRule(ties=3, digits=9)
    fast = decode_with_credit(model, [4] * 16, 1.01, rule, credit=TraceCredit(0.65, 0, 0.2))
    assert fast.trace == static(model, [4] * 16, rule).trace


def test_adaptive_constants():
    assert AdaptiveCredit().at(1.0) == TraceCredit(0, 0, 1)
    assert AdaptiveCredit().at(0.25) == TraceCredit(0.75, 0.75, 1)
    model = Sudoku4()
    x = model.puzzle(5)
    run = decode_with_credit(model, x, 0.9, credit=AdaptiveCredit())
    plain = threshold(model, x, 0.9)
    assert run.trace.groups[0] == plain.trace.groups[0]


def test_credit_is_not_lossless():
    def changed(k):
        table = HashConditional(4, 12, k, eps=0.4)
        run = decode_with_credit(table, [4] * 12, 1.01)
        return (run.tokens != static(table, [4] * 12).tokens).any()

    assert any(changed(k) for k in range(20))
    joint = TabularJoint.random(2, 3, seed=8, sharpness=1.5)
    drawn = distribution_of(decode_with_credit, joint, [2] * 3, tau=1.01)
    assert total_variation(drawn.probability, joint.distribution()) > 0.05


def test_selectors():
    model = Sudoku4()
    games = [model.puzzle(seed) for seed in range(40)]
    rule = UnmaskingRule(threshold=0.9)
    for session in (NearTieSession, CreditNearTies):
        runs = [static_run(session(model, x, rule)) for x in games]
        assert np.mean([run.forwards for run in runs]) < 4
        assert is_valid(np.stack([run.tokens for run in runs])).mean() < 0.7
        assert static_run(session(model, [4] * 16, rule)).forwards == 1
    for session in (MarginSession, CreditMargin):
        for x, count in itertools.product(games[:5], (1, 2, 5)):
            run = static_run(session(model, x, UnmaskingRule(tokens=count)))
            assert run.forwards == -(-12 // count)
    table = HashConditional(4, 12, k=2, eps=0.4)
    margin = static_run(MarginSession(table, [4] * 12))
    assert margin.trace != static(table, [4] * 12).trace
    two = HashConditional(2, 8, k=2, eps=0.4)  # with two tokens both rankings are the same
    assert static_run(MarginSession(two, [2] * 8)).trace == static(two, [2] * 8).trace


@pytest.mark.parametrize(("call", "message"), [
    (lambda: TraceCredit(beta=1.0), "beta must be below 1"),
    (lambda: TraceCredit(gamma=0), "gamma must be above 0"),
    (lambda: TraceCredit(alpha=-1), "alpha must be"),
    (lambda: decode_with_credit(Sudoku4(), [4] * 16, 0), "tau must be above 0, got 0"),
    (lambda: first_look(1.0, SHIPPED), r"tau must lie between 0 and 1, got 1\.0"),
    (lambda: CreditSession(Sudoku4(), [4] * 16).predict(np.full((2, 16), 4), np.zeros((2, 16, 4))),
     "expected one row, whose credit this is, got 2"),
])  # fmt: skip
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
