"""Graphs, the tiled factorisation, the exercises' checks and the layout of the explorer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.laws import brent
from paralg.core.schedule import list_schedule
from paralg.foundations import work_span
from paralg.foundations.work_span import (
    Dag,
    chain_sum,
    cholesky_dag,
    graham_anomaly,
    random_dag,
    run_tiled_cholesky,
    tree_sum,
)
from paralg.foundations.work_span.teaching.explorer import _examples, _lanes, _lists
from paralg.teach import check


def length(dag, p):
    return list_schedule(dag.durations, p, dependencies=dag.dependencies).makespan


@pytest.mark.parametrize("dag, work, span", [
    (Dag((), (), ()), 0, 0),
    (Dag(("a",), (3,), ((),)), 3, 3),
    (Dag(tuple("abcd"), (1, 2, 5, 1), ((), (0,), (0,), (1, 2))), 9, 7),
    (chain_sum(5), 4, 4),
    (tree_sum(5), 4, 3),
])  # fmt: skip
def test_worked_graphs(dag, work, span):
    assert (dag.work, dag.span) == (work, span)


def test_sums_have_the_counts_of_the_theorem():
    for n in range(70):
        adds = max(n - 1, 0)
        assert (chain_sum(n).work, chain_sum(n).span) == (adds, adds)
        assert (tree_sum(n).work, tree_sum(n).span) == (adds, adds.bit_length())


@pytest.mark.parametrize("parts, words", [
    ((("a",), (1, 2), ((),)), "expected 1 durations and 1 dependency lists, got 2 and 1"),
    ((("a",), (0,), ((),)), "the duration of task 0 must be at least 1, got 0"),
    ((("a", "b"), (1, 1), ((1,), ())), "expected task 0 to need earlier tasks only, got 1"),
])  # fmt: skip
def test_malformed_graphs_are_refused(parts, words):
    with pytest.raises(ValueError, match=words):
        Dag(*parts)


def test_the_anomaly_is_as_told():
    assert length(graham_anomaly(), 3) == 12
    assert length(graham_anomaly(), 4) == 15
    assert length(graham_anomaly(shorter=1), 3) == 13
    assert length(graham_anomaly(relaxed=True), 3) == 16
    with pytest.raises(ValueError, match="shorter must be at most 1, got 2"):
        graham_anomaly(shorter=2)


@given(st.integers(0, 10**6), st.integers(1, 15), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_every_list_lies_within_the_bounds(seed, n, p):
    dag = random_dag(np.random.default_rng(seed), n)
    assert brent(dag.work, dag.span, p).holds(length(dag, p))
    assert dag.span == dag.schedule(n).span == dag.schedule(n).makespan


@pytest.mark.parametrize("t", range(1, 13))
def test_the_factorisation_has_the_counts_of_the_theorem(t):
    dag = cholesky_dag(t)
    assert dag.work == t**3
    assert dag.span == (9 * t - 10 if t > 1 else 1)
    assert len(dag) == t * (t + 1) * (t + 2) // 6


def _any_order(dag, rng):
    left, order = set(range(len(dag))), []
    while left:
        ready = [v for v in sorted(left) if not left & set(dag.dependencies[v])]
        order.append(int(rng.choice(ready)))
        left.remove(order[-1])
    return [dag.names[v] for v in order]


@pytest.mark.parametrize("n, b", [(1, 1), (4, 4), (6, 2), (20, 4)])
def test_every_order_factors_to_the_same_bits(n, b):
    rng = np.random.default_rng(n)
    M = rng.normal(size=(n, n))
    A = M @ M.T + n * np.eye(n)
    dag = cholesky_dag(n // b)
    first = run_tiled_cholesky(A, b, dag.names)
    assert np.allclose(first, np.linalg.cholesky(A), atol=1e-10)
    for _ in range(5):
        assert np.array_equal(run_tiled_cholesky(A, b, _any_order(dag, rng)), first)


def test_the_factorisation_refuses_bad_shapes():
    with pytest.raises(ValueError, match="multiple of 4 rows, got"):
        run_tiled_cholesky(np.eye(6), 4, ())
    with pytest.raises(ValueError, match="t must be at least 1, got 0"):
        cholesky_dag(0)


def test_open_answers_are_not_wrong():
    open_answer = {"work": 20, "span": ..., "upper bound": ...}
    assert check("ex-work-span-compose", open_answer).state == "unanswered"


@pytest.mark.parametrize("dag", [dag for _, _, dag in _examples()])
def test_the_explorer_lays_out_every_task_once(dag):
    early = [h - d for h, d in zip(dag.heights, dag.durations, strict=True)]
    lanes = _lanes(dag, early)
    taken = [(row, t) for row, e, d in zip(lanes, early, dag.durations, strict=True)
             for t in range(e, e + d)]  # fmt: skip
    assert len(taken) == len(set(taken))
    assert all(sorted(order) == list(range(len(dag))) for order in _lists(dag).values())


@pytest.mark.site
def test_the_explorer_schedules_like_the_library(open_page):
    page = open_page(work_span.explorer().html)
    for _, label, dag in _examples():
        page.get_by_label(label, exact=True).check()
        for p in range(1, 7):
            page.get_by_role("slider", name="Workers p").fill(str(p))
            shown = page.locator(".pe-numbers dd").first.inner_text()
            assert float(shown) == length(dag, p), (label, p)
    page.get_by_role("slider", name="Time").focus()
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("status").inner_text().startswith("Time 1 of")
