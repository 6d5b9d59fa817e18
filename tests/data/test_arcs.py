"""Arcs of graphs: what they must be, and those of scipy, dense and networkx graphs."""

from dataclasses import replace

import networkx
import numpy as np
import pytest
from scipy import sparse

from paralg.rounds.personalized_pagerank import (
    Digraph,
    aggregated_walks,
    move_table,
    random_walks,
)


def arcs(graph):
    ends = zip(graph.tails.tolist(), graph.targets.tolist(), graph.weights.tolist(), strict=True)
    return [(graph.label(a), graph.label(b), w) for a, b, w in ends]


@pytest.mark.parametrize("given, message", [
    (([0, 1, 1], np.array([100_000], np.int32), [1.0]), "nodes must lie in 0..1, got 100000"),
    (([0, 1, 1], np.array([-7], np.int32), [1.0]), "nodes must lie in 0..1, got -7"),
    (([0, 1], [2**40], [1.0]), "nodes must lie in 0..0, got 1099511627776"),
    (([0, 2, 1, 2], [0, 1], [1.0, 1.0]), r"indptr must rise from 0 to 2, got \[0 2 1 2\]"),
    (([1, 2], [0, 0], [1.0, 1.0]), "indptr must rise from 0 to 2"),
    (([], [], []), r"indptr must rise from 0 to 0, got \[\]"),
    (([0, 2], [0, 0], [1.0, 1.0]), r"ascend within a row, without repetition, got \[0 0\]"),
    (([0, 1], [0.0], [1.0]), r"targets must be integers, shape \(k,\), got float64"),
    (([0, 1], [[0]], [1.0]), r"targets must be integers, shape \(k,\), got int64, \(1, 1\)"),
    (([0, 1], np.array([2**63], np.uint64), [1.0]), "targets must be integers of 64 bits with"),
    (([0, 1, 2], [0, 0], [1.0, np.nan]), "weights must be positive and finite, got nan at arc 1"),
    (([0, 1], [0], ["1"]), "weights must be real"),
    (([0, 1], [0], [1.0, 2.0]), "expected 1 weights, one a target, got 2"),
    (([0, 1], [0], [1.0], ("a", "b")), "expected 1 names, got 2"),
])  # fmt: skip
def test_a_graph_is_checked_where_it_is_made(given, message):
    with pytest.raises(ValueError, match=message):
        Digraph(*given)


@pytest.mark.parametrize("n", [-1, 2.5, 2**31, 1])
def test_a_senseless_number_of_nodes(n):
    with pytest.raises((TypeError, ValueError), match=r"n must be|nodes must lie in 0\.\.0, got 1"):
        Digraph.from_arcs([0], [1], n=n)


@pytest.mark.parametrize("matrix, expected", [
    (sparse.csr_array([[0, 2], [3, 0]]), [("0", "1", 2.0), ("1", "0", 3.0)]),
    (sparse.coo_matrix(([1, 2], ([0, 0], [1, 1])), shape=(2, 2)), [("0", "1", 3.0)]),
    (sparse.coo_array(([0.0], ([0], [1])), shape=(2, 2)), []),
    (np.array([[False, True], [False, False]]), [("0", "1", 1.0)]),
    ([[0, 0.5], [0, 1]], [("0", "1", 0.5), ("1", "1", 1.0)]),
])  # fmt: skip
def test_matrices(matrix, expected):
    graph = Digraph.from_scipy(matrix)
    assert (graph.n, arcs(graph)) == (2, expected)


@pytest.mark.parametrize("matrix, message", [
    (np.ones((2, 3)), r"expected a real matrix of shape \(n, n\), got float64, shape \(2, 3\)"),
    (np.ones((2, 2), complex), "got complex128"),
    (-np.ones((2, 2)), "positive and finite, got -1.0"),
    (sparse.csr_array([[0, np.inf], [0, 0]]), "positive and finite, got inf"),
])  # fmt: skip
def test_matrices_that_are_no_graphs(matrix, message):
    with pytest.raises(ValueError, match=message):
        Digraph.from_scipy(matrix)


def test_networkx_graphs_of_every_kind():
    many = networkx.MultiGraph([("a", "b", {"weight": 2}), ("a", "b"), ("b", "b")])
    many.add_node(7)
    graph = Digraph.from_networkx(many)
    assert graph.names == ("a", "b", "7")
    assert arcs(graph) == [("a", "b", 3.0), ("b", "a", 3.0), ("b", "b", 1.0)]
    assert Digraph.from_networkx(networkx.DiGraph([(0, 1)])).m == 1
    assert Digraph.from_networkx(networkx.karate_club_graph(), None).weights.max() == 1.0
    assert Digraph.from_networkx(networkx.Graph()).n == 0
    with pytest.raises(ValueError, match="names of nodes must differ as text, got"):
        Digraph.from_networkx(networkx.DiGraph([(1, "1")]))


def test_no_table_leads_a_walk_outside_its_arrays():
    graph = Digraph.from_arcs([0, 0, 1], [1, 2, 0])
    for alpha in (1e-7, 1e-300):
        with pytest.raises(ValueError, match=f"alpha must be at least 1e-06, got {alpha}"):
            move_table(graph, alpha)
    table = move_table(graph)
    for wrong, message in (
        ({"alpha": 1e-9}, "alpha must be at least 1e-06"),
        ({"own": table.own + 1000}, r"own must lie in -3..2"),
        ({"other": table.other - 9}, r"other must lie in -3..2"),
        ({"indptr": table.indptr * 9}, "indptr must rise from 0 to 4, got"),
        ({"indptr": table.indptr[[0, 2, 1, 3]]}, "expected an outcome in every record"),
        ({"kind": table.kind[:1]}, "must have the shape .1,., got .3,."),
    ):
        for walk in (random_walks, aggregated_walks):
            with pytest.raises(ValueError, match=message):
                walk(replace(table, **wrong), 5)
