"""Exact values: rows that sum to 1, three ways that agree, and the public packages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pagerank_cases import HAND, digraphs

from paralg.core.engine import connect
from paralg.rounds.personalized_pagerank import (
    Digraph,
    blocked_power_iteration,
    dense_solve,
    move_table,
    power_iteration,
    random_walks,
    sweeps_needed,
)
from paralg.rounds.personalized_pagerank.experiments.graphs import (
    barabasi_albert,
    les_miserables,
    stdlib_imports,
)
from paralg.rounds.personalized_pagerank.variants import without_dangling


def test_worked_values():
    graph = HAND["an arc to a dead end"]
    assert dense_solve(graph, 0.25) == pytest.approx(np.array([[0.25, 0.75], [0.0, 1.0]]))
    back = dense_solve(graph, 0.25, "source")  # 0 -> 1 -> 0 -> ...: alpha (1, q, q^2, ...)
    assert back[0] == pytest.approx([1 / 1.75, 0.75 / 1.75])
    cycle = dense_solve(HAND["a cycle of three"], 0.5)
    assert cycle[0] == pytest.approx(np.array([4, 2, 1]) / 7)


@settings(deadline=None)
@given(digraphs(), st.sampled_from([0.05, 0.2, 1.0]), st.sampled_from(["stop", "source"]))
def test_rows_are_distributions_and_fixed_points(graph, alpha, dangling):
    exact = dense_solve(graph, alpha, dangling)
    assert exact.sum(axis=1) == pytest.approx(np.ones(graph.n), abs=1e-12)
    assert exact.min() > -1e-12
    step = graph.transition().toarray()
    if dangling == "stop":
        step[graph.dangling, graph.dangling.nonzero()[0]] = 1.0
    lost = 1.0 - (1.0 - alpha) * (exact @ step).sum(axis=1)
    assert (1.0 - alpha) * exact @ step + np.diag(lost) == pytest.approx(exact, abs=1e-12)


@settings(deadline=None)
@given(digraphs(), st.floats(1e-3, 1e3))
def test_scale_of_the_weights_does_not_matter(graph, scale):
    scaled = Digraph(graph.indptr, graph.targets, graph.weights * scale)
    assert dense_solve(scaled) == pytest.approx(dense_solve(graph), abs=1e-10)


def test_blocks_of_one_do_not_overwrite_each_other():
    graph = Digraph.from_arcs([0, 0], [0, 1])
    scores = blocked_power_iteration(graph, 0.1, block=1, error=1e-12).scores.to_csr(2).toarray()
    np.testing.assert_allclose(scores, dense_solve(graph, 0.1), atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(
    digraphs(),
    st.sampled_from([0.1, 0.5, 1.0]),
    st.sampled_from(["stop", "source"]),
    st.integers(1, 9),
    st.sampled_from([0.3, 1e-3, 1e-10]),
)
def test_power_iterations_keep_their_word(graph, alpha, dangling, block, error):
    exact = dense_solve(graph, alpha, dangling)
    given = dict(error=error, dangling=dangling)
    blocked = blocked_power_iteration(graph, alpha, block=block, **given)
    scores = blocked.scores.to_csr(graph.n).toarray()
    assert np.abs(scores - exact).sum(axis=1).max() <= error + 1e-12
    assert blocked.sweeps <= sweeps_needed(alpha, error)
    single = [power_iteration(graph, u, alpha, **given)[0] for u in range(graph.n)]
    assert np.abs(single - exact).sum(axis=1).max() <= error + 1e-12


def test_engines_and_chunks_give_the_same_blocks():
    graph = barabasi_albert(300, 4)
    whole = blocked_power_iteration(graph, error=1e-6, top=7)
    parts = [blocked_power_iteration(graph, error=1e-6, top=7, sources=range(a, a + 100), block=50)
             for a in (0, 100, 200)]  # fmt: skip
    same = blocked_power_iteration(graph, error=1e-6, top=7, block=50)
    assert np.concatenate([p.scores.values for p in parts]).tolist() == same.scores.values.tolist()
    with connect("processes", 2) as engine:
        apart = blocked_power_iteration(graph, error=1e-6, top=7, engine=engine)
    assert all(np.array_equal(a, b) for a, b in zip(whole.scores, apart.scores, strict=True))
    assert apart.cost == whole.cost


def test_the_best_are_kept_and_the_small_dropped():
    graph = les_miserables()
    exact = dense_solve(graph)
    rows = blocked_power_iteration(graph, error=1e-12, top=5).scores
    for u in range(graph.n):
        nodes, scores = rows.row(u)
        assert scores == pytest.approx(np.sort(exact[u])[::-1][:5], abs=1e-11)
        assert exact[u, nodes] == pytest.approx(scores, abs=1e-11)
    large = blocked_power_iteration(graph, error=1e-12, least=0.01).scores
    assert len(large.values) == (exact >= 0.01).sum()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"error": 0.0}, "error must be positive, got 0.0"),
        ({"alpha": 2.0}, r"alpha must lie in \(0, 1\], got 2.0"),
        ({"block": 0}, "block must be at least 1, got 0"),
        ({"sources": range(70, 80)}, r"sources must be a range of 0..76 of step 1"),
        ({"dangling": "x"}, "dangling must be one of stop, source, got 'x'"),
    ],
)
def test_senseless_requests_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        blocked_power_iteration(les_miserables(), **given)


@pytest.fixture(scope="module")
def closed():
    """A real graph without dead ends, where all conventions agree."""
    graph = without_dangling(stdlib_imports())
    assert graph.n > 20
    return graph, dense_solve(graph, 0.15)


def test_networkx_agrees(closed):
    nx = pytest.importorskip("networkx")
    graph, exact = closed
    peer = nx.DiGraph()
    peer.add_nodes_from(range(graph.n))
    arcs = zip(graph.tails.tolist(), graph.targets.tolist(), graph.weights, strict=True)
    peer.add_weighted_edges_from(arcs)
    for u in range(0, graph.n, 10):
        row = nx.pagerank(peer, alpha=0.85, personalization={u: 1}, tol=1e-12, max_iter=500)
        assert [row[v] for v in range(graph.n)] == pytest.approx(exact[u], abs=1e-8)


def test_networkx_jumps_back_to_the_source():
    nx = pytest.importorskip("networkx")
    graph = stdlib_imports()
    exact = dense_solve(graph, 0.2, "source")
    peer = nx.from_scipy_sparse_array(graph.transition(), create_using=nx.DiGraph)
    for u in (0, 100, 500):
        row = nx.pagerank(peer, alpha=0.8, personalization={u: 1}, tol=1e-12, max_iter=500)
        assert [row[v] for v in range(graph.n)] == pytest.approx(exact[u], abs=1e-8)


def test_scikit_network_agrees(closed):
    ranking = pytest.importorskip("sknetwork.ranking")
    graph, exact = closed
    adjacency = graph.transition()
    peer = ranking.PageRank(damping_factor=0.85, solver="piteration", n_iter=300, tol=1e-14)
    from scipy.sparse import csr_matrix

    for u in range(0, graph.n, 10):
        assert peer.fit_predict(csr_matrix(adjacency), {u: 1}) == pytest.approx(exact[u], abs=1e-8)


def test_igraph_agrees(closed):
    igraph = pytest.importorskip("igraph")
    graph, exact = closed
    peer = igraph.Graph(n=graph.n, edges=np.stack([graph.tails, graph.targets], 1).tolist(),
                        directed=True)  # fmt: skip
    for u in range(0, graph.n, 10):
        row = peer.personalized_pagerank(
            reset_vertices=u, damping=0.85, weights=graph.weights.tolist()
        )
        assert row == pytest.approx(exact[u], abs=1e-8)


def test_symmetry_is_that_of_weighted_degrees():
    graph = les_miserables()
    exact = dense_solve(graph)
    strength = np.bincount(graph.tails, weights=graph.weights.tolist())
    flow = strength[:, None] * exact
    assert flow == pytest.approx(flow.T, abs=1e-9)
    assert np.abs(exact - exact.T).max() > 0.1


def test_returning_walks_have_the_law_of_the_normalised_row():
    graph = stdlib_imports()
    exact = dense_solve(graph, 0.2, "source")
    walks = random_walks(move_table(graph, dangling="source", largest=64, hops=3), 2000).dense()
    assert np.abs(walks - exact).sum(axis=1).mean() < 0.1
