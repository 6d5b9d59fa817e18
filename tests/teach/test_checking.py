"""The helpers of checks: what each accepts, and the smallest input it shows."""

import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paralg.teach import checking
from paralg.teach.checking import AnswerRaised, PropertyFailed, equal_to_oracle
from paralg.teach.values import difference, equal, show, show_call, size_of


def details(failed):
    return dict(failed.value.details)


def test_require():
    checking.require(True, "is sorted")
    with pytest.raises(PropertyFailed, match="is sorted: look at the end") as failed:
        checking.require(False, "is sorted", "look at the end", failing=[2, 1], got=1.0)
    assert details(failed) == {"input": "[2, 1]", "got": "1"}


def test_equal_to_oracle_says_how_many_inputs():
    cases = [np.arange(n) for n in range(4)]
    assert checking.equal_to_oracle(np.cumsum, np.cumsum, cases) == (
        "Right: equals the reference on 4 inputs."
    )


def test_equal_to_oracle_shows_the_smallest_input():
    def wrong(xs):
        return sum(xs) if len(xs) < 3 else 0

    cases = [[5] * n for n in (9, 7, 4, 1)]
    with pytest.raises(PropertyFailed, match="equals the sum: mind the end") as failed:
        checking.equal_to_oracle(wrong, sum, cases, name="equals the sum", hint="mind the end")
    assert details(failed) == {"input": "[5, 5, 5]", "expected": "15", "got": "0"}


def test_paired_inputs_are_cut_together():
    def wrong(a, b):
        return a @ b if len(a) < 2 else 0.0

    cases = [(np.arange(1.0, 6), np.ones(5))]
    with pytest.raises(PropertyFailed) as failed:
        checking.equal_to_oracle(wrong, np.dot, cases, tol=1e-12)
    assert details(failed)["input"] == "[1., 2.], [1., 1.]"


def test_an_answer_that_raises_is_told_apart():
    def breaks(xs):
        return xs[2]

    with pytest.raises(AnswerRaised, match="IndexError") as raised:
        checking.equal_to_oracle(breaks, lambda xs: xs[-1], [[1, 2, 3], [1, 2]])
    assert raised.value.arguments == ([1],)


def test_a_cut_input_must_fail_in_the_same_way():
    def wrong(xs):
        if len(xs) % 2:
            raise ValueError("even length only")
        return 0

    with pytest.raises(PropertyFailed) as failed:
        checking.equal_to_oracle(wrong, sum, [[1, 1, 1, 1]])
    assert details(failed)["input"] == "[1, 1, 1, 1]"


def test_a_cut_input_that_the_reference_refuses_is_left_alone():
    def oracle(xs):
        if len(xs) < 4:
            raise ValueError("four at least")
        return sum(xs)

    with pytest.raises(PropertyFailed) as failed:
        checking.equal_to_oracle(lambda xs: 0, oracle, [[1, 1, 1, 1, 1]])
    assert details(failed)["input"] == "[1, 1, 1, 1]"


def test_inputs_cannot_be_changed_by_the_answer():
    xs = [3, 1, 2]

    def sorts_in_place(values):
        values.sort()
        return values

    checking.equal_to_oracle(sorts_in_place, sorted, [xs])
    assert xs == [3, 1, 2]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_smallest_failing_is_minimal(xs):
    def has_nine(values):
        return 9 in values

    got = checking.smallest_failing(has_nine, [(xs,)])
    assert (got is None) == (9 not in xs)
    assert got is None or got == ([9],)


def test_smallest_failing_without_cutting():
    assert checking.smallest_failing(lambda xs: True, ["abc", "ab"], shrink=False) == ("ab",)
    assert checking.smallest_failing(lambda xs: False, ["abc"]) is None
    assert checking.smallest_failing(lambda xs: "b" in xs, ["abc"]) == ("b",)


