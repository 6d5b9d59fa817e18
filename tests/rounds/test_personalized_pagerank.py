"""Graphs, tables, exact values and bounds of the chapter, and what they refuse."""

import doctest
import importlib
import pkgutil

import numpy as np
import pagerank_cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pagerank_cases import EXACT, HAND, HUGO, IMPORTS, TABLE, arcs, digraphs, solve_chain

import paralg.rounds.personalized_pagerank as pr
from benchmarks import bench_pagerank
from paralg.rounds.personalized_pagerank import Digraph
from paralg.rounds.personalized_pagerank.experiments import graphs
from paralg.rounds.personalized_pagerank.experiments.records import records
from paralg.rounds.personalized_pagerank.fast.hubs import split_records
from paralg.rounds.personalized_pagerank.fast.records import hop_records


def test_examples_run_and_names_are_documented():
    for info in pkgutil.walk_packages(pr.__path__, f"{pr.__name__}."):
        module = importlib.import_module(info.name)
        assert doctest.testmod(module).failed == 0
        assert module.__doc__
        for public in getattr(module, "__all__", []):
            value = getattr(module, public)
            assert not callable(value) or value.__doc__


@pytest.mark.parametrize("tails, heads, weights, given, expected", [
    ([], [], None, {}, []),
    ([], [], [], {"n": 2}, []),
    ([0], [0], None, {"undirected": True}, [("0", "0", 1.0)]),
    ([0, 0], [1, 1], [1.0, 2.5], {}, [("0", "1", 3.5)]),
    ([1, 0], [0, 1], [1.0, 2.0], {"undirected": True}, [("0", "1", 3.0), ("1", "0", 3.0)]),
    ([0], [1], None, {"names": ("x", "y")}, [("x", "y", 1.0)]),
])  # fmt: skip
def test_graphs_by_hand(tails, heads, weights, given, expected):
    assert arcs(Digraph.from_arcs(tails, heads, weights, **given)) == expected


