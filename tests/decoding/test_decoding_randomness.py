"""Streams, the replaying enumerator, and the exact distributions of the sequential samplers."""

from itertools import permutations

import numpy as np
import pytest

from paralg.decoding.baselines import ancestral, static
from paralg.decoding.randomness import (
    ExactDistribution,
    RandomDraws,
    Replay,
    distribution_of,
    exact_distribution,
    softmax,
    total_variation,
)  # fmt: skip
from paralg.decoding.reading import ranks
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.sudoku import Sudoku4
from paralg.decoding.tables import HashConditional, TabularJoint

EXACT = 1e-12


# ---- streams


def test_streams_are_keyed_by_seed_and_sample():
    p = np.full(10, 0.1)
    keys = (0, 0), (0, 1), (1, 0), (0, 1)
    rows = [[rng.categorical(p) for _ in range(20)] for rng in (RandomDraws(*key) for key in keys)]
    assert rows[0] != rows[1] != rows[2] != rows[0]
    assert rows[3] == rows[1]


def test_streams_follow_their_law():
    rng, p = RandomDraws(4), np.array([0.5, 0.0, 0.3, 0.2])
    counts = np.bincount([rng.categorical(p) for _ in range(4000)], minlength=4)
    assert counts[1] == 0
    np.testing.assert_allclose(counts / 4000, p, atol=0.03)
    assert abs(np.mean([rng.accept(0.3) for _ in range(4000)]) - 0.3) < 0.03


def test_certain_acceptance_draws_nothing():
    a, b = RandomDraws(1), RandomDraws(1)
    assert a.accept(1.0)
    assert a.accept(7.5)
    assert a.categorical(np.full(50, 0.02)) == b.categorical(np.full(50, 0.02))


@pytest.mark.parametrize("p", [[0.5, 0.6], [-0.5, 1.5], [[1.0]], [np.nan, 1.0]])
@pytest.mark.parametrize("rng", [RandomDraws(), Replay()])
def test_probabilities_are_checked(rng, p):
    with pytest.raises(ValueError, match="probabilities that sum to 1"):
        rng.categorical(p)


def test_softmax_refuses_empty_laws():
    with pytest.raises(ValueError, match="finite entry in every row"):
        softmax(np.full((1, 2), -np.inf))
    np.testing.assert_array_equal(softmax(np.array([-np.inf, 3.0])), [0.0, 1.0])


# ---- the enumerator


def test_no_choice_is_one_run():
    distribution = exact_distribution(lambda rng: ("only", 3))
    assert distribution == ExactDistribution({"only": 1.0}, {3: 1.0}, 1)


def test_certain_and_impossible_branches_are_not_choices():
    def sampler(rng):
        return (rng.categorical([0, 1, 0]), rng.accept(0.0), rng.accept(2.0)), 0

    distribution = exact_distribution(sampler)
    assert dict(distribution.probability) == {(1, False, True): 1.0}
    assert distribution.runs == 1


def test_a_tree_of_uneven_depth():
    def sampler(rng):
        if rng.accept(0.25):
            return "a", 1
        return ("b" if rng.categorical([0.5, 0.2, 0.3]) else "c"), 2

    distribution = exact_distribution(sampler)
    assert distribution.runs == 4
    assert distribution.probability["a"] == 0.25
    assert distribution.probability["b"] == pytest.approx(0.375)
    assert distribution.expected_calls == pytest.approx(1.75)


def test_too_many_branches():
    with pytest.raises(RuntimeError, match="at most 10 branches"):
        exact_distribution(lambda rng: (tuple(rng.accept(0.5) for _ in range(9)), 0), limit=10)


def test_hidden_randomness_is_noticed():
    hidden = iter(range(100))

    def sampler(rng):
        if next(hidden) % 2:
            return 0, 0
        return rng.accept(0.5) + rng.accept(0.5), 0

    with pytest.raises(RuntimeError, match="did not repeat its choices"):
        exact_distribution(sampler)


def test_total_variation():
    assert total_variation({}, {}) == 0
    assert total_variation({1: 0.5, 2: 0.5}, {2: 0.5, 3: 0.5}) == 0.5