def test_counts_at_most():
    from paralg.core.cost import Cost

    checking.counts_at_most(Cost(span=3), {"span": 3})
    checking.counts_at_most({"rounds": 2}, {"rounds": 2.0})
    with pytest.raises(PropertyFailed, match="span at most 3: halve") as failed:
        checking.counts_at_most(Cost(span=4), {"span": 3}, case="n = 8", hint="halve")
    assert details(failed) == {"input": "n = 8", "expected": "span ≤ 3", "got": "span = 4"}


def test_close_to():
    checking.close_to(1 / 3, 0.3333333, tol=1e-6)
    checking.close_to([1, 2], np.array([1.0, 2.0]))
    with pytest.raises(PropertyFailed, match="another value for the span: that counts the work"):
        checking.close_to(7, 3, name="the span", wrong={7: "that counts the work"})
    with pytest.raises(PropertyFailed, match="^another value for the span$") as failed:
        checking.close_to(8, 3, name="the span", wrong={7: "that counts the work"})
    assert details(failed) == {"got": "8"}
    with pytest.raises(PropertyFailed, match="expected a number or an array of numbers, got str"):
        checking.close_to("three", 3)
    for answer, right, asked in (([1, 2], 3, "one number"), (3, [1, 2], "shape (2,)")):
        with pytest.raises(PropertyFailed, match="the span") as failed:
            checking.close_to(answer, right, name="the span")
        assert details(failed)["expected"] == asked


SPELLINGS = [
    ("38/3", 38 / 3), (" 38 / 3 ", 38 / 3), ("0.5", 0.5), ("1e-3", 0.001), ("−3", -3), ("12", 12),
    ("inf", float("inf")), ("9007199254740993", 2**53 + 1), (Fraction(38, 3), 38 / 3),
    (Fraction(6, 2), 3), (Decimal("0.5"), 0.5), (np.float64(0.5), 0.5), (np.int8(3), 3),
    (np.array(0.5), 0.5), (np.bool_(True), True), (["1/2", 2], [0.5, 2]), (("1", "2"), (1, 2)),
    ({"a": "1/4"}, {"a": 0.25}), (iter([1, "2"]), [1, 2]), ("acef", "acef"), ("1 2", "1 2"),
    ("65,504", 65504), ("1,23", "1,23"), ("−∞", float("-inf")),
    ("1/0", "1/0"), ("", ""), (None, None), ({"a"}, {"a"}),
]  # fmt: skip


def named(value):
    """Name a case by its value, without the address of an iterator."""
    return repr(value).partition(" object at ")[0]


@pytest.mark.parametrize(("written", "meant"), SPELLINGS, ids=named)
def test_a_number_may_be_written_in_many_ways(written, meant):
    found = checking.plain(written)
    assert found == meant
    assert type(found) is type(meant)


PAIRS = [(1, 0), [1, 0], np.array([1, 0]), ["1", "0.0"], (Fraction(1), np.int64(0)), iter((1, 0))]


@pytest.mark.parametrize("pair", PAIRS, ids=named)
def test_a_pair_of_numbers_may_be_a_tuple_a_list_an_array(pair):
    assert checking.numbers(pair, 2, "a pair (a, b)") == (1, 0)


@pytest.mark.parametrize("wrong", [1, (1, 2, 3), "12", [[1, 2]], (1, "two"), {1, 2}, {"a": 1}])
def test_what_is_no_pair_of_numbers_is_shown(wrong):
    with pytest.raises(PropertyFailed, match=re.escape("a pair (a, b)")) as failed:
        checking.numbers(wrong, 2, "a pair (a, b)")
    assert details(failed)["got"].startswith(type(wrong).__name__)
    assert details(failed).get("expected") == "2 numbers" or "array of numbers" in str(failed.value)


@pytest.mark.parametrize("right", [4, 4.0, "4", Fraction(8, 2), np.int64(4), np.array(4.0)])
def test_a_whole_number(right):
    assert checking.whole(right, "the rounds") == 4
    for wrong in (right, 4.5, "4.5", "four", None, [4], float("nan"), float("inf")):
        if wrong is not right:
            with pytest.raises(PropertyFailed, match="the rounds"):
                checking.whole(wrong, "the rounds")


