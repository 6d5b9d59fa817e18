"""The helpers of checks: what each accepts, and the smallest input it shows."""

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
    with pytest.raises(PropertyFailed, match="the span: that counts the work"):
        checking.close_to(7, 3, name="the span", wrong={7: "that counts the work"})
    with pytest.raises(PropertyFailed, match="the span: not this value") as failed:
        checking.close_to(8, 3, name="the span", wrong={7: "that counts the work"})
    assert "expected" not in details(failed)
    with pytest.raises(PropertyFailed, match="expected a number or an array of numbers, got str"):
        checking.close_to("three", 3)


def test_same_distribution():
    checking.same_distribution({"a": 0.5, "b": 0.5}, {"b": 0.5, "a": 0.5, "c": 0.0})
    checking.same_distribution([0.25, 0.75], np.array([0.25, 0.75]))
    with pytest.raises(PropertyFailed, match="total variation 0.25, accepted 1e-12") as failed:
        checking.same_distribution([0.25, 0.75], [0.5, 0.5])
    assert details(failed) == {
        "outcome": "0",
        "expected": "probability 0.5",
        "got": "probability 0.25",
    }
    with pytest.raises(PropertyFailed):
        checking.same_distribution([float("nan"), 1.0], [0.5, 0.5])


def test_samples_follow():
    distribution = {"h": 0.3, "t": 0.7, "edge": 0.0}

    def coin(p):
        return lambda rng: "h" if rng.random() < p else "t"

    checking.samples_follow(coin(0.3), distribution, 2000, np.random.default_rng(0))
    with pytest.raises(PropertyFailed, match="chi-squared"):
        checking.samples_follow(coin(0.5), distribution, 2000, np.random.default_rng(0))
    with pytest.raises(PropertyFailed, match="probability 0"):
        checking.samples_follow(lambda rng: "edge", distribution, 10, np.random.default_rng(0))
    with pytest.raises(AnswerRaised, match="ZeroDivisionError"):
        checking.samples_follow(lambda rng: 1 / 0, distribution, 10, np.random.default_rng(0))


def test_rare_outcomes_are_pooled():
    distribution = [0.999, 0.0004, 0.0006]
    checking.samples_follow(lambda rng: 0, distribution, 1000, np.random.default_rng(0))


def test_raises():
    def refuses(n):
        raise ValueError(f"n must be positive, got {n}")

    checking.raises(refuses, -1, ValueError, words="got -1")
    with pytest.raises(PropertyFailed, match="the message should say 'must be odd'"):
        checking.raises(refuses, -1, ValueError, words="must be odd")
    with pytest.raises(PropertyFailed, match="raises KeyError") as failed:
        checking.raises(refuses, -1, KeyError)
    assert details(failed)["got"] == "ValueError: n must be positive, got -1"
    with pytest.raises(PropertyFailed, match="raises ValueError: nothing was raised"):
        checking.raises(abs, -1, ValueError)


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


def test_show_is_short():
    assert len(show("x" * 1000)) == 240
    assert len(show(list(range(10_000)))) == 240
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
    ],
)
def test_difference_of_values_that_look_alike(got, expected, text):
    assert difference(got, expected) == text


def test_a_difference_too_small_to_be_shown_is_told():
    with pytest.raises(PropertyFailed) as caught:
        equal_to_oracle(lambda x: x + 1e-12, lambda x: x, cases=[1.0])
    assert caught.value.details[-1] == ("apart by", "1e-12")
