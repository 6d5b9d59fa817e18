"""Graphs, the tiled factorisation, the exercises' checks and the layout of the explorer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import Cost
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
from paralg.foundations.work_span.explorer import _examples, _lanes, _lists
from paralg.teach import check

EMPTY = Dag((), (), ())
DIAMOND = Dag(tuple("abcd"), (1, 2, 5, 1), ((), (0,), (0,), (1, 2)))


def length(dag, p):
    return list_schedule(dag.durations, p, dependencies=dag.dependencies).makespan


@pytest.mark.parametrize("dag, work, span, path", [
    (EMPTY, 0, 0, ()),
    (Dag(("a",), (3,), ((),)), 3, 3, (0,)),
    (DIAMOND, 9, 7, (0, 2, 3)),
    (chain_sum(5), 4, 4, (0, 1, 2, 3)),
    (tree_sum(5), 4, 3, (0, 2, 3)),
])  # fmt: skip
def test_worked_graphs(dag, work, span, path):
    assert (dag.work, dag.span, dag.critical_path()) == (work, span, path)


@pytest.mark.parametrize("n", range(70))
def test_sums_have_the_counts_of_the_theorem(n):
    assert (chain_sum(n).work, chain_sum(n).span) == (max(n - 1, 0),) * 2
    assert (tree_sum(n).work, tree_sum(n).span) == (max(n - 1, 0), max(n - 1, 0).bit_length())


@pytest.mark.parametrize("parts, words", [
    ((("a",), (1, 2), ((),)), "expected 1 durations and 1 dependency lists, got 2 and 1"),
    ((("a",), (0,), ((),)), "expected a positive duration, got 0 at 0"),
    ((("a", "b"), (1, 1), ((1,), ())), "expected task 0 to need earlier tasks only"),
])  # fmt: skip
def test_malformed_graphs_are_refused(parts, words):
    with pytest.raises(ValueError, match=words):
        Dag(*parts)


def test_reordering_keeps_the_graph():
    other = DIAMOND.reordered((0, 2, 1, 3))
    assert other.names == ("a", "c", "b", "d")
    assert (other.work, other.span) == (9, 7)
    with pytest.raises(ValueError, match="expected a permutation of 0..3"):
        DIAMOND.reordered((0, 1))
    with pytest.raises(ValueError, match="earlier tasks only"):
        DIAMOND.reordered((3, 2, 1, 0))


def test_the_anomaly_is_as_told():
    assert length(graham_anomaly(), 3) == 12
    assert length(graham_anomaly(), 4) == 15
    assert length(graham_anomaly(shorter=1), 3) == 13
    assert length(graham_anomaly(relaxed=True), 3) == 16
    long_first = graham_anomaly().reordered((0, 8, 1, 2, 3, 4, 5, 6, 7))
    assert length(long_first, 4) == 12
    with pytest.raises(ValueError, match="shorter must be 0 or 1, got 2"):
        graham_anomaly(shorter=2)


@given(st.integers(0, 10**6), st.integers(1, 15), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_every_list_lies_within_the_bounds(seed, n, p):
    dag = random_dag(np.random.default_rng(seed), n)
    assert brent(dag.work, dag.span, p).holds(length(dag, p))
    assert dag.span == sum(dag.durations[v] for v in dag.critical_path())


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


def _counts_rounds_only(n):
    return Cost(work=max(n - 1, 0), span=max(n - 1, 0))


def _adds_both_halves(n):
    if n <= 1:
        return Cost()
    return _adds_both_halves(n // 2) + _adds_both_halves(n - n // 2) + Cost(work=n - 1, span=n - 1)


def _one_by_one(durations, dependencies, p):
    return [sum(durations[:v]) for v in range(len(durations))]


def _all_at_once(durations, dependencies, p):
    ends = []
    for v, d in enumerate(durations):
        ends.append(d + max((ends[u] for u in dependencies[v]), default=0))
    return [e - d for e, d in zip(ends, durations, strict=True)]


def _tree(p, m, alpha, beta):
    return 2 * np.log2(p) * (alpha + beta * m)


@pytest.mark.parametrize("label, answer, words", [
    ("compose", {"work": 20, "span": 11, "upper bound": 12.67}, "the first two parts run beside"),
    ("compose", {"work": 20, "span": 9, "upper bound": 20 / 3}, "the lower bound of the work law"),
    ("compose", {"work": 20}, "has the entries work, span, upper bound"),
    ("cost", _counts_rounds_only, "counts work and span of merge sort"),
    ("cost", _adds_both_halves, "counts work and span of merge sort"),
    ("cost", lambda n: n, "returns a Cost"),
    ("greedy", _one_by_one, "no worker is idle while a task is ready"),
    ("greedy", _all_at_once, "at most p tasks run at a time"),
    ("greedy", lambda d, needs, p: [0] * len(d), "no task starts before all it needs have ended"),
    ("greedy", lambda d, needs, p: None, "returns a start for each task"),
    ("worst", [3, 1, 1, 1, 1, 1, 1], "is 5/3 as long as the best order"),
    ("worst", [], "is a list of 1 to 12 positive integers"),
    ("amdahl", {"serial share": 0.1, "limit": 10}, "one minus the efficiency"),
    ("allreduce", _tree, "has the rounds of the tree and the bytes of the ring"),
])  # fmt: skip
def test_wrong_ideas_are_told_apart(label, answer, words):
    verdict = check(f"ex-work-span-{label}", answer)
    assert verdict.state == "failed"
    assert words in repr(verdict)


@pytest.mark.parametrize("label, answer", [
    ("compose", {"work": 20, "span": 9, "upper bound": 12.67}),
    ("worst", [1, 1, 1, 1, 1, 1, 3]),
    ("worst", [2] * 6 + [6]),
    ("amdahl", {"serial share": 0.111, "limit": 9}),
])  # fmt: skip
def test_right_answers_pass(label, answer):
    assert check(f"ex-work-span-{label}", answer)


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