@pytest.mark.parametrize("given", [
    {"upper bound": 1, "kogge-stone": 2}, {"Upper-Bound": 1, "kogge_stone": 2, "more": 3},
    {"UPPER_BOUND": 1, " Kogge  Stone": 2}, [1, 2], (1, 2), np.array([1, 2]),
])  # fmt: skip
def test_entries_are_found_however_their_names_are_written(given):
    assert checking.entries(given, ("upper bound", "kogge-stone")) == (1, 2)


@pytest.mark.parametrize(
    ("given", "name", "got"),
    [
        ({"a": 1}, "the entries a, b", "a"),
        ({}, "the entries a, b", "none"),
        ((1, 2, 3), "the entries a, b", "tuple (1, 2, 3)"),
        (1, "the entries a, b", "int 1"),
        ({"a": 1, "A": 2, "b": 3}, "the entry 'a' once", "a, A, b"),
    ],
)
def test_what_has_not_the_entries_is_told(given, name, got):
    with pytest.raises(PropertyFailed) as failed:
        checking.entries(given, ("a", "b"))
    assert (failed.value.name, details(failed)["got"]) == (name, got)


def test_raises():
    def refuses(n):
        raise ValueError(f"n must be positive, got {n}")

    checking.raises(refuses, -1, ValueError, words="got -1")
    with pytest.raises(PropertyFailed, match="the message should say 'must be odd'"):
        checking.raises(refuses, -1, ValueError, words="must be odd")
    with pytest.raises(PropertyFailed, match="raises KeyError") as failed:
        checking.raises(refuses, -1, KeyError)
    assert details(failed)["got"] == "ValueError: n must be positive, got -1"
    with pytest.raises(PropertyFailed, match="raises ValueError") as failed:
        checking.raises(abs, -1, ValueError)
    assert details(failed) == {"input": "-1", "expected": "ValueError", "got": "the value 1"}


def test_exercise_refuses_bad_and_double_labels():
    with pytest.raises(ValueError, match="must begin with 'ex-', got 'mamba'"):
        checking.exercise("mamba")
    space = {"__name__": "somewhere", "exercise": checking.exercise}
    exec("@exercise('ex-a-b')\ndef one(answer): ...", space)
    assert list(space["CHECKS"]) == ["ex-a-b"]
    with pytest.raises(ValueError, match="'ex-a-b' has two checks in somewhere"):
        exec("@exercise('ex-a-b')\ndef two(answer): ...", space)


@pytest.mark.parametrize(
    "a,b,tol,same",
    [
        (1, 1.0, 0, True),
        (1.0, 1.0 + 1e-9, 1e-8, True),
        (1.0, 1.1, 1e-8, False),
        ([1, 2], (1, 2), 0, True),
        (np.zeros(2), np.zeros(3), 1, False),
        ([np.zeros(2), "a"], [np.zeros(2), "a"], 0, True),
        ([[1], [1, 2]], [[1], [1, 2]], 0, True),
        ({"a": [1]}, {"a": [1.0]}, 0, True),
        ({"a": 1}, {"b": 1}, 0, False),
        ("a", "a", 0, True),
        (None, 0, 0, False),
        (float("nan"), float("nan"), 0, True),
        (2**53 + 1, 2**53, 0, False),
        (np.array([2**62 + 1]), np.array([2**62]), 0, False),
        (np.array([2**70], dtype=object), [2**70], 0, True),
        (np.array([2**70], dtype=object), [2**70 + 1], 0, False),
        (np.array(["a", "b"]), ["a", "b"], 0, True),
        ([np.inf, 1.0], [np.inf, 1.0], 0, True),
        ("38/3", 38 / 3, 0, True),
        (Fraction(1, 3), 1 / 3, 1e-12, True),
        ([Fraction(1, 2), "0.5"], [0.5, 0.5], 0, True),
        (np.array(["1", "2"]), [1, 2], 0, True),
        ("1", "1.0", 0, False),
        ("1x", 1, 0, False),
        ("x" * 1000 + "a", "x" * 1000 + "b", 0, False),
        (np.r_[np.zeros(10**4), 1], np.zeros(10**4 + 1), 1e-9, False),
        (list(range(10**4)), list(range(10**4 - 1)), 0, False),
    ],
)
def test_equal(a, b, tol, same):
    assert equal(a, b, tol) is same


