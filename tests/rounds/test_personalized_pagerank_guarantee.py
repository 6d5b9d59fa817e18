"""Bernstein's bound holds and is not absurd; the model of the batch; the choice of the method."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.rounds.personalized_pagerank import (
    CostModel,
    TimedRun,
    best_gamma,
    dense_solve,
    expected_l1,
    failure_bound,
    fit_costs,
    least_l1,
    longest_walk,
    move_table,
    pipeline_load,
    pipeline_rounds,
    random_walks,
    walks_needed,
)
from paralg.rounds.personalized_pagerank.command.choice import Accuracy, choose_method, in_bytes
from paralg.rounds.personalized_pagerank.experiments.graphs import les_miserables


@settings(deadline=None)
@given(st.floats(0.01, 0.9), st.floats(1e-4, 0.5), st.floats(1e-6, 0.5))
def test_the_walks_needed_meet_the_bound(epsilon, delta, p_fail):
    omega = walks_needed(epsilon, delta, p_fail)
    assert failure_bound(omega, epsilon, delta) <= p_fail
    assert failure_bound(omega, epsilon, min(1.0, 2 * delta)) <= p_fail


def test_failures_are_rarer_than_the_bound():
    graph, omega, epsilon, trials = les_miserables(), 300, 0.5, 200
    exact, table = dense_solve(graph), move_table(graph)
    missed = np.zeros((77, 77))
    for seed in range(trials):
        estimate = random_walks(table, omega, seed=seed).dense()
        missed += np.abs(estimate - exact) > epsilon * exact
    rate, bound = missed / trials, failure_bound(omega, epsilon, exact)
    assert (rate <= bound + 4 * np.sqrt(bound * (1 - bound) / trials) + 1e-9).all()
    some = (bound > 0.02) & (bound < 0.5)
    assert rate[some].mean() > bound[some].mean() / 30


def test_all_pairs_at_once():
    graph, epsilon, delta, p_fail = les_miserables(), 0.5, 0.02, 0.1
    exact = dense_solve(graph)
    omega = walks_needed(epsilon, delta, p_fail, pairs=77 * 77)
    table, large = move_table(graph), exact >= delta
    for seed in range(5):
        error = np.abs(random_walks(table, omega, seed=seed).dense() - exact)
        assert (error[large] <= epsilon * exact[large]).all()


def test_expected_error_brackets_the_measured_one():
    graph, omega = les_miserables(), 1000
    exact = dense_solve(graph)
    error = np.abs(random_walks(move_table(graph), omega).dense() - exact).sum(axis=1).mean()
    assert least_l1(omega) < error < expected_l1(exact, omega).mean()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"epsilon": 0.0}, r"epsilon must lie in \(0, 1\), got 0.0"),
        ({"delta": 1.0}, r"delta must lie in \(0, 1\), got 1.0"),
        ({"p_fail": -1}, r"p_fail must lie in \(0, 1\), got -1"),
        ({"pairs": 0}, "pairs must be at least 1, got 0"),
    ],
)
def test_senseless_guarantees_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        walks_needed(**({"epsilon": 0.5, "delta": 0.1, "p_fail": 0.1} | given))


@pytest.mark.parametrize("walks, alpha, moves", [(0, 0.2, 0), (1, 1.0, 1), (10**9, 1.0, 1)])
def test_longest_walks_at_the_edges(walks, alpha, moves):
    assert longest_walk(walks, alpha) == moves


def test_longest_walk_is_the_mean_of_simulated_maxima():
    moves = np.random.default_rng(0).geometric(0.2, size=(300, 1000)).max(axis=1)
    assert moves.mean() == pytest.approx(longest_walk(1000, 0.2), abs=1.0)


def test_load_of_pipelines():
    assert pipeline_load(5, 0, 1, 0.2, 3).tolist() == [0, 0, 0]
    load = pipeline_load(10, 1000, 10, 0.2, 100)
    assert (np.diff(load[:99]) > 0).all()
    assert load[-1] == pytest.approx(10 * 10 / 0.2)


@settings(deadline=None)
@given(st.floats(1e-6, 1e-1), st.floats(1e-10, 1e-5))
def test_the_fit_finds_the_constants(per_round, per_join):
    model = CostModel(per_round, per_join)
    runs = [TimedRun(rounds, 10**6, per_round * rounds + per_join * 10**6)
            for rounds in (50, 500, 5000)]  # fmt: skip
    found = fit_costs(runs)
    assert found.per_round == pytest.approx(model.per_round, rel=1e-4)
    assert found.per_join == pytest.approx(model.per_join, rel=1e-4)


def test_the_fit_needs_runs_that_differ():
    with pytest.raises(ValueError, match="expected runs that differ in rounds per join, got 2"):
        fit_costs([TimedRun(10, 10, 1.0), TimedRun(20, 20, 2.0)])


def test_the_model_never_rises_and_the_best_batch_fills_the_cap():
    model = CostModel(1e-3, 1e-8)
    times = [model.seconds(77, 1000, gamma, 0.2) for gamma in range(1, 1001)]
    assert (np.diff(times) <= 1e-12).all()
    assert best_gamma(10_000, 77, 1000, 0.2) == 25
    assert best_gamma(10**9, 77, 1000, 0.2) == 1000
    assert best_gamma(5, 0, 10, 0.2) == 10
    assert pipeline_rounds(77, 1000, 25, 0.2) < pipeline_rounds(77, 1000, 24, 0.2)
    with pytest.raises(ValueError, match="a cap of 300 walks is too small .* at least 385"):
        best_gamma(300, 77, 1000, 0.2)


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
    default = Accuracy.of(1000)
    assert (default.error, default.strict) == (0.5 / 1000, False)
    assert default.omega == walks_needed(0.5, 1e-3, 1e-3, 10**6)
    assert Accuracy.of(1000, omega=400).error == least_l1(400)
    assert Accuracy.of(1000, error=0.1).omega == 100_000
    assert Accuracy.of(1, epsilon=0.1).omega > 0
    with pytest.raises(ValueError, match="give one of omega, error, or epsilon with delta"):
        Accuracy.of(10, omega=5, epsilon=0.5)
    with pytest.raises(ValueError, match="error must be positive, got -1"):
        Accuracy.of(10, error=-1)


@pytest.mark.parametrize(
    "n, m, omega, memory, method",
    [
        (77, 508, 1000, 2**30, "exact"),
        (2000, 135_000, 1000, 2**30, "walks"),  # dense rows: a sweep costs more than the walks
        (2000, 40_000, 10_000, 2**30, "exact"),
        (2000, 40_000, 10_000, 2**20, "walks"),  # does not fit
        (10**6, 10**7, 1000, 2**30, "walks"),
    ],
)
def test_auto_takes_what_fits_and_is_faster(n, m, omega, memory, method):
    choice = choose_method(n, m, 0.2, Accuracy.of(n, omega=omega), memory=memory)
    assert choice.method == method
    if memory < 2**30:
        assert "does not fit" in choice.why
    else:
        faster = min(choice.seconds, key=choice.seconds.get)
        assert faster == method


def test_a_wish_is_obeyed_or_refused():
    accuracy = Accuracy.of(2000, omega=10)
    for method in ("exact", "walks"):
        choice = choose_method(2000, 40_000, 0.2, accuracy, memory=2**30, method=method)
        assert (choice.method, choice.why) == (method, "as asked")
    with pytest.raises(ValueError, match=r"8 sources at a time need .* more than the 1.05 MB"):
        choose_method(2000, 40_000, 0.2, accuracy, memory=2**20, method="exact")
    with pytest.raises(ValueError, match="method must be one of auto, exact, walks, got 'fast'"):
        choose_method(2000, 40_000, 0.2, accuracy, memory=2**30, method="fast")
