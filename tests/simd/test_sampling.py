"""Exact draws: alias tables in closed form, binomials by their moments, errors, examples."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.simd import sampling
from paralg.simd.sampling import alias_tables, binomial, implied_shares, slots_of


def test_examples_run_and_names_are_documented():
    assert doctest.testmod(sampling).failed == 0
    assert all(getattr(sampling, name).__doc__ for name in sampling.__all__)


def check_alias(records):
    indptr = np.concatenate([[0], np.cumsum([len(record) for record in records])]).astype(int)
    threshold, alias = alias_tables(indptr, [weight for record in records for weight in record])
    expected = [weight / sum(record) for record in records for weight in record]
    assert implied_shares(indptr, threshold, alias) == pytest.approx(expected, abs=1e-12)
    assert ((threshold >= 0) & (threshold <= 1)).all()
    own = np.concatenate([np.random.default_rng(0).permutation(len(r)) for r in records] or [[]])
    assert np.array_equal(slots_of(indptr, own.astype(int), own.astype(int)[alias]), alias)


@pytest.mark.parametrize("records", [[], [[], []], [[3.0]], [[1.0, 1.0], [], [5.0, 0.5, 1e-9]]])
def test_implied_shares_of_worked_records(records):
    check_alias(records)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.floats(1e-9, 1e9), max_size=40), max_size=5))
def test_implied_shares_equal_the_weights(records):
    check_alias(records)


@pytest.mark.parametrize("indptr, shares, message", [
    ([0, 1], [-1.0], "must be finite and not negative, got -1.0"),
    ([0, 1], [np.nan], "must be finite and not negative, got nan"),
    ([0, 1], [np.inf], "must be finite and not negative, got inf"),
    ([0, 3], [1.0, 1.0], r"must rise from 0 to 2, got \[0, 3\]"),
    ([0, 2, 1, 2], [1.0, 1.0], r"must rise from 0 to 2, got \[0, 2\]"),
])  # fmt: skip
def test_senseless_records_are_refused(indptr, shares, message):
    with pytest.raises(ValueError, match=message):
        alias_tables(np.array(indptr), shares)


def test_binomial_draws_have_mean_and_variance_and_equal_their_python_bodies(monkeypatch):
    def draws(count):
        return np.array([sampling.binomial(np.uint64(k << 20), np.uint64(0), 200, 0.3)[0]
                         for k in range(count)])  # fmt: skip

    many = draws(4000)
    assert many.mean() == pytest.approx(60, abs=0.5)
    assert many.var() == pytest.approx(42, rel=0.1)
    assert [binomial(np.uint64(1), np.uint64(0), 9, p)[0] for p in (0.0, 1.0)] == [0, 9]
    for name, value in list(vars(sampling).items()):
        if hasattr(value, "py_func"):
            monkeypatch.setattr(sampling, name, value.py_func)
    with np.errstate(over="ignore"):
        assert np.array_equal(draws(20), many[:20])
