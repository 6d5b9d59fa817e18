"""Schedules, EOSER, stored trajectories: worked cases, equalities, errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.decoding.baselines import static
from paralg.decoding.consistency_trajectory import (
    AtRandom,
    Eoser,
    LengthModel,
    PerBlockSession,
    Trajectory,
    ascending,
    ascending_factors,
    blocks,
    doubling,
    from_traces,
    greedy_length,
    linear_factors,
    masked_prompt,
    one_step,
    replay,
    rollout,
    uniform,
)
from paralg.decoding.consistency_trajectory.experiments import sudoku
from paralg.decoding.randomness import RandomDraws, distribution_of
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.shaping import Guidance, Temperature
from paralg.decoding.sudoku import Sudoku4
from paralg.decoding.tables import HashConditional, TabularJoint

CASES = {1: (1,), 2: (2,), 3: (3,), 4: (1, 3), 7: (1, 6), 8: (1, 2, 5), 16: (1, 2, 4, 9),
         37: (1, 2, 4, 8, 22), 64: (1, 2, 4, 8, 16, 33), 128: (1, 2, 4, 8, 16, 32, 65)}  # fmt: skip


@pytest.mark.parametrize("L,sizes", CASES.items())
def test_worked_schedules(L, sizes):
    assert ascending(L) == sizes


def test_schedules_of_all_lengths_and_blocks_sum_up():
    for L in range(2, 1025):
        sizes = ascending(L)
        S = int(np.log2(L))
        assert len(sizes) == S
        assert sum(sizes) == L
        assert min(sizes) >= 1
        assert sizes[-1] == 2 ** (S - 1) + 1 + (L - 2**S)
        assert 2 * sizes[-1] > L
        for b in range(1, S + 1):
            lengths = blocks(sizes, b)
            assert len(lengths) == b
            assert sum(lengths) == L
            assert lengths[1:] == sizes[S - b + 1 :]


def test_worked_blocks_and_factors():
    assert blocks(ascending(128), 4) == (15, 16, 32, 65)
    assert blocks(ascending(37), 3) == (7, 8, 22)
    assert uniform(13, 4) == (4, 3, 3, 3)
    np.testing.assert_allclose(linear_factors(4), [0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(ascending_factors(3), [0.13375, 0.38125, 0.87625])


@given(st.integers(1, 14), st.integers(0, 99), st.data())
@settings(max_examples=30, deadline=None)
def test_every_position_is_revealed_once_in_its_round_and_block(n, k, data):
    table, sizes = HashConditional(3, n, k, eps=0.3), ascending(n)
    b = data.draw(st.integers(1, len(sizes)))
    result = doubling(table, [3] * n, block=blocks(sizes, b))
    assert tuple(result.trace.committed) == sizes
    assert result.forwards == len(sizes)
    assert sorted(i for i, _ in result.trace.order) == list(range(n))
    ends = np.cumsum(blocks(sizes, b))
    of_commits = np.searchsorted(ends, [i for i, _ in result.trace.order], side="right")
    assert (np.diff(of_commits) >= 0).all()


@pytest.mark.parametrize("b", [1, 2, 3])
def test_without_factors_or_eos_nothing_changes(b):
    table, x = HashConditional(4, 12, k=5, eps=0.4), [4] * 12
    block = blocks(ascending(12), b)
    plain = doubling(table, x, block=block).trace
    rule = UnmaskingRule(tokens=ascending(12), block=block)
    assert plain == static(table, x, rule).trace
    assert plain == doubling(table, x, block=block, ranking=Eoser(0, [1.0])).trace
    assert plain == doubling(table, x, block=block, ranking=Eoser(9, linear_factors(3))).trace


def test_eoser_changes_the_ranking_and_never_the_draws():
    table, x = HashConditional(3, 6, k=1, eps=0.0), [3] * 6
    plain, later = (doubling(table, x, (1,) * 6, ranking=r)
                    for r in (None, Eoser(0, [0.01])))  # fmt: skip
    assert (plain.tokens == later.tokens).all()
    assert plain.trace.order != later.trace.order
    last = [token for _, token in later.trace.order]
    assert last == sorted(last, key=lambda token: token == 0)


def test_the_counter_of_eoser_runs_over_all_blocks():
    seen = []

    def spy(s, confidence, tokens):
        seen.append(s)
        return confidence

    table, x = HashConditional(2, 16, eps=0.1), [2] * 16
    block = blocks(ascending(16), 3)
    doubling(table, x, block=block, ranking=spy)
    assert seen == [0, 1, 2, 3]
    seen.clear()
    doubling(table, x, block=block, ranking=spy, session=PerBlockSession)
    assert seen == [0, 1, 0, 0]


def test_confidence_is_taken_at_temperature_one():
    joint = TabularJoint.random(2, 3, seed=4, sharpness=2.0)
    runs = [doubling(joint, [2] * 3, (1, 2), rng=RandomDraws(1, k), temperature=0.5)
            for k in range(20)]  # fmt: skip
    p = np.exp(joint.denoise(np.full((1, 3), 2)))[0]
    for run in runs:
        event = run.trace.commits[0]
        assert event.value == pytest.approx(p[event.position, event.token])
    hooked = doubling(joint, [2] * 3, (1, 2), rng=RandomDraws(1, 0), shape=Temperature(0.5))
    event = hooked.trace.commits[0]
    assert event.value != pytest.approx(p[event.position, event.token])


def test_guidance_is_a_hook_and_two_rows_of_each_call():
    table, x = HashConditional(5, 8, k=4, eps=0.8), [3] + [5] * 7
    plain, one, two = (doubling(table, x, shape=shape) for shape in (
        None, Guidance(1.0, at=(0,), null=4), Guidance(2.5, at=(0,), null=4)))  # fmt: skip
    assert plain.trace.order == one.trace.order != two.trace.order
    assert [run.cost.rows for run in (plain, one, two)] == [2, 4, 4]


def test_random_order_with_one_token_a_round_has_the_distribution_of_the_model():
    joint = TabularJoint.random(2, 3, seed=1)

    def decode(model, x, rng):
        return doubling(model, x, (1, 1, 1), ranking=AtRandom(rng), rng=rng)

    found = distribution_of(decode, joint, [2] * 3).probability
    assert all(abs(found[x] - p) < 1e-12 for x, p in joint.distribution().items())


def test_confidence_order_is_biased_even_with_one_token_a_round():
    joint = TabularJoint.random(2, 3, seed=1)

    def decode(model, x, rng):
        return doubling(model, x, (1, 1, 1), rng=rng)

    found = distribution_of(decode, joint, [2] * 3).probability
    assert max(abs(found[x] - p) for x, p in joint.distribution().items()) > 0.01


# ---- the trap of EOS


@pytest.mark.parametrize("c,low,length", [(2, 1, 1), (2, 0.4, 2), (2, 0.1, 4), (2, 0.01, 4),
                                          (10, 0.4, 1), (10, 0.1, 1), (10, 0.01, 1)])  # fmt: skip
def test_worked_lengths(c, low, length):
    assert greedy_length(8, c, linear_factors(8, low)) == length


def test_the_closed_form_is_what_the_decoder_does():
    for L in (1, 2, 3, 5, 8, 13):
        for c in (1, 2, 3, 10):
            for low in (1, 0.7, 0.4, 0.1, 0.01):
                factors = linear_factors(L, low)
                x = [c + 1] * L
                y = doubling(LengthModel(L, c), x, (1,) * L, ranking=Eoser(c, factors)).tokens
                assert greedy_length(L, c, factors) == (y < c).sum()


@pytest.mark.parametrize("ranking,length", [(None, 2), (Eoser(2, linear_factors(3)), 3),
                                            (Eoser(2, ascending_factors(3)), 5)])  # fmt: skip
def test_lengths_of_doubling_rounds(ranking, length):
    assert (doubling(LengthModel(8, 2), [3] * 8, ranking=ranking).tokens < 2).sum() == length


def test_the_length_model_is_a_joint_distribution():
    model = LengthModel(3, 2)
    drawn = distribution_of(
        lambda m, x, rng: static(m, x, UnmaskingRule(order="left-to-right"), rng=rng), model,
        [3] * 3)  # fmt: skip
    expected = {n: (1 / 3) / 2**n for n in (1, 2, 3)}
    assert len(drawn.probability) == 2 + 4 + 8
    for x, p in drawn.probability.items():
        assert p == pytest.approx(expected[sum(t < 2 for t in x)])


# ---- trajectories


@given(st.integers(0, 10**6), st.sampled_from([(1, 2, 9), (4, 4, 4), (12,), (1,) * 12]))
@settings(max_examples=12, deadline=None)
def test_a_stored_trajectory_replays_to_its_end(seed, sizes):
    rng = np.random.default_rng(seed)
    x = sudoku.puzzles(5, rng)
    found = rollout(sudoku.exact, x, sudoku.MASK, sizes, rng, ranking=AtRandom(rng))
    assert (replay(found) == found.tokens).all()
    assert (found.revealed.sum(axis=2) == np.array(sizes)[:, None]).all()
    assert (found.revealed.sum(axis=0) == (x == sudoku.MASK)).all()
    assert (found.states[0] == x).all()
    assert found.cost.calls == len(sizes)


def test_a_batched_rollout_is_the_decoder_row_by_row():
    model, rng = Sudoku4(), np.random.default_rng(0)
    x = sudoku.puzzles(6, rng)
    masked = x == sudoku.MASK
    mine, other = (np.exp(logits[masked]) for logits in (sudoku.exact(x), model.denoise(x)))
    np.testing.assert_allclose(mine, other, atol=1e-12)
    table = HashConditional(3, 9, k=3, eps=0.5)
    rows = np.full((2, 9), 3)
    found = rollout(table.denoise, rows, 3, ascending(9), rng, temperature=0)
    told = from_traces([doubling(table, row).trace for row in rows])
    assert (found.tokens == told.tokens).all()
    assert (found.round_of == told.round_of).all()
    assert (replay(told) == told.tokens).all()


def test_a_tampered_trajectory_is_refused():
    found = Trajectory(np.array([[2, 0]]), np.array([[1, 1]]), np.array([[0, -1]]), V=2)
    with pytest.raises(ValueError, match="expected the stored state before round 0"):
        replay(found)


def test_views_look_at_one_state_and_keep_what_is_counted():
    rng = np.random.default_rng(1)
    x = sudoku.puzzles(8, rng)
    found = rollout(sudoku.exact, x, sudoku.MASK, (1, 2, 9), rng)
    once, hidden = one_step(found), masked_prompt(found, rng, share=0.5)
    assert (once.states == x).all()
    assert once.rounds == 1
    assert (once.revealed == hidden.revealed).all()
    gone = (hidden.states[0] == sudoku.MASK) & (x != sudoku.MASK)
    assert 0 < gone.sum() < (x != sudoku.MASK).sum()


def test_errors_say_what_was_expected():
    table = HashConditional(3, 4)
    with pytest.raises(ValueError, match="L must be at least 1, got 0"):
        ascending(0)
    with pytest.raises(ValueError, match="b must be at most 3, got 4"):
        blocks((1, 2, 5), 4)
    with pytest.raises(ValueError, match="S must be at most 4, got 5"):
        uniform(4, 5)
    with pytest.raises(ValueError, match=r"sum to 4, got \[1, 2\]"):
        doubling(table, [3] * 4, (1, 2))
    with pytest.raises(ValueError, match="an rng with a temperature other than 1, got 0.5"):
        doubling(table, [3] * 4, temperature=0.5)
    with pytest.raises(ValueError, match="sizes that sum to 4 or more"):
        rollout(table.denoise, np.full((1, 4), 3), 3, (1, 2), np.random.default_rng(0))
    with pytest.raises(ValueError, match="temperature must be above 0, got 0"):
        doubling(table, [3] * 4, rng=RandomDraws(0), temperature=0)
    with pytest.raises(ValueError, match="a factor for each of 8 rounds, got 3"):
        greedy_length(8, 2, [1, 1, 1])
    assert doubling(table, [0, 1, 2, 0]).forwards == 0
