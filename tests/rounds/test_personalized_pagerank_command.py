"""The choices of ``paralg pagerank``: accuracy, method, memory."""

import pytest

from paralg.rounds.personalized_pagerank import least_l1, walks_needed
from paralg.rounds.personalized_pagerank.command.choice import (
    AccuracyRequest,
    choose_method,
    in_bytes,
)


@pytest.mark.parametrize(
    "text, amount",
    [("10", 10), ("1k", 1024), ("2G", 2**31), ("1.5MB", 3 * 2**19), ("1e3", 1000)],
)
def test_amounts_of_memory(text, amount):
    assert in_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "G", "-1", "0", "lots", "nan", "inf"])
def test_senseless_amounts_are_refused(text):
    with pytest.raises(ValueError, match="expected an amount of memory such as 800M or 2G"):
        in_bytes(text)


def test_accuracies_are_translated():
    default = AccuracyRequest.of(1000)
    assert (default.error, default.strict) == (0.5 / 1000, False)
    assert default.omega == walks_needed(0.5, 1e-3, 1e-3, 10**6)
    assert AccuracyRequest.of(1000, omega=400).error == least_l1(400)
    assert AccuracyRequest.of(1000, error=0.1).omega == 100_000
    assert AccuracyRequest.of(1, epsilon=0.1).omega > 0
    with pytest.raises(ValueError, match="give one of omega, error, or epsilon with delta"):
        AccuracyRequest.of(10, omega=5, epsilon=0.5)
    for wrong, message in (
        ({"error": -1}, "error must be positive, got -1"),
        ({"error": 1e-300}, "error must be at least 1e-15, got 1e-300"),
        ({"epsilon": 1e-300}, "epsilon must be at least 1e-15, got 1e-300"),
    ):
        with pytest.raises(ValueError, match=message):
            AccuracyRequest.of(10, **wrong)


@pytest.mark.parametrize(
    "n, m, omega, memory, method", [
    (77, 508, 1000, 2**30, "exact"),
    (2000, 135_000, 1000, 2**30, "walks"),  # dense rows: a sweep costs more than the walks
    (2000, 40_000, 10_000, 2**30, "exact"),
    (2000, 40_000, 10_000, 2**20, "walks"),  # does not fit
    (10**6, 10**7, 1000, 2**30, "walks"),
])  # fmt: skip
def test_auto_takes_what_fits_and_is_faster(n, m, omega, memory, method):
    choice = choose_method(n, m, 0.2, AccuracyRequest.of(n, omega=omega), memory=memory)
    assert choice.method == method
    if memory < 2**30:
        assert "does not fit" in choice.why
    else:
        faster = min(choice.seconds, key=choice.seconds.get)
        assert faster == method


def test_a_wish_is_obeyed_or_refused():
    accuracy = AccuracyRequest.of(2000, omega=10)
    for method in ("exact", "walks"):
        choice = choose_method(2000, 40_000, 0.2, accuracy, memory=2**30, method=method)
        assert (choice.method, choice.why) == (method, "as asked")
    with pytest.raises(ValueError, match=r"8 sources at a time need .* more than the 1.05 MB"):
        choose_method(2000, 40_000, 0.2, accuracy, memory=2**20, method="exact")
    with pytest.raises(ValueError, match="method must be one of auto, exact, walks, got 'fast'"):
        choose_method(2000, 40_000, 0.2, accuracy, memory=2**30, method="fast")