@pytest.mark.parametrize("call, args, given, message", [
    (Digraph.from_arcs, ([0], [1, 2]), {}, "must have the same length, got 1, 2 and 1"),
    (Digraph.from_arcs, ([0], [-1]), {}, r"nodes must lie in 0..0, got -1"),
    (Digraph.from_arcs, ([0], [5]), {"n": 3}, r"nodes must lie in 0..2, got 5"),
    (Digraph.from_arcs, ([0], [1], [0.0]), {}, "positive and finite, got 0.0 at arc 0"),
    (Digraph.from_arcs, ([0, 0], [1, 1], [1.0, np.nan]), {}, "got nan at arc 1"),
    (Digraph.from_arcs, ([0.5], [1]), {}, "sources must be integers, shape"),
    (Digraph.from_arcs, ([0], [1]), {"n": 2, "names": ("x",)}, "expected 2 names, got 1"),
    (Digraph.from_arcs, ([0, 0], [1, 1], [1e308, 1e308]), {}, "must have a finite sum, got inf"),
    (pr.move_table, (HUGO, 0.0), {}, r"alpha must lie in \(0, 1\], got 0.0"),
    (pr.move_table, (HUGO, 1.5), {}, r"alpha must lie in \(0, 1\], got 1.5"),
    (pr.move_table, (HUGO,), {"largest": 1}, "largest must be at least 2, got 1"),
    (pr.move_table, (HUGO,), {"hops": 0}, "hops must be at least 1, got 0"),
    (pr.move_table, (HUGO,), {"hops": 2}, "big moves need a bound on the record: give largest"),
    (pr.move_table, (HUGO,), {"dangling": "jump"}, "of .'stop', 'source'., got 'jump'"),
    (pr.tree_depth, (5, 1), {}, "largest must be at least 2, got 1"),
    (pr.blocked_power_iteration, (HUGO,), {"error": 0.0}, "error must be above 0, got 0.0"),
    (pr.blocked_power_iteration, (HUGO, 2.0), {}, r"alpha must lie in \(0, 1\], got 2.0"),
    (pr.blocked_power_iteration, (HUGO,), {"dangling": "jump"}, "'source'., got 'jump'"),
    (pr.blocked_power_iteration, (HUGO,), {"block": 0}, "block must be at least 1, got 0"),
    (pr.blocked_power_iteration, (HUGO,), {"sources": range(70, 80)}, "of 0..76 of step 1"),
    (pr.walks_needed, (0.0, 0.1, 0.1), {}, r"epsilon must lie in \(0, 1\), got 0.0"),
    (pr.walks_needed, (0.5, 1.0, 0.1), {}, r"delta must lie in \(0, 1\), got 1.0"),
    (pr.walks_needed, (0.5, 0.1, 0.0), {}, r"p_fail must lie in \(0, 1\), got 0.0"),
    (pr.failure_bound, (300, 1.5, 0.1), {}, r"epsilon must lie in \(0, 1\), got 1.5"),
    (pr.walks_needed, (0.5, 0.1, 0.1, 0), {}, "pairs must be at least 1, got 0"),
    (pr.fit_costs, ([pr.TimedRun(10, 10, 1.0), pr.TimedRun(20, 20, 2.0)],), {},
     "expected runs that differ in rounds per join, got 2"),
    (pr.best_gamma, (300, 77, 1000, 0.2), {}, "a cap of 300 walks is too small .* at least 385"),
    (pr.random_walks, (TABLE, 0), {}, "omega must be at least 1, got 0"),
    (pr.random_walks, (TABLE, 5), {"sources": range(90)}, "of step 1, got range"),
    (pr.random_walks, (TABLE, 5), {"sources": range(0, 9, 2)}, r"of step 1, got range\(0, 9, 2\)"),
    (pr.random_walks, (TABLE, 5), {"partitions": 0}, "partitions must be at least 1, got 0"),
    *((walk, (TABLE, 5), {"partitions": 32768}, "partitions must be at most 32767, got 32768")
      for walk in (pr.random_walks, pr.aggregated_walks)),
    (split_records, (hop_records(HUGO), 1), {}, "largest must be at least 2, got 1"),
    (pr.Pipelined, (0,), {}, "gamma must be at least 1, got 0"),
    (pr.Refilled, (0,), {}, "cap must be at least 1, got 0"),
    (pr.segment_doubling, (HUGO, 0, 1), {}, "omega must be at least 1, got 0"),
    (pr.segment_doubling, (HUGO, 2, -1), {}, "doublings must be at least 0, got -1"),
    (pr.segment_doubling, (HUGO, 2, 1), {"pick": "best"}, "of .'same', 'random'., got 'best'"),
    *((graphs.barabasi_albert, (5, k), {}, f"expected 1 <= attach < n, got attach={k} and n=5")
      for k in (0, 5, 9)),
])  # fmt: skip
def test_senseless_requests_are_refused(call, args, given, message):
    with pytest.raises(ValueError, match=message):
        call(*args, **given)


@pytest.mark.parametrize("name", graphs.GRAPHS)
def test_data_that_ship(name):
    graph = graphs.GRAPHS[name]()
    assert len(graph.names) == len(set(graph.names)) == graph.n
    assert graph.weights.min() >= 1
    assert str(graphs.SOURCES[name]).count("Licence:") == 1
    weight = graph.transition()
    if name != "stdlib_imports":
        assert np.abs(weight.sum(axis=1) - 1).max() < 1e-12
        assert ((weight != 0) != (weight.T != 0)).nnz == 0


def test_tables_of_real_graphs_are_exact_and_as_deep_as_the_formula():
    for graph, largest in ((HUGO, 2), (HUGO, 64), (graphs.topic_words(), 64)):
        table = pr.move_table(graph, largest=largest)
        assert table.largest <= largest
        assert np.abs(table.implied() - table.shares).max() < 1e-12
        sums = np.add.reduceat(table.implied(), table.indptr[:-1])
        assert np.abs(sums - 1.0).max() < 1e-12
        record = hub = int(graph.out_degree.argmax())
        depth = 0
        while record == hub or record >= graph.n:
            record, depth = int(table.own[table.indptr[record]]), depth + 1
        assert depth == pr.tree_depth(int(graph.out_degree[hub]), largest)


