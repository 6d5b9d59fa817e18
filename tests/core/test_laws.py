"""Brent, Amdahl, Gustafson, roofline: worked cases, limits, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paralg.core.cost import Cost, amdahl, brent, gustafson, roofline

FRACTION = st.floats(0, 1)
WORKERS = st.integers(1, 10**6)


@pytest.mark.parametrize(
    ("work", "span", "p", "lower", "upper"),
    [(0, 0, 1, 0, 0), (1, 1, 5, 1, 1), (100, 10, 1, 100, 100), (100, 10, 4, 25, 32.5)],
)
def test_brent_worked_cases(work, span, p, lower, upper):
    assert brent(work, span, p) == (lower, upper)
    assert brent(Cost(work=work, span=span), p=p) == (lower, upper)


@given(st.integers(0, 10**6), FRACTION, WORKERS)
def test_brent_bounds_are_ordered_and_within_a_factor_of_two(work, share, p):
    bounds = brent(work, share * work, p)
    assert bounds.lower <= bounds.upper * (1 + 1e-12)
    assert bounds.upper <= 2 * bounds.lower * (1 + 1e-12)


def test_brent_takes_an_array_of_workers():
    bounds = brent(100, 10, np.array([1, 2, 100]))
    np.testing.assert_allclose(bounds.lower, [100, 50, 10])
    np.testing.assert_allclose(bounds.upper, [100, 55, 10.9])


def test_bounds_tell_whether_a_time_lies_within():
    bounds = brent(100, 10, 4)
    assert bounds.holds(25)
    assert bounds.holds(32.5)
    assert not bounds.holds(24.9)
    assert not bounds.holds(32.6)


@given(FRACTION, WORKERS)
def test_amdahl_is_at_most_the_workers_and_the_inverse_fraction(f, p):
    speedup = amdahl(f, p)
    assert 1 - 1e-12 <= speedup <= p * (1 + 1e-12)
    assert speedup * f <= 1 + 1e-12


@given(FRACTION, WORKERS)
def test_gustafson_is_never_below_amdahl(f, p):
    assert gustafson(f, p) >= amdahl(f, p) * (1 - 1e-12)


def test_worked_cases_of_the_fixed_and_of_the_growing_problem():
    assert amdahl(0, 7) == gustafson(0, 7) == 7
    assert amdahl(1, 7) == gustafson(1, 7) == 1
    np.testing.assert_allclose(amdahl(0.5, np.array([1, 3])), [1, 1.5])


def test_the_same_run_has_one_speedup_under_both_laws():
    p, parallel_share = 8, 0.3
    speedup = gustafson(parallel_share, p)
    assert amdahl(parallel_share / speedup, p) == pytest.approx(speedup)


def test_the_roof_has_its_ridge_at_peak_over_bandwidth():
    assert roofline(4, peak=64, bandwidth=16) == 64
    np.testing.assert_allclose(roofline([0, 1, 4, 9], 64, 16), [0, 16, 64, 64])


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: brent(10, 3, 0), ValueError, "p must be at least 1, got 0"),
        (lambda: brent(10, p=2), TypeError, "span must be given when work is a number, got None"),
        (lambda: brent(Cost(), 1), TypeError, "span comes with the Cost, got span=1 as well"),
        (lambda: brent(1, 2), ValueError, "span must be at most 1.0, got 2"),
        (lambda: amdahl(1.5, 2), ValueError, r"serial_fraction must be at most 1, got 1.5"),
        (lambda: gustafson(0.5, -1), ValueError, "p must be at least 1, got -1"),
        (lambda: roofline(1, 0, 1), ValueError, "peak must be above 0, got 0"),
        (lambda: roofline(1, 1, -2), ValueError, "bandwidth must be above 0, got -2"),
        (lambda: roofline([-1], 1, 1), ValueError, "intensity must be at least 0, got -1"),
    ],
)
def test_bad_input_is_told_what_was_expected(call, error, text):
    with pytest.raises(error, match=text):
        call()
