"""Map, reduce and pack: worked cases, equality with NumPy, counts, errors."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
from paralg.core.primitives import (
    ADD,
    AFFINE,
    METHODS,
    Operator,
    pack,
    pmap,
    reduce,
    reduce_counts,
    scan_counts,
)

JOIN = Operator(lambda a, b: a + b, "", "join")


def letters(n: int) -> np.ndarray:
    return np.array([chr(97 + i % 26) for i in range(n)], dtype=object)


def test_reduce_joins_in_order_and_counts_for_every_length():
    for n in (*range(36), 63, 64, 65, 127, 128, 129):
        result = reduce(JOIN, letters(n))
        assert result.values == "".join(letters(n))
        assert result.cost == reduce_counts(n)


def test_reduce_of_a_power_of_two_is_a_full_tree():
    for k in range(12):
        assert reduce(ADD, np.ones(2**k)).cost == Cost(work=2**k - 1, span=k)


def test_reduce_with_an_element_before_the_first():
    result = reduce(JOIN, letters(3), initial="Z")
    assert result.values == "Zabc"
    assert result.cost == Cost(work=3, span=3)
    assert reduce(JOIN, letters(0), initial="Z").values == "Z"


def test_reduce_of_tuples_and_rows():
    a, b = np.array([2, 3, 4]), np.array([1, 1, 1])
    assert reduce(AFFINE, (a, b)).values == (24, 4 * (3 * 1 + 1) + 1)
    np.testing.assert_array_equal(reduce(ADD, np.ones((5, 2))).values, [5, 5])
    np.testing.assert_array_equal(reduce(ADD, np.ones((0, 2))).values, [0, 0])


def test_the_trace_of_a_reduction_is_a_tree():
    levels = reduce(ADD, np.ones(5), trace=True).levels
    assert levels == [[(0, 1), (2, 3)], [(0, 2)], [(0, 4)]]


def test_an_empty_sequence_without_identity_has_no_value():
    with pytest.raises(ValueError, match=r"Operator\(operator\) has no identity"):
        reduce(Operator(np.add), np.ones(0))


@given(st.lists(st.integers(0, 100), min_size=0, max_size=60))
@settings(deadline=None, max_examples=25)
def test_any_associative_operator_equals_a_loop(xs):
    gcd = Operator(np.gcd, 0, "gcd")
    xs = np.array(xs, dtype=int)
    assert reduce(gcd, xs).values == functools.reduce(np.gcd, xs, 0)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_map_applies_to_all_and_costs_one_round(n):
    result = pmap(lambda x, y: (x + y, x * y), np.arange(n), np.arange(n))
    np.testing.assert_array_equal(result.values[0], 2 * np.arange(n))
    np.testing.assert_array_equal(result.values[1], np.arange(n) ** 2)
    assert result.cost == Cost(work=n, span=min(n, 1))


def test_a_map_must_keep_the_length():
    with pytest.raises(ValueError, match=r"fn must return 3 rows, got the shape \(\)"):
        pmap(np.sum, np.arange(3))
    with pytest.raises(ValueError, match="xs must hold at least one array"):
        pmap(np.sum)


@pytest.mark.parametrize("method", METHODS)
@given(keep=st.lists(st.booleans(), max_size=50))
@settings(deadline=None, max_examples=15)
def test_pack_keeps_the_flagged_in_order(method, keep):
    n, mask = len(keep), np.array(keep, dtype=bool)
    xs, wide = np.arange(n), np.arange(2 * n).reshape(n, 2)
    result = pack((xs, wide), keep, method=method)
    np.testing.assert_array_equal(result.values[0], xs[mask])
    np.testing.assert_array_equal(result.values[1], wide[mask])
    np.testing.assert_array_equal(result.values[0], xs[result.destinations >= 0])
    moves = Cost(work=n, span=min(n, 1))
    assert result.cost == scan_counts(method, n, inclusive=False) + moves


def test_pack_wants_a_flag_for_each_element():
    with pytest.raises(ValueError, match=r"keep must have the shape \(3,\), got \(2,\)"):
        pack([1, 2, 3], [True, False])
