"""Alias tables, alias trees and big moves: exact in closed form, and never too large."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pagerank_cases import HAND, digraphs, solve_chain

from paralg.rounds.personalized_pagerank import (
    Digraph,
    alias_tables,
    dense_solve,
    implied_shares,
    move_table,
    tree_depth,
)
from paralg.rounds.personalized_pagerank.experiments.graphs import (
    les_miserables,
    stdlib_imports,
    topic_words,
)
from paralg.rounds.personalized_pagerank.fast.hubs import split_records
from paralg.rounds.personalized_pagerank.fast.records import hop_records

positive = st.floats(1e-9, 1e9)


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


@pytest.mark.parametrize(
    "sizes, shares",
    [([], []), ([0, 0], []), ([1], [3.0]), ([2, 0, 3], [1.0, 1.0, 5.0, 0.5, 1e-9])],
)
def test_implied_shares_of_worked_records(sizes, shares):
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    threshold, alias = alias_tables(indptr, shares)
    total = np.repeat([sum(shares[a:b]) for a, b in zip(indptr, indptr[1:], strict=False)], sizes)
    assert implied_shares(indptr, threshold, alias) == pytest.approx(shares / total, abs=1e-12)
    assert ((threshold >= 0) & (threshold <= 1)).all()


@settings(deadline=None)
@given(st.lists(st.lists(positive, max_size=40), max_size=5))
def test_implied_shares_equal_the_weights(records):
    indptr = np.concatenate([[0], np.cumsum([len(record) for record in records])]).astype(int)
    flat = [weight for record in records for weight in record]
    expected = [weight / sum(record) for record in records for weight in record]
    implied = implied_shares(indptr, *alias_tables(indptr, flat))
    assert implied == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("bad", [[-1.0], [np.nan], [np.inf]])
def test_bad_shares_are_refused(bad):
    with pytest.raises(ValueError, match=f"must be finite and not negative, got {bad[0]}"):
        alias_tables(np.array([0, 1]), bad)


def test_a_bad_index_is_refused():
    with pytest.raises(ValueError, match=r"must rise from 0 to 2, got \[0, 3\]"):
        alias_tables(np.array([0, 3]), [1.0, 1.0])


@settings(deadline=None)
@given(st.lists(positive, min_size=1, max_size=60), st.integers(2, 9))
def test_trees_keep_the_law_and_the_bound(weights, largest):
    graph = Digraph.from_arcs([0] * len(weights), range(len(weights)), weights, n=60)
    records = split_records(hop_records(graph), largest)
    assert np.diff(records.indptr).max() <= largest
    leaves = shares_at_the_leaves(records, 0)
    expected = np.array(weights) / sum(weights)
    assert [leaves[v] for v in range(len(weights))] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("graph", [les_miserables, topic_words])
@pytest.mark.parametrize("largest", [2, 7, 64])
def test_tables_of_real_graphs_are_exact(graph, largest):
    graph = graph()
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
@pytest.mark.parametrize("largest, hops", [(None, 1), (2, 1), (8, 3), (100, 6)])
def test_the_chain_of_the_tables_stops_where_pi_says(name, largest, hops):
    graph = HAND[name]
    table = move_table(graph, 0.3, largest=largest, hops=hops)
    assert solve_chain(table) == pytest.approx(dense_solve(graph, 0.3), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(
    digraphs(), st.sampled_from([2, 3, 5, 20]), st.integers(1, 5), st.sampled_from([0.1, 0.5, 1.0])
)
def test_trees_and_big_moves_never_change_pi(graph, largest, hops, alpha):
    table = move_table(graph, alpha, largest=largest, hops=hops)
    assert table.largest <= largest
    assert np.abs(table.implied() - table.shares).max(initial=0) < 1e-12
    assert solve_chain(table) == pytest.approx(dense_solve(graph, alpha), abs=1e-9)


@pytest.mark.parametrize("graph", [les_miserables, stdlib_imports])
def test_big_moves_of_real_graphs(graph):
    graph = graph()
    table = move_table(graph, largest=256, hops=3)
    assert table.largest <= 256
    assert solve_chain(table) == pytest.approx(dense_solve(graph), abs=1e-12)


def test_uniform_depth_splits_mass_as_the_formula_says():
    alpha, hops = 0.2, 3
    graph = les_miserables()
    table = move_table(graph, alpha, largest=2 * graph.n, hops=hops)
    assert (table.hops == hops).all()
    alive = [table.shares[a:b][table.own[a:b] >= 0].sum()
             for a, b in zip(table.indptr, table.indptr[1:], strict=False)]  # fmt: skip
    assert alive == pytest.approx([(1 - alpha) ** hops] * graph.n, abs=1e-12)


def test_scaling_all_weights_changes_nothing():
    graph = les_miserables()
    scaled = Digraph(graph.indptr, graph.targets, graph.weights * 8.0)
    one, two = (move_table(g, largest=32, hops=3) for g in (graph, scaled))
    assert np.array_equal(one.threshold, two.threshold)
    assert np.array_equal(one.own, two.own)


def test_extreme_weights_do_no_harm():
    graph = Digraph.from_arcs([0, 0, 1], [1, 2, 0], [1e-300, 1e300, 1.0])
    table = move_table(graph, largest=4, hops=3)
    assert table.implied() == pytest.approx(table.shares, abs=1e-12)
    assert solve_chain(table) == pytest.approx(dense_solve(graph), abs=1e-12)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"alpha": 0.0}, r"alpha must lie in \(0, 1\], got 0.0"),
        ({"alpha": 1.5}, r"alpha must lie in \(0, 1\], got 1.5"),
        ({"largest": 1}, "largest must be at least 2, got 1"),
        ({"hops": 0}, r"hops must lie in 1..255, got 0"),
        ({"hops": 2}, "big moves need a bound on the record: give largest, got None"),
        ({"dangling": "jump"}, "dangling must be one of stop, source, got 'jump'"),
    ],
)
def test_senseless_tables_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        move_table(les_miserables(), **given)


def test_a_tree_needs_two_children():
    with pytest.raises(ValueError, match="largest must be at least 2, got 1"):
        tree_depth(5, 1)
    with pytest.raises(ValueError, match="largest must be at least 2, got 1"):
        split_records(hop_records(les_miserables()), 1)
