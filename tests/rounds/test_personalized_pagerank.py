"""Graphs, tables, exact values and bounds of the chapter, and what they refuse."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pagerank_cases import HAND, digraphs, solve_chain

import paralg.rounds.personalized_pagerank as package
from paralg.data.graphs.make import cooccurrence, import_graph
from paralg.rounds.personalized_pagerank import (
    CostModel,
    Digraph,
    Pipelined,
    Refilled,
    TimedRun,
    alias_tables,
    best_gamma,
    blocked_power_iteration,
    dense_solve,
    expected_l1,
    failure_bound,
    fit_costs,
    implied_shares,
    least_l1,
    longest_walk,
    move_table,
    pipeline_load,
    pipeline_rounds,
    power_iteration,
    random_walks,
    segment_doubling,
    sweeps_needed,
    tree_depth,
    walks_needed,
)
from paralg.rounds.personalized_pagerank.experiments.graphs import (
    GRAPHS,
    SOURCES,
    barabasi_albert,
    les_miserables,
    stdlib_imports,
    topic_words,
)
from paralg.rounds.personalized_pagerank.fast.hubs import split_records
from paralg.rounds.personalized_pagerank.fast.records import hop_records
from paralg.rounds.personalized_pagerank.variants import without_dangling

HUGO = les_miserables()
positive = st.floats(1e-9, 1e9)


def arcs(graph):
    ends = zip(graph.tails.tolist(), graph.targets.tolist(), graph.weights.tolist(), strict=True)
    return [(graph.label(a), graph.label(b), w) for a, b, w in ends]


def test_examples_run_and_names_are_documented():
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
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


def words(**given):
    return walks_needed(**({"epsilon": 0.5, "delta": 0.1, "p_fail": 0.1} | given))


@pytest.mark.parametrize("call, args, given, message", [
    (Digraph.from_arcs, ([0], [1, 2]), {}, "must have the same length, got 1, 2 and 1"),
    (Digraph.from_arcs, ([0], [-1]), {}, r"nodes must lie in 0..0, got -1"),
    (Digraph.from_arcs, ([0], [5]), {"n": 3}, r"nodes must lie in 0..2, got 5"),
    (Digraph.from_arcs, ([0], [1], [0.0]), {}, "positive and finite, got 0.0 at arc 0"),
    (Digraph.from_arcs, ([0, 0], [1, 1], [1.0, np.nan]), {}, "got nan at arc 1"),
    (Digraph.from_arcs, ([0.5], [1]), {}, "sources must be a list of integers"),
    (Digraph.from_arcs, ([0], [1]), {"n": 2, "names": ("x",)}, "expected 2 names, got 1"),
    (Digraph.from_arcs, ([0, 0], [1, 1], [1e308, 1e308]), {}, "must have a finite sum, got inf"),
    (alias_tables, (np.array([0, 1]), [-1.0]), {}, "must be finite and not negative, got -1.0"),
    (alias_tables, (np.array([0, 1]), [np.nan]), {}, "must be finite and not negative, got nan"),
    (alias_tables, (np.array([0, 1]), [np.inf]), {}, "must be finite and not negative, got inf"),
    (alias_tables, (np.array([0, 3]), [1.0, 1.0]), {}, r"must rise from 0 to 2, got \[0, 3\]"),
    (move_table, (HUGO, 0.0), {}, r"alpha must lie in \(0, 1\], got 0.0"),
    (move_table, (HUGO, 1.5), {}, r"alpha must lie in \(0, 1\], got 1.5"),
    (move_table, (HUGO,), {"largest": 1}, "largest must be at least 2, got 1"),
    (move_table, (HUGO,), {"hops": 0}, r"hops must lie in 1..255, got 0"),
    (move_table, (HUGO,), {"hops": 2}, "big moves need a bound on the record: give largest"),
    (move_table, (HUGO,), {"dangling": "jump"}, "one of stop, source, got 'jump'"),
    (tree_depth, (5, 1), {}, "largest must be at least 2, got 1"),
    (split_records, (hop_records(HUGO), 1), {}, "largest must be at least 2, got 1"),
    (blocked_power_iteration, (HUGO,), {"error": 0.0}, "error must be positive, got 0.0"),
    (blocked_power_iteration, (HUGO, 2.0), {}, r"alpha must lie in \(0, 1\], got 2.0"),
    (blocked_power_iteration, (HUGO,), {"block": 0}, "block must be at least 1, got 0"),
    (blocked_power_iteration, (HUGO,), {"sources": range(70, 80)}, r"a range of 0..76 of step 1"),
    (blocked_power_iteration, (HUGO,), {"dangling": "x"}, "one of stop, source, got 'x'"),
    (words, (), {"epsilon": 0.0}, r"epsilon must lie in \(0, 1\), got 0.0"),
    (words, (), {"delta": 1.0}, r"delta must lie in \(0, 1\), got 1.0"),
    (words, (), {"p_fail": -1}, r"p_fail must lie in \(0, 1\), got -1"),
    (words, (), {"pairs": 0}, "pairs must be at least 1, got 0"),
    (fit_costs, ([TimedRun(10, 10, 1.0), TimedRun(20, 20, 2.0)],), {},
     "expected runs that differ in rounds per join, got 2"),
    (best_gamma, (300, 77, 1000, 0.2), {}, "a cap of 300 walks is too small .* at least 385"),
    (random_walks, (move_table(HUGO), 0), {}, r"omega must lie in 1..2\*\*31 - 1, got 0"),
    (random_walks, (move_table(HUGO), 5), {"sources": range(90)}, r"0..76 of step 1, got range"),
    (random_walks, (move_table(HUGO), 5), {"sources": range(0, 9, 2)}, "of step 1"),
    (Pipelined, (0,), {}, "gamma must be at least 1, got 0"),
    (Refilled, (0,), {}, "cap must be at least 1, got 0"),
    (segment_doubling, (HUGO, 0, 1), {}, "omega must be at least 1, got 0"),
    (segment_doubling, (HUGO, 2, -1), {}, "doublings must not be negative"),
    (segment_doubling, (HUGO, 2, 1), {"pick": "best"}, "one of same, random, got 'best'"),
    *((barabasi_albert, (5, k), {}, f"expected 1 <= attach < n, got attach={k} and n=5")
      for k in (0, 5, 9)),
])  # fmt: skip
def test_senseless_requests_are_refused(call, args, given, message):
    with pytest.raises(ValueError, match=message):
        call(*args, **given)


def test_huge_weights_keep_their_shares():
    assert Digraph.from_arcs([0, 0], [1, 2], [1e308, 1e308]).shares.tolist() == [0.5, 0.5]


def test_dead_ends_can_be_pruned():
    graph = Digraph.from_arcs([0, 1, 2, 1], [1, 0, 3, 2], names=tuple("abcd"))
    assert arcs(without_dangling(graph)) == [("a", "b", 1.0), ("b", "a", 1.0)]
    assert without_dangling(Digraph.from_arcs([0], [1])).n == 0


@pytest.mark.parametrize("name", GRAPHS)
def test_data_that_ship(name):
    graph = GRAPHS[name]()
    assert len(graph.names) == len(set(graph.names)) == graph.n
    assert graph.weights.min() >= 1
    assert str(SOURCES[name]).count("Licence:") == 1
    if name != "stdlib_imports":
        assert np.abs(graph.transition().sum(axis=1) - 1).max() < 1e-12


def test_the_derived_graphs_come_from_their_scripts(tmp_path):
    names, tails, heads, counts = cooccurrence(["the cat and the dog", "a cat"], 3, 2)
    assert names == ["cat", "the", "a"]
    assert list(zip(tails.tolist(), heads.tolist(), counts.tolist(), strict=True)) == [
        (0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1),
    ]  # fmt: skip
    weight = topic_words().transition()
    assert ((weight != 0) != (weight.T != 0)).nnz == 0
    (tmp_path / "pack").mkdir()
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "ignored.py").write_text("import pack")
    (tmp_path / "pack" / "__init__.py").write_text("from .inner import a, b\nimport os.path\n")
    (tmp_path / "pack" / "inner.py").write_text("from . import inner\nimport pack, sys, nothing")
    assert list(import_graph(tmp_path)) == [("pack", "pack.inner", 2), ("pack.inner", "pack", 1),
                                            ("pack.inner", "sys", 1)]  # fmt: skip


# Alias tables, alias trees and big moves: exact in closed form, and never too large.


def shares_at_the_leaves(records, root):
    """Return {outcome: probability} of a record, down its tree."""
    found, todo = {}, [(root, 1.0)]
    real = int((records.hops > 0).sum())
    while todo:
        record, mass = todo.pop()
        for slot in range(records.indptr[record], records.indptr[record + 1]):
            code, share = int(records.outcome[slot]), mass * records.shares[slot]
            if code >= real:
                todo.append((code, share))
            else:
                found[code] = found.get(code, 0.0) + share
    return found


def check_alias(records):
    indptr = np.concatenate([[0], np.cumsum([len(record) for record in records])]).astype(int)
    threshold, alias = alias_tables(indptr, [weight for record in records for weight in record])
    expected = [weight / sum(record) for record in records for weight in record]
    assert implied_shares(indptr, threshold, alias) == pytest.approx(expected, abs=1e-12)
    assert ((threshold >= 0) & (threshold <= 1)).all()


@pytest.mark.parametrize("records", [[], [[], []], [[3.0]], [[1.0, 1.0], [], [5.0, 0.5, 1e-9]]])
def test_implied_shares_of_worked_records(records):
    check_alias(records)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(positive, max_size=40), max_size=5))
def test_implied_shares_equal_the_weights(records):
    check_alias(records)


@settings(deadline=None, max_examples=50)
@given(st.lists(positive, min_size=1, max_size=60), st.integers(2, 9))
def test_trees_keep_the_distribution_and_the_bound(weights, largest):
    graph = Digraph.from_arcs([0] * len(weights), range(len(weights)), weights, n=60)
    records = split_records(hop_records(graph), largest)
    assert np.diff(records.indptr).max() <= largest
    leaves = shares_at_the_leaves(records, 0)
    expected = np.array(weights) / sum(weights)
    assert [leaves[v] for v in range(len(weights))] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("largest", [2, 7, 64])
def test_tables_of_real_graphs_are_exact(largest):
    for graph in (HUGO, topic_words()):
        table = move_table(graph, largest=largest)
        assert table.largest <= largest
        assert np.abs(table.implied() - table.shares).max() < 1e-12
        sums = np.add.reduceat(table.implied(), table.indptr[:-1])
        assert np.abs(sums - 1.0).max() < 1e-12


@pytest.mark.parametrize("degree, largest, depth", [(0, 2, 1), (1, 2, 1), (8, 2, 3), (9, 2, 4),
                                                    (10**6, 1000, 2), (1683, 256, 2)])  # fmt: skip
def test_depth_of_a_tree(degree, largest, depth):
    assert tree_depth(degree, largest) == depth


def test_the_tree_of_a_hub_has_the_depth_of_the_formula():
    graph = topic_words()
    hub = int(graph.out_degree.argmax())
    table = move_table(graph, largest=16)
    record, depth = hub, 0
    while record == hub or record >= graph.n:
        record, depth = int(table.own[table.indptr[record]]), depth + 1
    assert depth == tree_depth(int(graph.out_degree[hub]), 16)


@pytest.mark.parametrize("name", HAND)
def test_the_chain_of_the_tables_stops_where_pi_says(name):
    for largest, hops in ((None, 1), (2, 1), (8, 3), (100, 6)):
        table = move_table(HAND[name], 0.3, largest=largest, hops=hops)
        assert solve_chain(table) == pytest.approx(dense_solve(HAND[name], 0.3), abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    digraphs(), st.sampled_from([2, 3, 5, 20]), st.integers(1, 5), st.sampled_from([0.1, 0.5, 1.0])
)
def test_trees_and_big_moves_never_change_pi(graph, largest, hops, alpha):
    table = move_table(graph, alpha, largest=largest, hops=hops)
    assert table.largest <= largest
    assert np.abs(table.implied() - table.shares).max(initial=0) < 1e-12
    assert solve_chain(table) == pytest.approx(dense_solve(graph, alpha), abs=1e-9)


def test_big_moves_of_real_graphs():
    for graph in (HUGO, stdlib_imports()):
        table = move_table(graph, largest=256, hops=3)
        assert table.largest <= 256
        assert solve_chain(table) == pytest.approx(dense_solve(graph), abs=1e-12)
    table = move_table(HUGO, 0.2, largest=2 * HUGO.n, hops=3)  # uniform depth splits the mass
    assert (table.hops == 3).all()
    alive = [table.shares[a:b][table.own[a:b] >= 0].sum()
             for a, b in zip(table.indptr, table.indptr[1:], strict=False)]  # fmt: skip
    assert alive == pytest.approx([0.8**3] * HUGO.n, abs=1e-12)


def test_the_scale_of_the_weights_changes_nothing_and_extremes_do_no_harm():
    scaled = Digraph(HUGO.indptr, HUGO.targets, HUGO.weights * 8.0)
    one, two = (move_table(g, largest=32, hops=3) for g in (HUGO, scaled))
    assert np.array_equal(one.threshold, two.threshold)
    assert np.array_equal(one.own, two.own)
    graph = Digraph.from_arcs([0, 0, 1], [1, 2, 0], [1e-300, 1e300, 1.0])
    table = move_table(graph, largest=4, hops=3)
    assert table.implied() == pytest.approx(table.shares, abs=1e-12)
    assert solve_chain(table) == pytest.approx(dense_solve(graph), abs=1e-12)


# Exact values: rows that sum to 1, three ways that agree, and the public packages.


def test_worked_values():
    graph = HAND["an arc to a dead end"]
    assert dense_solve(graph, 0.25) == pytest.approx(np.array([[0.25, 0.75], [0.0, 1.0]]))
    back = dense_solve(graph, 0.25, "source")  # 0 -> 1 -> 0 -> ...: alpha (1, q, q^2, ...)
    assert back[0] == pytest.approx([1 / 1.75, 0.75 / 1.75])
    cycle = dense_solve(HAND["a cycle of three"], 0.5)
    assert cycle[0] == pytest.approx(np.array([4, 2, 1]) / 7)
    graph = Digraph.from_arcs([0, 0], [0, 1])  # blocks of one do not overwrite each other
    scores = blocked_power_iteration(graph, 0.1, block=1, error=1e-12).scores.to_csr(2).toarray()
    np.testing.assert_allclose(scores, dense_solve(graph, 0.1), atol=1e-12)


@settings(deadline=None, max_examples=50)
@given(digraphs(), st.sampled_from([0.05, 0.2, 1.0]), st.sampled_from(["stop", "source"]),
       st.floats(1e-3, 1e3))  # fmt: skip
def test_rows_are_distributions_and_fixed_points(graph, alpha, dangling, scale):
    exact = dense_solve(graph, alpha, dangling)
    assert exact.sum(axis=1) == pytest.approx(np.ones(graph.n), abs=1e-12)
    assert exact.min() > -1e-12
    step = graph.transition().toarray()
    if dangling == "stop":
        step[graph.dangling, graph.dangling.nonzero()[0]] = 1.0
    lost = 1.0 - (1.0 - alpha) * (exact @ step).sum(axis=1)
    assert (1.0 - alpha) * exact @ step + np.diag(lost) == pytest.approx(exact, abs=1e-12)
    scaled = Digraph(graph.indptr, graph.targets, graph.weights * scale)
    assert dense_solve(scaled, alpha, dangling) == pytest.approx(exact, abs=1e-10)


@settings(deadline=None, max_examples=30)
@given(digraphs(), st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from(["stop", "source"]),
       st.integers(1, 9), st.sampled_from([0.3, 1e-3, 1e-10]))  # fmt: skip
def test_power_iterations_keep_their_word(graph, alpha, dangling, block, error):
    exact = dense_solve(graph, alpha, dangling)
    given = dict(error=error, dangling=dangling)
    blocked = blocked_power_iteration(graph, alpha, block=block, **given)
    scores = blocked.scores.to_csr(graph.n).toarray()
    assert np.abs(scores - exact).sum(axis=1).max() <= error + 1e-12
    assert blocked.sweeps <= sweeps_needed(alpha, error)
    single = [power_iteration(graph, u, alpha, **given)[0] for u in range(graph.n)]
    assert np.abs(single - exact).sum(axis=1).max() <= error + 1e-12


def test_chunks_give_the_same_blocks():
    graph = barabasi_albert(300, 4)
    parts = [blocked_power_iteration(graph, error=1e-6, top=7, sources=range(a, a + 100), block=50)
             for a in (0, 100, 200)]  # fmt: skip
    same = blocked_power_iteration(graph, error=1e-6, top=7, block=50)
    assert np.concatenate([p.scores.values for p in parts]).tolist() == same.scores.values.tolist()


def test_the_best_are_kept_and_the_small_dropped():
    exact = dense_solve(HUGO)
    rows = blocked_power_iteration(HUGO, error=1e-12, top=5).scores
    for u in range(HUGO.n):
        nodes, scores = rows.row(u)
        assert scores == pytest.approx(np.sort(exact[u])[::-1][:5], abs=1e-11)
        assert exact[u, nodes] == pytest.approx(scores, abs=1e-11)
    large = blocked_power_iteration(HUGO, error=1e-12, least=0.01).scores
    assert len(large.values) == (exact >= 0.01).sum()
    strength = np.bincount(HUGO.tails, weights=HUGO.weights.tolist())
    flow = strength[:, None] * exact  # symmetric up to the weighted degrees
    assert flow == pytest.approx(flow.T, abs=1e-9)
    assert np.abs(exact - exact.T).max() > 0.1


@pytest.mark.parametrize("peer", ["networkx", "sknetwork", "igraph"])
def test_public_packages_agree(peer):
    pytest.importorskip(peer)
    graph = without_dangling(stdlib_imports())  # without dead ends all conventions agree
    exact = dense_solve(graph, 0.15)
    assert graph.n > 20
    if peer == "networkx":
        import networkx as nx

        net = nx.from_scipy_sparse_array(graph.transition(), create_using=nx.DiGraph)

        def row(u):
            got = nx.pagerank(net, alpha=0.85, personalization={u: 1}, tol=1e-12, max_iter=500)
            return [got[v] for v in range(graph.n)]
    elif peer == "sknetwork":
        from scipy.sparse import csr_matrix
        from sknetwork.ranking import PageRank

        solver = PageRank(damping_factor=0.85, solver="piteration", n_iter=300, tol=1e-14)
        adjacency = csr_matrix(graph.transition())

        def row(u):
            return solver.fit_predict(adjacency, {u: 1})
    else:
        import igraph

        ends = np.stack([graph.tails, graph.targets], 1).tolist()
        net = igraph.Graph(n=graph.n, edges=ends, directed=True)

        def row(u):
            weights = graph.weights.tolist()
            return net.personalized_pagerank(reset_vertices=u, damping=0.85, weights=weights)

    for u in range(0, graph.n, 10):
        assert row(u) == pytest.approx(exact[u], abs=1e-8)


def test_returning_walks_have_the_distribution_of_the_normalised_row():
    graph = stdlib_imports()
    exact = dense_solve(graph, 0.2, "source")
    walks = random_walks(move_table(graph, dangling="source", largest=64, hops=3), 2000).dense()
    assert np.abs(walks - exact).sum(axis=1).mean() < 0.1
    nx = pytest.importorskip("networkx")
    net = nx.from_scipy_sparse_array(graph.transition(), create_using=nx.DiGraph)
    for u in (0, 100, 500):
        row = nx.pagerank(net, alpha=0.8, personalization={u: 1}, tol=1e-12, max_iter=500)
        assert [row[v] for v in range(graph.n)] == pytest.approx(exact[u], abs=1e-8)


# Bernstein's bound holds and is not absurd; the model of the batch.


@settings(deadline=None)
@given(st.floats(0.01, 0.9), st.floats(1e-4, 0.5), st.floats(1e-6, 0.5))
def test_the_walks_needed_meet_the_bound(epsilon, delta, p_fail):
    omega = walks_needed(epsilon, delta, p_fail)
    assert failure_bound(omega, epsilon, delta) <= p_fail
    assert failure_bound(omega, epsilon, min(1.0, 2 * delta)) <= p_fail


def test_failures_are_rarer_than_the_bound_and_the_error_as_expected():
    omega, epsilon, trials = 300, 0.5, 200
    exact, table = dense_solve(HUGO), move_table(HUGO)
    missed = np.zeros((77, 77))
    for seed in range(trials):
        estimate = random_walks(table, omega, seed=seed).dense()
        missed += np.abs(estimate - exact) > epsilon * exact
    rate, bound = missed / trials, failure_bound(omega, epsilon, exact)
    assert (rate <= bound + 4 * np.sqrt(bound * (1 - bound) / trials) + 1e-9).all()
    some = (bound > 0.02) & (bound < 0.5)
    assert rate[some].mean() > bound[some].mean() / 30
    large, enough = exact >= 0.02, walks_needed(0.5, 0.02, 0.1, pairs=77 * 77)
    for seed in range(5):
        error = np.abs(random_walks(table, enough, seed=seed).dense() - exact)
        assert (error[large] <= 0.5 * exact[large]).all()
    error = np.abs(random_walks(table, 1000).dense() - exact).sum(axis=1).mean()
    assert least_l1(1000) < error < expected_l1(exact, 1000).mean()


def test_longest_walks():
    found = [longest_walk(*case) for case in ((0, 0.2), (1, 1.0), (10**9, 1.0))]
    assert found == [0, 1, 1]
    moves = np.random.default_rng(0).geometric(0.2, size=(300, 1000)).max(axis=1)
    assert moves.mean() == pytest.approx(longest_walk(1000, 0.2), abs=1.0)


def test_load_of_pipelines():
    assert pipeline_load(5, 0, 1, 0.2, 3).tolist() == [0, 0, 0]
    load = pipeline_load(10, 1000, 10, 0.2, 100)
    assert (np.diff(load[:99]) > 0).all()
    assert load[-1] == pytest.approx(10 * 10 / 0.2)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-6, 1e-1), st.floats(1e-10, 1e-5))
def test_the_fit_finds_the_constants(per_round, per_join):
    runs = [TimedRun(rounds, 10**6, per_round * rounds + per_join * 10**6)
            for rounds in (50, 500, 5000)]  # fmt: skip
    found = fit_costs(runs)
    assert found.per_round == pytest.approx(per_round, rel=1e-4)
    assert found.per_join == pytest.approx(per_join, rel=1e-4)


def test_the_model_never_rises_and_the_best_batch_fills_the_cap():
    model = CostModel(1e-3, 1e-8)
    times = [model.seconds(77, 1000, gamma, 0.2) for gamma in range(1, 1001)]
    assert (np.diff(times) <= 1e-12).all()
    assert best_gamma(10_000, 77, 1000, 0.2) == 25
    assert best_gamma(10**9, 77, 1000, 0.2) == 1000
    assert best_gamma(5, 0, 10, 0.2) == 10
    assert pipeline_rounds(77, 1000, 25, 0.2) < pipeline_rounds(77, 1000, 24, 0.2)
