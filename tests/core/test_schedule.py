"""Schedules: worked cases, no overlap, dependencies kept, Graham's and Brent's bounds."""

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.core.cost import brent
from paralg.core.primitives import ADD, METHODS, scan
from paralg.core.schedule import Task, levels_schedule, list_schedule


@st.composite
def graphs(draw):
    """Return durations and random dependencies without circles."""
    n = draw(st.integers(0, 14))
    durations = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    edges = {i: draw(st.sets(st.integers(0, i - 1), max_size=3)) for i in range(1, n)}
    return durations, edges


@pytest.mark.parametrize(
    ("durations", "dependencies", "p", "makespan"),
    [
        ([], None, 3, 0),
        ([5], None, 3, 5),
        ([0, 0], {1: [0]}, 1, 0),
        ([1, 1, 1], None, 2, 2),
        ([2, 3, 1], {2: [0]}, 2, 3),
        ([1, 1, 1], {1: [0], 2: [1]}, 3, 3),
        ([1, 1, 2], [[], [], []], 2, 3),
        ([2.5, 0.5], None, 2, 2.5),
    ],
)
def test_worked_cases(durations, dependencies, p, makespan):
    assert list_schedule(durations, p, dependencies=dependencies).makespan == makespan


def test_names_workers_and_times_of_the_bars():
    schedule = list_schedule([2, 1, 1], 2, names=["a", "b", "c"])
    assert schedule.tasks == (Task("a", 0, 0, 2), Task("b", 1, 0, 1), Task("c", 1, 1, 2))
    assert schedule.of_worker(1) == schedule.tasks[1:]
    assert schedule.utilisation == 1
    assert schedule.speedup == 2


def test_an_idle_schedule_wastes_nothing():
    schedule = list_schedule([], 4)
    assert (schedule.makespan, schedule.utilisation, schedule.speedup) == (0, 1, 1)


def test_adding_workers_can_lengthen_a_list_schedule_but_stays_within_the_bounds():
    durations = [3, 2, 2, 2, 4, 4, 4, 4, 9]
    dependencies = {8: [0], 4: [3], 5: [3], 6: [3], 7: [3]}
    three = list_schedule(durations, 3, dependencies=dependencies)
    four = list_schedule(durations, 4, dependencies=dependencies)
    assert (three.makespan, four.makespan) == (12, 15)  # Graham's anomaly
    assert three.bounds.holds(12)
    assert four.bounds.holds(15)


@given(graphs(), st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_nothing_overlaps_nothing_starts_too_early_and_the_bounds_hold(graph, p):
    durations, edges = graph
    schedule = list_schedule(durations, p, dependencies=edges)
    times = {int(task.name): task for task in schedule.tasks}
    assert sorted(times) == list(range(len(durations)))
    for i, task in times.items():
        assert task.end - task.start == durations[i]
        assert all(times[source].end <= task.start for source in edges.get(i, ()))
    for worker in range(p):
        bars = sorted(schedule.of_worker(worker), key=lambda task: (task.start, task.end))
        assert all(a.end <= b.start for a, b in zip(bars, bars[1:], strict=False))
    assert schedule.bounds == brent(schedule.work, schedule.span, p)
    assert schedule.bounds.holds(schedule.makespan)
    assert 0 <= schedule.utilisation <= 1


@given(graphs())
@settings(deadline=None, max_examples=25)
def test_span_is_the_longest_path_and_one_worker_takes_the_work(graph):
    durations, edges = graph
    network = nx.DiGraph()
    network.add_nodes_from(["end", *range(len(durations))])
    for i, duration in enumerate(durations):
        network.add_edges_from([(i, k, {"weight": duration}) for k, s in edges.items() if i in s])
        network.add_edge(i, "end", weight=duration)
    schedule = list_schedule(durations, 1, dependencies=edges)
    assert schedule.span == nx.dag_longest_path_length(network)
    assert schedule.makespan == schedule.work == sum(durations)


@given(graphs())
@settings(deadline=None, max_examples=25)
def test_no_number_of_workers_beats_the_span(graph):
    durations, edges = graph
    schedule = list_schedule(durations, max(len(durations), 1), dependencies=edges)
    assert schedule.makespan == schedule.span


def test_a_chain_whose_sum_rounds_differently_has_bounds():
    schedule = list_schedule([0.3, 0.2, 0.1], 1, dependencies={0: [1], 1: [2]})
    assert schedule.span > schedule.work
    assert schedule.bounds.holds(schedule.makespan)


@pytest.mark.parametrize(
    ("sizes", "p", "barrier", "makespan"),
    [([], 2, 0, 0), ([0], 2, 0, 0), ([7], 3, 0, 3), ([4, 2, 1], 2, 0, 4), ([4, 2, 1], 4, 0.5, 4)],
)
def test_rounds_with_a_barrier(sizes, p, barrier, makespan):
    schedule = levels_schedule(sizes, p, barrier=barrier)
    assert schedule.makespan == makespan
    assert schedule.work == sum(sizes)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("p", [1, 2, 3, 64])
def test_the_rounds_of_a_scan_keep_brents_bounds(method, p):
    result = scan(ADD, range(50), method=method, trace=True)
    schedule = levels_schedule([len(level) for level in result.levels], p)
    assert (schedule.work, schedule.span) == (result.cost.work, result.cost.span)
    assert brent(result.cost, p=p).holds(schedule.makespan)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: list_schedule([1], 0), "p must be at least 1, got 0"),
        (lambda: levels_schedule([1], 0), "p must be at least 1, got 0"),
        (lambda: list_schedule([1, -2], 1), "durations must be at least 0, got -2"),
        (lambda: list_schedule([1, float("nan")], 1), "durations must be at least 0, got nan"),
        (lambda: list_schedule([float("inf")], 1), "durations must be finite, got inf"),
        (lambda: levels_schedule([-1], 1), "sizes must be at least 0, got -1"),
        (lambda: list_schedule([1], 1, dependencies={0: [3]}), "must be at most 0, got 3"),
        (lambda: list_schedule([1], 1, dependencies={2: [0]}), "must be at most 0, got 2"),
        (lambda: list_schedule([1], 1, names=["a", "b"]), "as many as the 1 tasks, got 2"),
        (lambda: list_schedule([1, 1, 1], 1, dependencies={0: [1], 1: [0]}),
         r"without circles, got one among tasks \[0, 1\]"),
    ],
)  # fmt: skip
def test_bad_input_is_told_what_was_expected(call, text):
    with pytest.raises(ValueError, match=text):
        call()