def test_equal_of_tensors():
    torch = pytest.importorskip("torch")
    assert equal(torch.ones(2, requires_grad=True), np.ones(2), 0)


def test_equal_never_raises():
    class Odd:
        def __eq__(self, other):
            raise TypeError("no")

        __hash__ = None

    assert equal(Odd(), Odd(), 0) is False


@pytest.mark.parametrize(
    "value,text",
    [
        ("abc", "abc"),
        (0.1 + 0.2, "0.3"),
        (np.float32(0.5), "0.5"),
        (np.int64(3), "3"),
        (np.arange(3), "[0, 1, 2]"),
        ((np.arange(2),), "([0, 1],)"),
        ([1, [2.0]], "[1, [2]]"),
        (None, "None"),
    ],
)
def test_show(value, text):
    assert show(value) == text


@pytest.mark.parametrize(("value", "start"), [
    ("x" * 1000, "1,000 characters: xxx"),
    (list(range(10_000)), "10,000 entries: [0, 1, 2"),
    ((0,) * 1000, "1,000 entries: (0, 0"),
    (np.arange(33), "shape (33,): [ 0,  1,  2, ...,"),
    (np.zeros((9, 9)), "shape (9, 9): [[0., 0."),
    (dict.fromkeys(range(1000)), "1,000 entries: {0: None"),
    (set(range(1000)), "{0, 1, 2"),
])  # fmt: skip
def test_what_is_shown_in_part_says_how_much_there_is(value, start):
    text = show(value)
    assert text.startswith(start)
    assert len(text) <= 240
    assert "…" in text or "..." in text


def test_the_arguments_of_a_call():
    assert show_call(("a", 1)) == "'a', 1"


def test_size_counts_entries_first():
    order = [[], [0], [5], [0, 0], np.zeros(3), {"a": 1, "b": 2, "c": 3}]
    sizes = [size_of(value) for value in order]
    assert sizes == sorted(sizes)
    assert size_of("ab") < size_of("abc")
    assert size_of(object()) == 1
    assert size_of(float("inf")) == 2
    assert size_of(7) < size_of(2**40) < size_of(10**400) == 2
    assert 2 < size_of(np.array([np.iinfo(np.int64).min, 2**62])) <= 4


@pytest.mark.parametrize(
    ("got", "expected", "text"),
    [
        (1.0, 1.0 + 1e-12, "1e-12"),
        (np.ones(2), np.ones((1, 2)), "shapes (2,) and (1, 2)"),
        ("1", np.array(None), "str and ndarray"),
        ("x" * 1000, "x" * 1001, "lengths 1,000 and 1,001"),
        ("x" * 1000 + "a", "x" * 1000 + "b", "at place 1,000: a and b"),
    ],
)
def test_difference_of_values_that_look_alike(got, expected, text):
    assert difference(got, expected) == text


def test_a_difference_too_small_to_be_shown_is_told():
    with pytest.raises(PropertyFailed) as caught:
        equal_to_oracle(lambda x: x + 1e-12, lambda x: x, cases=[1.0])
    assert caught.value.details[-1] == ("apart by", "1e-12")


@pytest.mark.parametrize("answer", [2 + 1j, np.array(2 + 1j), np.array([2 + 0j])])
def test_an_imaginary_part_is_not_dropped(answer):
    with pytest.raises(checking.PropertyFailed, match="expected a number or an array of numbers"):
        checking.close_to(answer, 2.0)


def test_a_result_without_the_count_is_told():
    for counted in (None, {}, {"work": "x"}):
        with pytest.raises(checking.PropertyFailed, match="a number of work"):
            checking.counts_at_most(counted, {"work": 3})
