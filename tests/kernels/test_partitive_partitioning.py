"""What the chapter claims, checked: values, counts, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paralg.kernels.partitive_partitioning import (
    compiled_sum,
    in_chunks,
    in_parallel,
    in_sequence,
    tree_span,
    tree_work,
)

CASES = [([], 0.0, 0, 0), ([3.0], 3.0, 0, 0), ([1.0, 2.0, 4.0], 7.0, 2, 2), (range(8), 28.0, 7, 3)]


@pytest.mark.parametrize("xs,value,work,span", CASES)
def test_worked_cases(xs, value, work, span):
    result = in_parallel(list(xs))
    assert result.value == value == compiled_sum(list(xs)) == in_chunks(list(xs), 2).value
    assert (result.cost.work, result.cost.span) == (work, span)


@given(st.lists(st.integers(-100, 100), max_size=40))
def test_all_forms_equal_the_sequential_answer(xs):
    assert in_parallel(xs).value == compiled_sum(xs) == in_sequence(xs).value == sum(xs)


@pytest.mark.parametrize("n", range(1, 34))
def test_counts_equal_the_closed_form(n):
    cost = in_parallel(np.ones(n)).cost
    assert (cost.work, cost.span) == (tree_work(n), tree_span(n))
    workers = min(n, 4)
    chunks = in_chunks(np.ones(n), workers).cost
    assert chunks.work == tree_work(n)
    assert chunks.span <= -(-n // workers) - 1 + tree_span(workers)


@pytest.mark.parametrize("method", [in_parallel, in_sequence, compiled_sum])
def test_bad_shape(method):
    with pytest.raises(ValueError, match=r"the shape \(n,\), got \(2, 2\)"):
        method(np.ones((2, 2)))


def test_no_worker():
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        in_chunks([1.0], 0)