# ---- samplers


@pytest.mark.parametrize("V, L", [(2, 1), (2, 3), (3, 3), (2, 5)])
def test_ancestral_sampling_is_the_joint(V, L):
    joint = TabularJoint.random(V, L, seed=L)
    distribution = distribution_of(ancestral, joint, np.full(L, V))
    assert total_variation(distribution.probability, joint.distribution()) <= EXACT
    assert dict(distribution.calls) == {L: pytest.approx(1.0)}


@pytest.mark.parametrize("order", list(permutations([0, 2, 3])))
def test_ancestral_sampling_in_any_order_is_the_conditional(order):
    joint = TabularJoint.random(2, 4, seed=9)
    distribution = distribution_of(ancestral, joint, [2, 1, 2, 2], order=order)
    conditional = {x: p for x, p in joint.distribution().items() if x[1] == 1}
    wanted = {x: p / sum(conditional.values()) for x, p in conditional.items()}
    assert total_variation(distribution.probability, wanted) <= EXACT


@pytest.mark.parametrize(
    "rule",
    [UnmaskingRule(**how) for how in ({}, {"order": "left-to-right"}, {"ties": 3}, {"block": 2},
                                      {"block": 2, "cache": "dual"})],
)  # fmt: skip
def test_static_sampling_one_token_at_a_time_is_the_joint(rule):
    joint = TabularJoint.random(3, 4, seed=2)
    distribution = distribution_of(static, joint, [3] * 4, rule=rule)
    assert total_variation(distribution.probability, joint.distribution()) <= EXACT
    assert distribution.expected_calls == pytest.approx(4)


def test_static_sampling_two_tokens_at_a_time_is_not():
    joint = TabularJoint.random(3, 4, seed=2)
    distribution = distribution_of(static, joint, [3] * 4, rule=UnmaskingRule(tokens=2))
    assert total_variation(distribution.probability, joint.distribution()) > 0.05
    assert distribution.expected_calls == pytest.approx(2)


def test_confidence_of_the_sampled_token_is_another_distribution():
    joint = TabularJoint.random(2, 3, seed=6)
    distribution = distribution_of(static, joint, [2] * 3, rule=UnmaskingRule(confidence="sampled"))
    assert sum(distribution.probability.values()) == pytest.approx(1)
    assert total_variation(distribution.probability, joint.distribution()) > 0.01


def test_orders_of_an_inconsistent_table_have_different_distributions():
    table = HashConditional(2, 3, k=3, eps=1.0)
    forth = distribution_of(ancestral, table, [2] * 3, order=[0, 1, 2])
    back = distribution_of(ancestral, table, [2] * 3, order=[2, 1, 0])
    assert total_variation(forth.probability, back.probability) > 0.01


def test_every_sampled_sudoku_is_valid():
    from paralg.decoding.sudoku import is_valid

    results = [ancestral(Sudoku4(), [4] * 16, rng=RandomDraws(0, s)).tokens for s in range(5)]
    assert is_valid(np.stack(results)).all()


def test_ranks_and_orders_are_checked():
    np.testing.assert_array_equal(ranks([2, 2], 2), [0, 1])
    np.testing.assert_array_equal(ranks([0, 2, 1, 2], 2, order=[3, 1]), [1, 3, 1, 2])
    for nothing in ([], (), np.array([], dtype=int), None):
        np.testing.assert_array_equal(ranks([0, 1], 2, order=nothing), [1, 1])
    with pytest.raises(ValueError, match=r"masked positions \[1, 3\], got \[1\]"):
        ranks([0, 2, 1, 2], 2, order=[1])
    with pytest.raises(ValueError, match="prefix, or an order"):
        ancestral(HashConditional(2, 3), [2, 1, 2], rng=RandomDraws())


def test_keys_and_values_are_kept_from_left_to_right_only():
    with pytest.raises(ValueError, match="expected no order with cache=True"):
        ancestral(HashConditional(2, 3), [2] * 3, rng=RandomDraws(), order=[0, 1, 2], cache=True)
