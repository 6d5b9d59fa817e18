"""Counter-based streams: known values, independence of order, statistics, compiled equality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paralg.core.random import GOLDEN, derive, draw64, mix64, to_unit, uniform

WORDS = st.integers(0, 2**64 - 1)


def test_the_first_outputs_of_splitmix64_are_the_published_ones():
    with np.errstate(over="ignore"):
        words = mix64(np.arange(1, 4, dtype=np.uint64) * GOLDEN)
    assert [hex(word) for word in words] == [
        "0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f",
    ]  # fmt: skip


def test_the_finaliser_is_a_bijection_on_a_sample():
    words = np.arange(100_000, dtype=np.uint64)
    assert len(np.unique(mix64(words))) == len(words)


@given(WORDS, WORDS, st.integers(0, 10**6))
def test_a_draw_depends_on_nothing_but_its_three_numbers(seed, key, counter):
    alone = uniform(seed, key, counter)
    among = uniform(seed, np.array([1, key, 2], dtype=np.uint64), counter)[1]
    later = uniform(seed, key, np.arange(counter, counter + 3))[0]
    assert alone == among == later
    assert 0 <= alone < 1


def test_draws_of_one_key_are_a_splitmix64_sequence():
    state = derive(5, 7)
    with np.errstate(over="ignore"):
        expected = mix64(state + np.arange(1, 9, dtype=np.uint64) * GOLDEN)
    np.testing.assert_array_equal(draw64(5, 7, np.arange(8)), expected)


def test_shapes_broadcast():
    assert uniform(0, np.arange(3)[:, None], np.arange(4)).shape == (3, 4)
    assert derive(1).shape == ()
    assert uniform(0, np.empty(0, dtype=int), 0).shape == (0,)


def test_negative_integers_name_streams_too():
    assert derive(0, -1) == derive(0, 2**64 - 1)


def test_the_extremes_stay_below_one():
    assert to_unit(np.uint64(2**64 - 1)) == 1 - 2.0**-53
    assert to_unit(np.uint64(0)) == 0.0


def test_draws_look_uniform_and_uncorrelated():
    draws = uniform(1, np.arange(200)[:, None], np.arange(500))
    flat = draws.ravel()
    counts = np.bincount((flat * 64).astype(int), minlength=64)
    expected = flat.size / 64
    assert ((counts - expected) ** 2 / expected).sum() < 120  # chi-square, 63 degrees, p ~ 1e-5
    for left, right in ((draws[:, :-1], draws[:, 1:]), (draws[:-1], draws[1:])):
        correlation = np.corrcoef(left.ravel(), right.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(left.size)


def test_each_input_bit_flips_half_of_the_output_bits():
    keys = np.arange(1000, dtype=np.uint64)
    before = draw64(0, keys, 0)
    for bit in range(64):
        changed = before ^ draw64(0, keys ^ np.uint64(1 << bit), 0)
        flipped = np.unpackbits(changed.view(np.uint8)).mean()
        assert abs(flipped - 0.5) < 0.01


def test_the_compiled_function_has_the_same_bits():
    numba = pytest.importorskip("numba")
    compiled, unit = numba.njit(mix64), numba.njit(to_unit)
    words = derive(3, np.arange(50))
    mixed = mix64(words)
    assert [int(compiled(word)) % 2**64 for word in words] == [int(word) for word in mixed]
    assert [unit(word) for word in mixed] == list(to_unit(mixed))


@pytest.mark.parametrize("value", [0.5, "a", 2**64, None])
def test_what_is_no_word_is_refused(value):
    with pytest.raises(TypeError, match="key must be integers of at most 64 bits, got"):
        uniform(0, value, 0)
