"""Timing against a clock that the test turns: interleaving, ratios, warm-up, threads."""

import gc
import sys
import types

import numpy as np
import pytest

from paralg.core.timing import Timings, compare, pinned


class Clock:
    """A clock that moves only when a method says how long it takes."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def method(self, name, *durations):
        sequence = iter(durations * 100)

        def run():
            self.calls.append(name)
            self.now += next(sequence)

        return run


def test_rounds_interleave_and_the_first_place_rotates():
    clock = Clock()
    methods = {name: clock.method(name, 1) for name in "abc"}
    compare(methods, repeats=3, warmup=1, clock=clock)
    assert "".join(clock.calls) == "abc" + "abc" + "bca" + "cab"


def test_median_quartiles_and_rows():
    clock = Clock()
    methods = {"loop": clock.method("loop", 4), "scan": clock.method("scan", 1, 2, 4)}
    timings = compare(methods, repeats=3, warmup=0, clock=clock)
    assert timings.median == {"loop": 4, "scan": 2}
    assert timings.quartiles["scan"] == (1.5, 3)
    assert timings.ratio("loop", "scan") == (2, 1.5, 3)
    assert timings.table()[1] == {
        "method": "scan", "seconds": 2, "low": 1.5, "high": 3, "ratio": 2,
    }  # fmt: skip
    assert timings.table("scan")[0]["ratio"] == 0.5


def test_the_ratio_is_taken_within_rounds_so_a_common_load_cancels():
    seconds = {"a": np.array([2.0, 20.0, 200.0]), "b": np.array([1.0, 10.0, 100.0])}
    assert Timings(seconds, 1).ratio("a", "b") == (2, 2, 2)
    assert str(Timings(seconds, 1).ratio("a", "b")) == "2x [2, 2]"


def test_warm_up_is_not_counted():
    clock = Clock()
    timings = compare({"jit": clock.method("jit", 100, 1, 1)}, repeats=2, clock=clock)
    assert timings.median == {"jit": 1}


@pytest.mark.parametrize(("budget", "rounds"), [(None, 9), (100, 9), (10, 5), (9, 4), (0.5, 3)])
def test_no_round_begins_that_would_overrun_the_budget(budget, rounds):
    clock = Clock()
    timings = compare({"f": clock.method("f", 1), "g": clock.method("g", 1)}, repeats=9, warmup=0,
                      budget=budget, clock=clock)  # fmt: skip
    assert len(timings.seconds["f"]) == len(timings.seconds["g"]) == rounds


def test_fewer_rounds_than_three_are_all_taken():
    clock = Clock()
    timings = compare({"f": clock.method("f", 9)}, repeats=2, budget=1, clock=clock)
    assert len(timings.seconds["f"]) == 2


def test_short_methods_are_called_often_between_two_looks():
    clock = Clock()
    timings = compare({"f": clock.method("f", 0.25)}, repeats=1, warmup=0, min_seconds=1,
                      clock=clock)  # fmt: skip
    assert len(clock.calls) == 1 + 4
    assert timings.median == {"f": 0.25}


def test_the_collector_is_off_while_the_clock_runs_and_on_again_after_an_error():
    seen = []

    def fail():
        seen.append(gc.isenabled())
        raise KeyError

    with pytest.raises(KeyError):
        compare({"f": fail}, warmup=0)
    assert seen == [False]
    assert gc.isenabled()


def test_threads_are_limited_inside_and_restored_outside(monkeypatch):
    state = types.SimpleNamespace(threads=8)
    fake = types.SimpleNamespace(
        get_num_threads=lambda: state.threads,
        set_num_threads=lambda n: setattr(state, "threads", n),
    )
    monkeypatch.setitem(sys.modules, "torch", fake)
    with pinned(2):
        assert state.threads == 2
    assert state.threads == 8


def test_a_library_that_refuses_the_limit_keeps_its_own(monkeypatch):
    def refuse(n):
        raise ValueError("too many")

    fake = types.SimpleNamespace(get_num_threads=lambda: 1, set_num_threads=refuse)
    monkeypatch.setitem(sys.modules, "numba", fake)
    with pinned(64):
        pass


def test_torch_is_pinned_after_numba_whose_start_gives_openmp_its_own_number(monkeypatch):
    order = []
    for name in ("torch", "numba"):
        fake = types.SimpleNamespace(
            get_num_threads=lambda: 8, set_num_threads=lambda n, name=name: order.append(name)
        )
        monkeypatch.setitem(sys.modules, name, fake)
    with pinned(1):
        assert order == ["numba", "torch"]


def test_pinning_works_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pinned(1):
        pass


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"methods": {}}, "expected at least one method, got none"),
        ({"repeats": 0}, "repeats must be at least 1, got 0"),
        ({"warmup": -1}, "warmup must be at least 0, got -1"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"budget": 0}, "budget must be above 0, got 0"),
    ],
)
def test_bad_input_is_told_what_was_expected(given, text):
    with pytest.raises(ValueError, match=text):
        compare(**({"methods": {"f": list}} | given))


def test_a_name_that_was_not_timed_is_refused():
    with pytest.raises(KeyError, match="expected one of .*'f'.*, got 'g'"):
        compare({"f": list}, repeats=1).ratio("f", "g")


def test_settling_runs_a_method_uncounted_before_its_clock_starts():
    """A clock that ticks once a look: three calls fill three ticks, then two looks frame one."""
    ticks = iter(range(1000))
    called = []
    methods = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    timings = compare(methods, repeats=1, warmup=0, settle=3, clock=lambda: next(ticks))
    assert called == ["a"] * 3 + ["b"] * 3
    assert timings.median == {"a": 1.0, "b": 1.0}
