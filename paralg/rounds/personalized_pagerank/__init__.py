r"""Fully personalised PageRank on weighted graphs: random walks from every node at once.

The paper is Lin, "Distributed algorithms for fully personalized PageRank on large graphs" (2019).
The reading order:

1. `graph`: a weighted digraph, and the transition matrix of the walk on it.
2. `moves`: the move table, an alias table for each node, and the moves of one walk.
3. `schedules`: when walks start: all at once, in pipelines, or as room becomes free.
4. `walks`: all walks in rounds on an engine.

Then `theory` (how many walks, how many rounds), `variants` (exact values, doubling), `fast` (alias
trees and big moves, the compiled round, counts, merged walks, blocked power iteration),
`experiments.graphs` (the graphs of the chapter), `command` (what ``paralg pagerank`` does) and
`teaching`.
"""

from paralg.core.lazy import lazy

__getattr__, __dir__, __all__ = lazy(__name__, {
    "Digraph": "graph",
    "MoveTable": "moves", "move_table": "moves", "walk_once": "moves",
    "AllAtOnce": "schedules", "Pipelined": "schedules", "Refilled": "schedules",
    "WalkCounts": "walks", "random_walks": "walks",
    "CostModel": "theory", "TimedRun": "theory", "best_gamma": "theory", "expected_l1": "theory",
    "failure_bound": "theory", "fit_costs": "theory", "least_l1": "theory",
    "longest_walk": "theory", "pipeline_load": "theory", "pipeline_rounds": "theory",
    "refill_rounds": "theory", "sweeps_needed": "theory", "tree_depth": "theory",
    "walks_needed": "theory",
    "dense_solve": "variants", "segment_doubling": "variants",
    "SparseRows": "walks", "aggregated_walks": "fast.aggregate", "alias_tables": "moves",
    "blocked_power_iteration": "fast.exact", "implied_shares": "fast.records", "warm": "fast",
    "explorer": "teaching.explorer",
})  # fmt: skip
