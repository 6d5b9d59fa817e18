"""An answer that does not come to an end is stopped, in words, in any thread."""

import contextlib
import gc
import threading

import pytest

from paralg.teach import check
from paralg.teach.registry import TIME_LIMIT
from paralg.teach.time_limit import StillRunning, run_at_most

CHECKS = """
    from paralg.teach.checking import equal_to_oracle, exercise

    @exercise("ex-patient-sum")
    def total(answer):
        return equal_to_oracle(answer, sum, [[1] * n for n in range(1, 6)])

    @exercise("ex-patient-direct")
    def direct(answer):
        return answer(3)
"""


@pytest.fixture(autouse=True)
def patient(chapter):
    return chapter("sample_patient", CHECKS.replace("ex-patient", "ex-sample-patient"))


def endless(xs):
    while True:
        pass


def deaf(xs):
    while True:
        try:
            while True:
                pass
        except Exception:
            continue


@pytest.mark.parametrize("answer", [endless, deaf])
def test_an_endless_loop_is_stopped_and_shown_with_its_input(answer):
    verdict = check("ex-sample-patient-sum", answer, seconds=0.2)
    assert not verdict
    assert verdict.state == "failed"
    first, *details = repr(verdict).splitlines()
    assert first.endswith("The answer was still running after 0.2 seconds and was stopped.")
    assert details[0].split() == ["input", "[1]"]
    assert f"of {answer.__name__}: " in details[1]


def test_a_loop_that_swallows_everything_once_is_stopped_the_second_time():
    caught = []

    def stubborn(xs):
        while True:
            try:
                while True:
                    pass
            except BaseException as error:
                if caught:
                    raise
                caught.append(type(error))

    assert not check("ex-sample-patient-sum", stubborn, seconds=0.1)
    assert caught == [StillRunning]


def test_without_the_call_helper_the_line_is_known_and_the_input_is_not():
    verdict = check("ex-sample-patient-direct", endless, seconds=0.1)
    assert [name for name, _ in verdict.details] == ["in", "note"]


def test_it_works_in_another_thread():
    verdicts = []
    thread = threading.Thread(
        target=lambda: verdicts.append(check("ex-sample-patient-sum", endless, seconds=0.1))
    )
    thread.start()
    thread.join(30)
    assert [bool(verdict) for verdict in verdicts] == [False]


def test_nothing_is_left_behind():
    before = threading.active_count()
    for _ in range(200):
        assert run_at_most(60, sum, [1, 2]) == 3
        with pytest.raises(ZeroDivisionError):
            run_at_most(60, lambda: 1 / 0)
    assert threading.active_count() == before


@pytest.fixture
def no_collector():
    """Keep the garbage collector away: an interruption that meets its callbacks is printed."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_an_answer_that_ends_as_its_time_does_is_right_or_stopped_and_nothing_comes_later():
    for _ in range(100):
        with contextlib.suppress(StillRunning):
            run_at_most(1e-4, sum, range(4000))
        sum(range(20_000))  # an interruption that came late would surface here


def test_without_threads_there_is_no_limit(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert run_at_most(1e-9, sum, range(1000)) == 499_500


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_the_time_must_be_positive(seconds):
    with pytest.raises(ValueError, match="seconds must be (above 0|finite), got"):
        check("ex-sample-patient-sum", sum, seconds=seconds)
    assert TIME_LIMIT > 0
