"""Scans: worked cases, equality with a loop, counts equal to closed forms, traces, errors."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
from paralg.core.primitives import (
    ADD,
    AFFINE,
    MAX,
    METHODS,
    MIN,
    MUL,
    Operator,
    brent_kung_counts,
    chunked_counts,
    kogge_stone_counts,
    scan,
    scan_counts,
    segmented,
    segmented_scan,
)

JOIN = Operator(lambda a, b: a + b, "", "join")
FIRST = Operator(lambda a, b: a, None, "first")
LENGTHS = st.integers(0, 40)


def letters(n: int) -> np.ndarray:
    """Return n strings; joining them is associative, exact, and does not commute."""
    return np.array([chr(97 + i % 26) for i in range(n)], dtype=object)


def prefixes(words, inclusive: bool, initial: str = "") -> list[str]:
    """Return the prefixes by a plain loop."""
    out, so_far = [], initial
    for word in words:
        before, so_far = so_far, so_far + word
        out.append(so_far if inclusive else before)
    return out


def arguments():
    """Yield every combination of method, chunk, inclusive and initial."""
    for method, inclusive, initial in itertools.product(METHODS, (True, False), (None, "Z")):
        for chunk in (None, 1, 3, 7, 200) if method == "chunked" else (None,):
            yield {"method": method, "inclusive": inclusive, "initial": initial, "chunk": chunk}


@pytest.mark.parametrize("given", list(arguments()), ids=str)
def test_values_and_counts_for_every_length(given):
    known = given | {"initial": given["initial"] is not None}
    for n in (*range(36), 63, 64, 65, 100, 127, 128, 129):
        result = scan(JOIN, letters(n), **given)
        expected = prefixes(letters(n), given["inclusive"], given["initial"] or "")
        assert list(result.values) == expected
        assert result.cost == scan_counts(n=n, **known)


@pytest.mark.parametrize("k", range(11))
def test_powers_of_two_have_the_textbook_counts(k):
    n = 2**k
    xs = np.ones(n, dtype=int)
    costs = {m: scan(ADD, xs, method=m).cost for m in ("kogge-stone", "brent-kung", "sequential")}
    assert costs["sequential"] == Cost(work=n - 1, span=n - 1)
    assert costs["kogge-stone"] == Cost(work=n * k - (n - 1), span=k)
    assert costs["brent-kung"] == Cost(work=2 * n - 2 - k, span=max(2 * k - 1, 0))
    exclusive = scan(ADD, xs, method="blelloch", inclusive=False).cost
    assert exclusive == Cost(work=2 * (n - 1), span=2 * k)


def test_kogge_stone_work_is_the_sum_over_rounds_for_every_length():
    for n in range(1, 300):
        rounds = [n - 2**k for k in range(20) if 2**k < n]
        assert kogge_stone_counts(n) == Cost(work=sum(rounds), span=len(rounds))


def test_brent_kung_never_does_more_than_twice_the_sequential_work():
    for n in range(1, 2000):
        assert brent_kung_counts(n).work <= 2 * (n - 1)


def test_chunks_of_the_square_root_balance_the_two_phases():
    spans = {c: chunked_counts(1024, c).span for c in (4, 16, 32, 64, 256)}
    assert min(spans, key=spans.get) == 32
    assert chunked_counts(1024) == chunked_counts(1024, 32)


@pytest.mark.parametrize("method", ["sequential", "kogge-stone", "brent-kung", "chunked"])
def test_replaying_the_trace_gives_the_prefixes(method):
    for n in (0, 1, 2, 5, 8, 13, 16, 31):
        result = scan(JOIN, letters(n), method=method, trace=True)
        values = list(letters(n))
        for level in result.levels:
            before = list(values)
            for src, dst in level:
                values[dst] = before[src] + before[dst]
        assert values == list(result.values)
        assert sum(map(len, result.levels)) == result.cost.work
        assert len(result.levels) == result.cost.span


def longest_chain(levels, n: int) -> int:
    """Return the longest chain of dependent combines in a trace."""
    depth = [0] * n
    for level in levels:
        before = list(depth)
        for src, dst in level:
            depth[dst] = 1 + max(before[src], before[dst])
    return max(depth, default=0)


@pytest.mark.parametrize("method", ["sequential", "kogge-stone", "chunked"])
def test_no_barrier_could_be_spared(method):
    for n in range(70):
        result = scan(ADD, np.ones(n, dtype=int), method=method, trace=True)
        assert longest_chain(result.levels, n) == result.cost.span


def test_brent_kung_without_barriers_is_one_round_shorter():
    for k in range(2, 9):
        result = scan(ADD, np.ones(2**k, dtype=int), method="brent-kung", trace=True)
        assert longest_chain(result.levels, 2**k) == result.cost.span - 1 == 2 * k - 2
    for n in range(70):
        result = scan(ADD, np.ones(n, dtype=int), method="brent-kung", trace=True)
        assert longest_chain(result.levels, n) <= result.cost.span


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_trace_of_the_two_sweeps_has_all_combines(inclusive):
    for n in (1, 2, 3, 8, 11):
        result = scan(ADD, np.ones(n), method="blelloch", inclusive=inclusive, trace=True)
        assert sum(map(len, result.levels)) == result.cost.work
        assert len(result.levels) == result.cost.span
        assert all(0 <= src <= dst for level in result.levels for src, dst in level)


@pytest.mark.parametrize("method", METHODS)
def test_ready_operators_equal_numpy(method):
    rng = np.random.default_rng(3)
    for shape in ((0,), (1,), (17,), (33, 2), (9, 2, 3)):
        xs = rng.integers(-9, 9, shape)
        pairs = ((ADD, np.add), (MUL, np.multiply), (MAX, np.maximum), (MIN, np.minimum))
        for op, ufunc in pairs:
            values = scan(op, xs, method=method).values
            np.testing.assert_array_equal(values, ufunc.accumulate(xs, axis=0))
            assert values.dtype == xs.dtype


@pytest.mark.parametrize("method", METHODS)
@given(n=LENGTHS, seed=st.integers(0, 99), start=st.booleans())
@settings(deadline=None, max_examples=15)
def test_affine_maps_equal_the_recurrence(method, n, seed, start):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-2, 3, (2, n, 3))
    initial = (np.array([1, 1, 1]), np.array([4, 5, 6])) if start else None
    h = np.array([4, 5, 6]) if start else np.zeros(3, dtype=int)
    expected = []
    for t in range(n):
        h = a[t] * h + b[t]
        expected.append(h)
    result = scan(AFFINE, (a, b), method=method, initial=initial)
    np.testing.assert_array_equal(result.values[1], np.reshape(expected, (n, 3)))


@pytest.mark.parametrize("method", METHODS)
def test_matrices_do_not_commute_and_keep_their_order(method):
    product = Operator(lambda a, b: a @ b, np.eye(2, dtype=int), "matrix product")
    rng = np.random.default_rng(0)
    xs = rng.integers(-1, 2, (21, 2, 2))
    expected = list(itertools.accumulate(xs, np.matmul))
    np.testing.assert_array_equal(scan(product, xs, method=method).values, expected)
    exclusive = scan(product, xs, method=method, inclusive=False).values
    np.testing.assert_array_equal(exclusive, [np.eye(2), *expected[:-1]])


@pytest.mark.parametrize("method", METHODS)
def test_the_scan_of_a_sequence_is_the_scan_of_its_end_begun_with_its_beginning(method):
    words = letters(23)
    for cut in range(24):
        whole = scan(JOIN, words, method=method).values
        head = scan(JOIN, words[:cut], method=method).values
        begin = head[-1] if cut else ""
        tail = scan(JOIN, words[cut:], method=method, initial=begin).values
        assert [*head, *tail] == list(whole)


def test_the_input_is_left_alone():
    xs = np.arange(10)
    for method in METHODS:
        scan(ADD, xs, method=method, initial=5)
    np.testing.assert_array_equal(xs, np.arange(10))


def test_booleans_count_and_types_widen_rather_than_truncate():
    assert scan(ADD, [True, True, False]).values.tolist() == [1, 2, 2]
    assert scan(MAX, np.array([False, True, False])).values.dtype == bool
    halves = Operator(lambda a, b: a + b / 2, 0, "halves")
    assert scan(halves, [1, 1]).values.tolist() == [1.0, 1.5]
    assert scan(ADD, [1, 2], initial=0.5).values.tolist() == [1.5, 3.5]
    for method in METHODS:
        values = scan(ADD, np.array([1, 2]), inclusive=False, initial=0.5, method=method).values
        assert values.tolist() == [0.5, 1.5]


def test_the_identity_of_max_and_min_is_that_of_the_type():
    assert scan(MAX, np.array([3, 4], dtype=np.int8), inclusive=False).values.tolist() == [-128, 3]
    assert scan(MIN, np.array([3.0, 4.0]), inclusive=False).values.tolist() == [np.inf, 3.0]
    with pytest.raises(TypeError, match="max has an identity for integers and floats, got bool"):
        scan(MAX, [True, False], inclusive=False)


def test_a_semigroup_needs_no_identity_where_none_is_used():
    for method in set(METHODS) - {"blelloch"}:
        assert scan(FIRST, [5, 6, 7], method=method).values.tolist() == [5, 5, 5]
        shifted = scan(FIRST, [5, 6], method=method, inclusive=False, initial=1).values
        assert shifted.tolist() == [1, 1]
    assert scan(FIRST, [5, 6], method="blelloch", initial=1).values.tolist() == [1, 1]


def segments(words, flags, inclusive):
    """Return prefixes within segments by a plain loop."""
    out, so_far = [], ""
    for word, flag in zip(words, flags, strict=True):
        before = "" if flag else so_far
        so_far = before + word
        out.append(so_far if inclusive else before)
    return out


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("method", METHODS)
@given(flags=st.lists(st.booleans(), max_size=40))
@settings(deadline=None, max_examples=15)
def test_segmented_scans_equal_a_loop(method, inclusive, flags):
    words = letters(len(flags))
    result = segmented_scan(JOIN, words, flags, method=method, inclusive=inclusive)
    assert list(result.values) == segments(words, flags, inclusive)
    assert result.cost == scan_counts(method, len(flags), inclusive=inclusive)


def test_segmented_scans_take_tuples_and_wide_rows():
    a, b = np.full((4, 2), 2), np.ones((4, 2), dtype=int)
    values = segmented_scan(AFFINE, (a, b), [0, 0, 1, 0], method="kogge-stone").values
    assert values[1][:, 0].tolist() == [1, 3, 1, 3]


def test_the_lifted_operator_is_associative():
    op = segmented(ADD)
    rng = np.random.default_rng(1)
    x, y, z = [(rng.random(64) < 0.5, rng.integers(0, 9, 64)) for _ in range(3)]
    for left, right in zip(op(op(x, y), z), op(x, op(y, z)), strict=True):
        np.testing.assert_array_equal(left, right)
    assert segmented(FIRST).identity is None
    assert repr(op) == "Operator(segmented add)"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: scan(ADD, [1], method="magic"), "method must be one of .*, got 'magic'"),
        (lambda: scan(ADD, 1), "xs must have an axis 0 to scan along, got the scalar 1"),
        (lambda: scan(ADD, ()), "xs must hold at least one array, got an empty tuple"),
        (lambda: scan(AFFINE, ([1, 2], [1])), r"must have the same length, got \[2, 1\]"),
        (lambda: scan(ADD, [1], chunk=2), "chunk is for method 'chunked', got chunk=2"),
        (lambda: scan(ADD, [1], method="chunked", chunk=0), "chunk must be at least 1, got 0"),
        (lambda: scan(FIRST, [1], inclusive=False), r"Operator\(first\) has no identity"),
        (lambda: scan(FIRST, [1], method="blelloch"), r"expected initial=..., got None"),
        (lambda: scan(AFFINE, [1], inclusive=False), "must have 1 leaves, got 2"),
        (lambda: scan(AFFINE, ([1, 2], [1, 2]), initial=3), "initial must be a tuple of 2, got 3"),
        (lambda: scan(ADD, [1, 2], initial=[3]), r"must have the shape \(\), got \(1,\)"),
        (lambda: scan(Operator(lambda a, b: a[:, :1]), np.ones((2, 2))),
         r"must keep the shape \(1, 2\), got \(1, 1\)"),
        (lambda: scan(Operator(lambda a, b: a[0]), ([1, 2], [3, 4])), "must return 2 arrays, got"),
        (lambda: scan(Operator(lambda a, b: (a[0],)), ([1, 2], [3, 4])), "2 arrays, got 1"),
        (lambda: segmented_scan(ADD, [1, 2], [1]), r"flags must have the shape \(2,\), got \(1,\)"),
        (lambda: scan_counts("magic", 3), "method must be one of .*, got 'magic'"),
        (lambda: kogge_stone_counts(-1), "n must be at least 0, got -1"),
        (lambda: chunked_counts(5, 0), "chunk must be at least 1, got 0"),
    ],
)  # fmt: skip
def test_bad_input_is_told_what_was_expected(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: scan("add", [1]), "op must be an Operator, got 'add'"),
        (lambda: kogge_stone_counts(2.5), "n must be an integer, got 2.5"),
        (lambda: scan(ADD, [1], method="chunked", chunk=2.5), "must be an integer, got 2.5"),
    ],
)
def test_a_wrong_type_is_told_what_was_expected(call, text):
    with pytest.raises(TypeError, match=text):
        call()


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("method", METHODS)
def test_an_operator_may_return_views_of_what_it_got(method, inclusive):
    last = Operator(lambda left, right: right, name="last")
    ends = Operator(lambda left, right: (left[0], right[1], left[0]), name="ends")
    xs, n = np.arange(1, 12), 11
    values = scan(last, xs, method=method, inclusive=inclusive, initial=0).values
    assert values.tolist() == list(range(inclusive, n + inclusive))
    triples, begin = (xs, 10 * xs, xs), (7, 8, 7)
    values = scan(ends, triples, method=method, inclusive=inclusive, initial=begin).values
    first, end, again = values
    assert first.tolist() == again.tolist() == [7] * n
    assert end.tolist() == ([8, *(10 * xs)][inclusive:])[:n]


def test_exact_integers_of_any_size_and_strided_input():
    huge = [2**70, 1, -(2**80)]
    sums = list(itertools.accumulate(huge))
    strided = np.arange(24).reshape(4, 6)[::-1, ::2].T
    for method in METHODS:
        assert scan(ADD, huge, method=method).values.tolist() == sums
        assert np.array_equal(scan(ADD, strided, method=method).values, strided.cumsum(axis=0))


def test_scans_make_no_warnings_of_their_own():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in METHODS:
            scan(AFFINE, (np.ones(7), np.ones(7)), method=method)
            scan(MAX, np.ones(5), method=method, inclusive=False)
