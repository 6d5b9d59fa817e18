"""What the chapter claims, checked: values, counts, invariants, errors."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paralg.rounds.neural_compilation import (
    BFS,
    DFS,
    BellmanFord,
    GATv2Weights,
    HighestIdBFS,
    LayerProgram,
    SelfFirstBFS,
    Write,
    compile_layer,
    faithfulness,
    gatv2_layer,
    internal_faithfulness,
    leakage_bound,
    light_cone,
    min_plus_squaring,
    run_compiled,
)
from paralg.rounds.neural_compilation.experiments.faithfulness import uniform_attention
from paralg.rounds.neural_compilation.experiments.traces import TASKS, random_graph


def path(n, weight=1.0):
    return weight * (np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1))


SQUARE = np.array([[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0.0]])
STAR = np.zeros((6, 6))
STAR[0, 1:] = STAR[1:, 0] = 1

WORKED = [
    (BFS, np.zeros((1, 1)), [0], 1), (DFS, np.zeros((1, 1)), [0], 2),
    (BellmanFord, np.zeros((1, 1)), [0], 1), (BFS, np.zeros((2, 2)), [0, 1], 1),
    (BFS, path(5), [0, 0, 1, 2, 3], 5), (BellmanFord, path(5, 2.5), [0, 0, 1, 2, 3], 5),
    (BellmanFord, SQUARE, [0, 0, 0, 1], 3), (HighestIdBFS, SQUARE, [0, 0, 0, 2], 3),
    (DFS, SQUARE, [0, 0, 3, 1], 8), (DFS, STAR, [0] * 6, 12),
    (BFS, path(3) + 7 * np.eye(3), [0, 0, 1], 3),
]  # fmt: skip


@pytest.mark.parametrize("kind,A,pointers,rounds", WORKED)
def test_worked_cases(kind, A, pointers, rounds):
    run = run_compiled(kind(), A)
    assert run.pointers.tolist() == pointers
    assert run.rounds == rounds
    assert run.active[-1] == 0
    assert len(run.states) == rounds + 1


@st.composite
def graphs(draw):
    n, p = draw(st.integers(1, 20)), draw(st.sampled_from((0.05, 0.15, 0.4)))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    A, kind = random_graph(n, rng, p), draw(st.sampled_from(("real", "unit", "whole")))
    if kind == "whole":
        whole = np.triu(rng.integers(1, 4, (n, n)), 1)
        A = (whole + whole.T) * (A > 0) / 4.0
    return ((A > 0) * 1.0 if kind == "unit" else A), int(rng.integers(n))


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_every_round_equals_the_trace(made):
    A, source = made
    for algorithm in (BFS(), BellmanFord()):
        trace = TASKS[algorithm.name].trace(A, source)
        run = run_compiled(algorithm, A, source)
        assert run.rounds == len(trace)
        for z, true in zip(run.states, trace, strict=False):
            assert np.abs(algorithm.pointers(z) - true["pi"]).max() < 1e-9
            reached = true["reach" if "reach" in true else "mask"]
            assert (np.round(algorithm.get(z, "r")) == reached).all()
        if algorithm.weighted:
            reached = trace[-1]["mask"]
            assert np.abs(run.values - trace[-1]["value"])[reached].max() < 1e-9


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_depth_first_search_is_one_token(made):
    A, graph = made[0], nx.from_numpy_array(made[0])
    true, run = TASKS["dfs"].trace(A, 0), run_compiled(DFS(), A)
    assert len(true) == 3 * len(A)
    assert run.pointers.tolist() == true[-1]["pi"].tolist()
    assert np.argsort(run.values).tolist() == np.argsort(true[-1]["d"]).tolist()
    assert set(run.active[:-1]) == {1}
    assert run.rounds - 1 == 2 * len(A) - nx.number_connected_components(graph)
    assert run.cost.rounds == 3 * run.rounds - 2


@settings(max_examples=20, deadline=None)
@given(graphs())
def test_traces_equal_networkx(made):
    A, source = made
    graph = nx.from_numpy_array(A)
    far = nx.single_source_shortest_path_length(graph, source)
    reach = TASKS["bfs"].trace(A, source)
    assert len(reach) == max(far.values()) + 1
    assert set(np.flatnonzero(reach[-1]["reach"])) == set(far)
    true = nx.single_source_dijkstra_path_length(graph, source)
    found = TASKS["bellman-ford"].trace(A, source)[-1]["value"]
    assert all(abs(found[v] - d) < 1e-9 for v, d in true.items())
    squared = min_plus_squaring(A).distances[source]
    assert all(abs(squared[v] - d) < 1e-9 for v, d in true.items())
    rounds, steps = (TASKS[name].trace(A, 0) for name in ("mis-rounds", "mis-sequential"))
    assert (rounds[-1]["inside"] == steps[-1]["inside"]).all()
    assert len(steps) == len(A) + 1
    assert len(rounds) <= len(steps)


def test_directed_graphs():
    rng = np.random.default_rng(5)
    for _ in range(20):
        n = int(rng.integers(2, 20))
        A = (rng.random((n, n)) < 0.2) * rng.random((n, n)) * (1 - np.eye(n))
        for algorithm in (BFS(), BellmanFord()):
            true = TASKS[algorithm.name].trace(A.T, 1)[-1]["pi"]
            assert (run_compiled(algorithm, A, 1).pointers == true).all()
        assert (run_compiled(DFS(), A).pointers == TASKS["dfs"].trace(A, 0)[-1]["pi"]).all()


def test_ties_without_penalty_average_ids():
    algorithm = BellmanFord(tie=0.0)
    run = run_compiled(algorithm, SQUARE)
    assert algorithm.pointers(run.states[-1]).tolist() == [0, 0, 0, 1.5]
    assert run.values.tolist() == [0, 1, 1, 2]


def test_compilation_is_not_unique():
    rng = np.random.default_rng(0)
    for _ in range(10):
        A = random_graph(12, rng, 0.3)
        plain, selfish, high = (run_compiled(one(), A)
                                for one in (BFS, SelfFirstBFS, HighestIdBFS))  # fmt: skip
        kept, again = (run_compiled(BellmanFord(keep=keep), A) for keep in (1e-6, -1e-6))
        assert (kept.pointers == again.pointers).all()
        assert np.array_equal(kept.values, again.values)
        assert (plain.pointers == selfish.pointers).all()
        assert (plain.values == high.values).all()
        assert plain.rounds == selfish.rounds == high.rounds
        if plain.values.sum() > 2:
            assert internal_faithfulness(plain.attention[-1][0], selfish.attention[-1][0]) < 1


def test_relabelling_permutes_everything_but_ties():
    rng = np.random.default_rng(2)
    A, order = random_graph(14, rng, 0.3), rng.permutation(14)
    plain = run_compiled(BellmanFord(), A, 3)
    other = run_compiled(BellmanFord(), A[np.ix_(order, order)], int(np.argsort(order)[3]))
    assert np.allclose(other.values, plain.values[order])
    assert (order[other.pointers] == plain.pointers[order]).all()  # real weights: no ties


@pytest.mark.parametrize("beta,exact", [(30.0, False), (50.0, True)])
def test_the_temperature_decides(beta, exact):
    rng, same = np.random.default_rng(1), []
    for _ in range(8):
        A = random_graph(24, rng, 0.3)
        try:
            same.append((run_compiled(DFS(beta), A).pointers == run_compiled(DFS(), A).pointers)
                        .all())  # fmt: skip
        except RuntimeError:
            same.append(False)
    assert all(same) == exact


def test_theory():
    keys = np.random.default_rng(0).random(9)
    for beta in (1.0, 10.0, 100.0):
        weights = np.exp(beta * (keys - keys.max()))
        gap = np.diff(np.sort(keys))[-1]
        assert 1 - weights.max() / weights.sum() <= leakage_bound(9, beta, gap) + 1e-15
    assert leakage_bound(2, 53 * np.log(2), 1.0) == pytest.approx(2.0**-53)
    squared = min_plus_squaring(path(9))
    assert squared.cost.rounds == 3
    assert squared.cost.work == 3 * 9**3
    assert np.array_equal(squared.distances[0], np.arange(9))
    A = path(7)
    for t in range(4):
        near = np.abs(np.subtract.outer(np.arange(7), np.arange(7))) <= t
        assert not (light_cone(BFS(), A, 0, t) & ~near).any()


def test_layer_by_hand_and_plain_mean():
    none, eye = np.zeros((1, 1)), np.eye(1)
    w = GATv2Weights(eye, eye, eye, [1.0], eye, none, none, [0.0])
    z, edges = np.array([[-1.0], [2.0]]), np.zeros((2, 2, 1))
    out = gatv2_layer(w, z, edges, np.ones((2, 2), bool))
    u = np.array([[-0.4, 1.0], [1.0, 4.0]])
    alpha = np.exp(u) / np.exp(u).sum(axis=1, keepdims=True)
    assert np.allclose(out.attention, alpha)
    assert np.allclose(out.z, np.maximum(alpha @ z, 0))


def test_faithfulness_has_companions():
    eye = np.eye(3)
    even = uniform_attention(np.ones((3, 3), bool))
    assert internal_faithfulness(eye, eye) == 1
    assert internal_faithfulness(eye, eye[::-1]) < 0.34
    report = faithfulness(eye, {"a": eye, "b": eye[::-1]}, np.ones((3, 3), bool))
    assert report.internal == {"a": 1.0, "b": pytest.approx(1 / 3)}
    assert report.uniform["a"] == pytest.approx(internal_faithfulness(even, eye))
    rows = [True, False, False]
    assert internal_faithfulness(eye, eye[::-1], rows) == 0
    with pytest.raises(ValueError, match="two or more, got 1"):
        faithfulness(eye, {"a": eye}, np.ones((3, 3), bool))


@pytest.mark.parametrize("call,words", [
    (lambda: run_compiled(BFS(), -path(3)), "no negative weight, got -1"),
    (lambda: run_compiled(BFS(), path(3), 3), "source must be at most 2, got 3"),
    (lambda: run_compiled(BFS(), np.ones((2, 3))), r"A must have the shape"),
    (lambda: run_compiled(BellmanFord(), path(4, 90.0)), "below 200, got 274"),
    (lambda: run_compiled(BFS(), np.zeros((200, 200))), "below 200, got 200"),
    (lambda: run_compiled(SelfFirstBFS(), np.zeros((100, 100))), "below 100, got 100"),
    (lambda: compile_layer(LayerProgram(("x",), {"y": 1}, 1.0, {})), "column must be one of"),
    (lambda: compile_layer(LayerProgram(("x",), {}, 1.0, {"x": Write(edge={"w": 1})})),
     "edge feature must be one of"),
    (lambda: gatv2_layer(BFS().layers[0], np.ones((2, 8)), np.zeros((2, 2, 2)), np.eye(2) * 0 > 1),
     "empty row"),
    (lambda: gatv2_layer(BFS().layers[0], np.ones((2, 7)), np.zeros((2, 2, 2)), np.eye(2) > 0),
     r"\(8, 2\) columns and features, got \(7, 2\)"),
])  # fmt: skip
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()