@settings(deadline=None, max_examples=25)
@given(
    digraphs(), st.sampled_from([2, 3, 5, 20]), st.integers(1, 5), st.sampled_from([0.1, 0.5, 1.0])
)
def test_trees_and_big_moves_never_change_pi(graph, largest, hops, alpha):
    table = pr.move_table(graph, alpha, largest=largest, hops=hops)
    assert table.largest <= largest
    assert np.abs(table.implied() - table.shares).max(initial=0) < 1e-12
    assert solve_chain(table) == pytest.approx(pr.dense_solve(graph, alpha), abs=1e-9)


def test_big_moves_of_a_real_graph():
    table = pr.move_table(HUGO, 0.2, largest=2 * HUGO.n, hops=3)  # uniform depth splits the mass
    assert solve_chain(table) == pytest.approx(EXACT, abs=1e-12)
    assert (table.hops == 3).all()
    alive = [table.shares[a:b][table.own[a:b] >= 0].sum()
             for a, b in zip(table.indptr, table.indptr[1:], strict=False)]  # fmt: skip
    assert alive == pytest.approx([0.8**3] * HUGO.n, abs=1e-12)


def test_the_scale_of_the_weights_changes_nothing_and_extremes_do_no_harm():
    scaled = Digraph(HUGO.indptr, HUGO.targets, HUGO.weights * 8.0)
    one, two = (pr.move_table(g, largest=32, hops=3) for g in (HUGO, scaled))
    assert np.array_equal(one.threshold, two.threshold)
    assert np.array_equal(one.own, two.own)
    assert Digraph.from_arcs([0, 0], [1, 2], [1e308, 1e308]).shares.tolist() == [0.5, 0.5]
    graph = Digraph.from_arcs([0, 0, 1], [1, 2, 0], [1e-300, 1e300, 1.0])
    table = pr.move_table(graph, largest=4, hops=3)
    assert table.implied() == pytest.approx(table.shares, abs=1e-12)
    assert solve_chain(table) == pytest.approx(pr.dense_solve(graph), abs=1e-12)


# Exact values: rows that sum to 1, two ways that agree, and the public packages.


