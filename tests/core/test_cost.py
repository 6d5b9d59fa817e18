"""Counts: composition, units, text, and the errors for counts that are none."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import UNITS, Cost, parallel, sequential

COUNTS = st.integers(0, 10**6)
COSTS = st.builds(Cost, **dict.fromkeys(UNITS, COUNTS))


def test_the_empty_cost_is_neutral_for_both_compositions():
    cost = Cost(work=3, span=2, messages=1)
    assert Cost() + cost == cost | Cost() == cost
    assert sequential([]) == parallel([]) == Cost()


@pytest.mark.parametrize("name", UNITS)
def test_every_count_adds_in_sequence(name):
    assert getattr(Cost(**{name: 2}) + Cost(**{name: 5}), name) == 7


@pytest.mark.parametrize("name", UNITS)
def test_lengths_take_the_maximum_side_by_side_and_amounts_add(name):
    expected = 5 if name in ("span", "rounds") else 7
    assert getattr(Cost(**{name: 2}) | Cost(**{name: 5}), name) == expected


@given(COSTS, COSTS, COSTS)
@settings(max_examples=25)
def test_both_compositions_are_associative_and_commute(a, b, c):
    assert (a + b) + c == a + (b + c) == sequential([a, b, c])
    assert (a | b) | c == a | (b | c) == parallel([a, b, c])
    assert a + b == b + a
    assert a | b == b | a


@given(COSTS, COSTS)
@settings(max_examples=25)
def test_side_by_side_is_never_longer_than_in_sequence(a, b):
    beside, after = a | b, a + b
    assert beside.work == after.work
    assert beside.span <= after.span
    assert beside.rounds <= after.rounds


def test_text_names_only_what_was_counted():
    cost = Cost(work=1234, rounds=2)
    assert str(cost) == "work 1,234, rounds 2"
    assert repr(cost) == "Cost(work=1234, rounds=2)"
    assert cost.as_dict() == {"work": 1234, "rounds": 2}
    assert str(Cost()) == "nothing"


def test_parallelism_is_work_over_span():
    assert Cost(work=12, span=3).parallelism == 4
    assert Cost().parallelism == 0
    assert Cost(work=1).parallelism == float("inf")


def test_numpy_integers_become_plain_ones():
    assert type(Cost(work=np.int64(3)).work) is int


@pytest.mark.parametrize("value", [1.0, "3", True, None])
def test_a_count_that_is_no_integer_is_refused(value):
    with pytest.raises(TypeError, match="work must be an integer, got"):
        Cost(work=value)


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="bytes must be at least 0, got -1"):
        Cost(bytes=-1)


def test_a_cost_composes_only_with_costs():
    with pytest.raises(TypeError):
        Cost() + 1
    with pytest.raises(TypeError):
        Cost() | 1
