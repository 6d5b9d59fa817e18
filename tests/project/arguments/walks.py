"""Fully personalised PageRank: the library's functions."""

from dataclasses import replace

import networkx as nx
import numpy as np

import paralg.rounds.personalized_pagerank as ppr
from tests.project.arguments import Call

COVERS = ("paralg.rounds.personalized_pagerank",)
NOT = {"MoveTable": "a result", "WalkCounts": "a result",
       "TimedRun": "a record", "SparseRows": "a result", "explorer": "no argument",
       "warm": "no argument", "AllAtOnce": "no argument"}  # fmt: skip

GRAPH = ppr.Digraph.from_arcs([0, 0, 1, 2], [1, 2, 2, 0])
TABLE = ppr.move_table(GRAPH, 0.5)
ppr.warm()
ppr.move_table(GRAPH, 0.5, largest=4, hops=2)  # compiles what takes seconds
ppr.aggregated_walks(TABLE, 3)
ppr.blocked_power_iteration(GRAPH)
PI = np.array([0.5, 0.25, 0.25])
FREE = "longer,broadcast,empty,more axes,fewer axes"


def walks(function):
    def call(table, omega, partitions, top, seed):
        found = function(table, omega, partitions=partitions, top=top, seed=seed)
        return found.counts.values

    return Call(function.__name__, call,
                {"table": TABLE, "omega": 5, "partitions": 2, "top": 2, "seed": 1},
                fine={"partitions": "none", "top": "none", "seed": "zero,negative"})  # fmt: skip


def theory(function, **arguments):
    fine = {"walks": "zero,negative", "error": "", "degree": "zero", "rounds": "zero",
            "sources": "zero", "n": "zero", "omega": "zero"}  # fmt: skip
    return Call(function.__name__, function, arguments, fine=fine)


def graph(make, **arguments):
    fine = {"weights": "none,booleans", "n": "none", "matrix": "booleans", "weight": "none"}
    return Call("Digraph", lambda **how: make(**how).weights, arguments, fine=fine)


CALLS = [
    graph(ppr.Digraph, indptr=GRAPH.indptr, targets=GRAPH.targets, weights=GRAPH.weights),
    graph(ppr.Digraph.from_arcs, sources=np.array([0, 2]), targets=np.array([1, 0]),
          weights=np.array([1.0, 2.0]), n=3),
    graph(ppr.Digraph.from_scipy, matrix=np.array([[0.0, 2.0], [1.5, 0.0]])),
    graph(ppr.Digraph.from_networkx, graph=nx.path_graph(3), weight="weight"),
    theory(ppr.walks_needed, epsilon=0.5, delta=0.01, p_fail=0.01, pairs=3),
    Call("failure_bound", ppr.failure_bound, {"omega": 100, "epsilon": 0.5, "pi": PI[:1]},
         fine={"omega": "zero,several", "pi": FREE}),
    Call("expected_l1", ppr.expected_l1, {"pi": PI, "omega": 100}, fine={"pi": FREE}),
    Call("least_l1", ppr.least_l1, {"omega": 100}),
    theory(ppr.longest_walk, walks=50.0, alpha=0.5),
    theory(ppr.pipeline_rounds, sources=4, omega=20, gamma=5, alpha=0.5),
    theory(ppr.pipeline_load, sources=4, omega=20, gamma=5, alpha=0.5, rounds=6),
    theory(ppr.refill_rounds, n=4, omega=20, cap=10, alpha=0.5),
    theory(ppr.best_gamma, cap=40, n=4, omega=20, alpha=0.5),
    theory(ppr.sweeps_needed, alpha=0.5, error=1e-3),
    theory(ppr.tree_depth, degree=11, largest=10),
    Call("CostModel", lambda per_round, per_join: ppr.CostModel(per_round, per_join).seconds(
        4, 20, 5, 0.5), {"per_round": 0.1, "per_join": 0.01},
         fine={"per_round": "zero", "per_join": "zero"}),
    Call("fit_costs", ppr.fit_costs,
         {"runs": np.array([[10, 1000, 0.12], [100, 1000, 0.3]])}, fine={"runs": "longer"}),
    Call("Pipelined", ppr.Pipelined, {"gamma": 3}), Call("Refilled", ppr.Refilled, {"cap": 3}),
    Call("move_table", lambda graph, alpha, largest, hops, dangling: ppr.move_table(
        graph, alpha, largest=largest, hops=hops, dangling=dangling).shares,
         {"graph": GRAPH, "alpha": 0.5, "largest": 4, "hops": 2, "dangling": "stop"}),
    walks(ppr.random_walks), walks(ppr.aggregated_walks),
    *(Call(f.__name__, lambda f=f, **parts: f(replace(TABLE, **parts), 5).counts.values,
           {name: getattr(TABLE, name) for name in ("indptr", "kind", "threshold", "own", "other")},
           fine={"own": "negative", "other": "negative"})
      for f in (ppr.random_walks, ppr.aggregated_walks)),
    Call("walk_once", ppr.walk_once, {"table": TABLE, "source": 1, "number": 2, "seed": 3},
         fine={"source": "zero", "number": "zero", "seed": "zero,negative"}),
    Call("alias_tables", ppr.alias_tables, {"indptr": np.array([0, 2, 3]),
                                            "shares": np.array([0.5, 1.5, 1.0])},
         fine={"shares": "booleans"}),
    Call("implied_shares", ppr.implied_shares,
         {"indptr": np.array([0, 3]), "threshold": np.array([0.75, 0.75, 1.0]),
          "alias": np.array([2, 2, 2])},
         fine={"threshold": "booleans"}),
    Call("dense_solve", ppr.dense_solve, {"graph": GRAPH, "alpha": 0.5, "dangling": "stop"}),
    Call("segment_doubling", lambda graph, alpha, omega, doublings, pick, seed:
         ppr.segment_doubling(graph, omega, doublings, alpha, pick=pick, seed=seed).counts,
         {"graph": GRAPH, "alpha": 0.5, "omega": 5, "doublings": 2, "pick": "same", "seed": 1},
         fine={"seed": "zero,negative", "doublings": "zero"}),
    Call("blocked_power_iteration", lambda graph, alpha, **how: ppr.blocked_power_iteration(
        graph, alpha, **how).scores.values,
         {"graph": GRAPH, "alpha": 0.5, "error": 1e-6, "dangling": "stop", "top": 2,
          "least": 0.01, "block": 2}, fine={"top": "none", "least": "zero"}),
]  # fmt: skip