def test_worked_values():
    graph = HAND["an arc to a dead end"]
    assert pr.dense_solve(graph, 0.25) == pytest.approx(np.array([[0.25, 0.75], [0.0, 1.0]]))
    back = pr.dense_solve(graph, 0.25, "source")  # 0 -> 1 -> 0 -> ...: alpha (1, q, q^2, ...)
    assert back[0] == pytest.approx([1 / 1.75, 0.75 / 1.75])
    cycle = pr.dense_solve(HAND["a cycle of three"], 0.5)
    assert cycle[0] == pytest.approx(np.array([4, 2, 1]) / 7)
    graph = Digraph.from_arcs([0, 0], [0, 1])  # blocks of one do not overwrite each other
    scores = pr.blocked_power_iteration(graph, 0.1, block=1, error=1e-12).scores.to_csr(2).toarray()
    np.testing.assert_allclose(scores, pr.dense_solve(graph, 0.1), atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(digraphs(), st.sampled_from([0.05, 0.2, 1.0]), st.sampled_from(["stop", "source"]),
       st.floats(1e-3, 1e3))  # fmt: skip
def test_rows_are_distributions_and_fixed_points(graph, alpha, dangling, scale):
    exact = pr.dense_solve(graph, alpha, dangling)
    assert exact.sum(axis=1) == pytest.approx(np.ones(graph.n), abs=1e-12)
    assert exact.min() > -1e-12
    step = graph.transition().toarray()
    if dangling == "stop":
        step[graph.dangling, graph.dangling.nonzero()[0]] = 1.0
    lost = 1.0 - (1.0 - alpha) * (exact @ step).sum(axis=1)
    assert (1.0 - alpha) * exact @ step + np.diag(lost) == pytest.approx(exact, abs=1e-12)
    scaled = Digraph(graph.indptr, graph.targets, graph.weights * scale)
    assert pr.dense_solve(scaled, alpha, dangling) == pytest.approx(exact, abs=1e-10)


@settings(deadline=None, max_examples=20)
@given(digraphs(), st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from(["stop", "source"]),
       st.integers(1, 9), st.sampled_from([0.3, 1e-3, 1e-10]))  # fmt: skip
def test_power_iteration_keeps_its_word(graph, alpha, dangling, block, error):
    exact = pr.dense_solve(graph, alpha, dangling)
    found = pr.blocked_power_iteration(graph, alpha, block=block, error=error, dangling=dangling)
    scores = found.scores.to_csr(graph.n).toarray()
    assert np.abs(scores - exact).sum(axis=1).max() <= error + 1e-12
    assert found.sweeps <= pr.sweeps_needed(alpha, error)
    loops = 0 if dangling == "source" else int(graph.dangling.sum())
    assert found.cost.work % (block * (graph.m + loops) or 1) == 0
    assert found.cost.span == found.sweeps


def test_chunks_give_the_same_blocks():
    graph = graphs.barabasi_albert(300, 4)
    given = dict(error=1e-6, top=7, block=50)
    parts = [pr.blocked_power_iteration(graph, sources=range(a, a + 100), **given)
             for a in (0, 100, 200)]  # fmt: skip
    same = pr.blocked_power_iteration(graph, **given)
    assert np.concatenate([p.scores.values for p in parts]).tolist() == same.scores.values.tolist()
    assert same.cost.work == sum(part.cost.work for part in parts)


def test_the_best_are_kept_and_the_small_dropped():
    rows = pr.blocked_power_iteration(HUGO, error=1e-12, top=5).scores
    for u in range(HUGO.n):
        nodes, scores = rows.row(u)
        assert scores == pytest.approx(np.sort(EXACT[u])[::-1][:5], abs=1e-11)
        assert EXACT[u, nodes] == pytest.approx(scores, abs=1e-11)
    large = pr.blocked_power_iteration(HUGO, error=1e-12, least=0.01).scores
    assert len(large.values) == (EXACT >= 0.01).sum()
    strength = np.bincount(HUGO.tails, weights=HUGO.weights.tolist())
    flow = strength[:, None] * EXACT  # symmetric up to the weighted degrees
    assert flow == pytest.approx(flow.T, abs=1e-9)
    assert np.abs(EXACT - EXACT.T).max() > 0.1


@pytest.mark.parametrize("name, make, dangling", [
    ("sknetwork", bench_pagerank._scikit_network, "stop"),
    pytest.param("igraph", bench_pagerank._igraph, "stop", marks=pytest.mark.weekly),
    pytest.param("networkx", bench_pagerank._networkx, "source", marks=pytest.mark.weekly),
])  # fmt: skip
def test_public_packages_agree(name, make, dangling):
    pytest.importorskip(name)
    graph = pagerank_cases.without_dangling(IMPORTS) if dangling == "stop" else IMPORTS
    assert graph.n > 20
    peer = make(graph, pr.dense_solve(graph, bench_pagerank.ALPHA, dangling))
    assert np.array(peer.run(peer.settings[-1])) == pytest.approx(peer.exact, abs=1e-8)


def test_returning_walks_have_the_distribution_of_the_normalised_row():
    exact = pr.dense_solve(IMPORTS, 0.2, "source")
    table = pr.move_table(IMPORTS, dangling="source", largest=64, hops=3)
    found = pr.random_walks(table, 2000, sources=range(200)).estimates.to_csr(IMPORTS.n).toarray()
    assert np.abs(found - exact)[:200].sum(axis=1).mean() < 0.1


# Bernstein's bound holds and is not absurd; the model of the batch.


@settings(deadline=None, max_examples=25)
@given(st.floats(0.01, 0.9), st.floats(1e-4, 0.5), st.floats(1e-6, 0.5))
def test_the_walks_needed_meet_the_bound(epsilon, delta, p_fail):
    omega = pr.walks_needed(epsilon, delta, p_fail)
    assert pr.failure_bound(omega, epsilon, delta) <= p_fail
    assert pr.failure_bound(omega, epsilon, min(1.0, 2 * delta)) <= p_fail


def test_failures_are_rarer_than_the_bound_and_the_error_as_expected():
    omega, epsilon, trials = 300, 0.5, 16
    table, missed = pr.move_table(HUGO, largest=256, hops=3), np.zeros((77, 77))
    for seed in range(trials):
        estimate = pr.random_walks(table, omega, seed=seed).dense()
        missed += np.abs(estimate - EXACT) > epsilon * EXACT
    rate, bound = missed / trials, pr.failure_bound(omega, epsilon, EXACT)
    assert (rate <= bound + 4 * np.sqrt(bound * (1 - bound) / trials) + 1e-9).all()
    some = (bound > 0.02) & (bound < 0.5)
    assert rate[some].mean() > bound[some].mean() / 30
    large, enough = EXACT >= 0.02, pr.walks_needed(0.5, 0.02, 0.1, pairs=77 * 77)
    error = np.abs(pr.random_walks(table, enough).dense() - EXACT)
    assert (error[large] <= 0.5 * EXACT[large]).all()
    error = np.abs(pr.random_walks(table, 1000).dense() - EXACT).sum(axis=1).mean()
    assert pr.least_l1(1000) < error < pr.expected_l1(EXACT, 1000).mean()


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-6, 1e-1), st.floats(1e-10, 1e-5))
def test_the_fit_finds_the_constants(per_round, per_join):
    runs = [pr.TimedRun(rounds, 10**6, per_round * rounds + per_join * 10**6)
            for rounds in (50, 500, 5000)]  # fmt: skip
    found = pr.fit_costs(runs)
    assert found.per_round == pytest.approx(per_round, rel=1e-4)
    assert found.per_join == pytest.approx(per_join, rel=1e-4)


