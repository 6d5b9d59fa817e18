r"""Fully personalised PageRank on weighted graphs: random walks from every node at once.

The paper is Lin, "Distributed algorithms for fully personalized PageRank on large graphs" (2019).

============================  ======================================================
module                        what it holds
============================  ======================================================
`graph`, `data`               weighted digraphs, and some real ones
`alias`, `trees`, `bigmoves`  one draw: alias tables, alias trees for hubs, big moves
`moves`, `records`            the move table that a partition joins its walks with
`kernel`, `ledger`            the compiled round; counts at the home of the source
`schedules`, `batch`          all at once, pipelines, refill; the choice of the batch
`walks`, `aggregate`          the drivers on an engine
`exact`, `baselines`          dense solve, blocked power iteration; what to compare with
`choice`, `command`           which method a user gets, and the command line
`edges`, `advice`             the user's edge list, and what to do when it is not understood
============================  ======================================================
"""

from paralg.rounds.personalized_pagerank.aggregate import aggregated_walks
from paralg.rounds.personalized_pagerank.alias import alias_tables, implied_shares
from paralg.rounds.personalized_pagerank.baselines import monte_carlo, power_iteration, walk_once
from paralg.rounds.personalized_pagerank.batch import (
    CostModel,
    Run,
    best_gamma,
    fit_costs,
    refill_rounds,
)
from paralg.rounds.personalized_pagerank.doubling import segment_doubling
from paralg.rounds.personalized_pagerank.exact import (
    blocked_power_iteration,
    dense_solve,
    sweeps_needed,
)
from paralg.rounds.personalized_pagerank.explorer import explorer
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.guarantee import (
    expected_l1,
    failure_bound,
    least_l1,
    walks_needed,
)
from paralg.rounds.personalized_pagerank.moves import MoveTable, move_table
from paralg.rounds.personalized_pagerank.ranking import Rows
from paralg.rounds.personalized_pagerank.schedules import (
    AllAtOnce,
    Pipelined,
    Refilled,
    longest_walk,
    pipeline_load,
    pipeline_rounds,
)
from paralg.rounds.personalized_pagerank.trees import tree_depth
from paralg.rounds.personalized_pagerank.walks import WalkCounts, random_walks
from paralg.rounds.personalized_pagerank.warm import warm

__all__ = [
    "AllAtOnce", "CostModel", "Digraph", "MoveTable", "Pipelined", "Refilled", "Rows", "Run",
    "WalkCounts", "aggregated_walks", "alias_tables", "best_gamma", "blocked_power_iteration",
    "dense_solve", "expected_l1", "explorer", "failure_bound", "fit_costs", "implied_shares",
    "least_l1", "longest_walk", "monte_carlo", "move_table", "pipeline_load", "pipeline_rounds",
    "power_iteration", "random_walks", "refill_rounds", "segment_doubling", "sweeps_needed",
    "tree_depth", "walk_once", "walks_needed", "warm",
]  # fmt: skip