@pytest.mark.parametrize("formula, args, expected", [
    (pr.longest_walk, (0, 0.2), 0),
    (pr.longest_walk, (1, 1.0), 1),
    (pr.tree_depth, (9, 2), 4),
    (pr.tree_depth, (10**6, 1000), 2),
    (pr.best_gamma, (10_000, 77, 1000, 0.2), 25),
    (pr.best_gamma, (10**9, 77, 1000, 0.2), 1000),
    (pr.best_gamma, (5, 0, 10, 0.2), 10),
])  # fmt: skip
def test_worked_formulas(formula, args, expected):
    assert formula(*args) == expected


def test_the_longest_walk_the_load_and_a_model_that_never_rises():
    moves = np.random.default_rng(0).geometric(0.2, size=(300, 1000)).max(axis=1)
    assert moves.mean() == pytest.approx(pr.longest_walk(1000, 0.2), abs=1.0)
    assert pr.pipeline_load(5, 0, 1, 0.2, 3).tolist() == [0, 0, 0]
    load = pr.pipeline_load(10, 1000, 10, 0.2, 100)
    assert (np.diff(load[:99]) > 0).all()
    assert load[-1] == pytest.approx(10 * 10 / 0.2)
    times = [pr.CostModel(1e-3, 1e-8).seconds(77, 1000, gamma, 0.2) for gamma in range(1, 1001)]
    assert (np.diff(times) <= 1e-12).all()
    assert pr.pipeline_rounds(77, 1000, 25, 0.2) < pr.pipeline_rounds(77, 1000, 24, 0.2)


@pytest.mark.weekly
@pytest.mark.parametrize("name", records.makers)
def test_a_shipped_record_is_what_its_maker_makes(name):
    assert records.make(name) == records.read(name)
