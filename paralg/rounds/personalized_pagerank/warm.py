"""Compile and cache every kernel of the chapter."""

from __future__ import annotations

from paralg.rounds.personalized_pagerank.aggregate import aggregated_walks
from paralg.rounds.personalized_pagerank.exact import blocked_power_iteration
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.rounds.personalized_pagerank.moves import move_table
from paralg.rounds.personalized_pagerank.schedules import Pipelined
from paralg.rounds.personalized_pagerank.walks import random_walks

__all__ = ["warm"]


def warm() -> None:
    """Run everything compiled once, on three nodes."""
    graph = Digraph.from_arcs([0, 0, 1, 2], [1, 2, 2, 0])
    table = move_table(graph, largest=4, hops=2)
    for omega in (2, 4):
        for partitions in (1, 2):
            random_walks(table, omega, schedule=Pipelined(1), partitions=partitions)
    aggregated_walks(table, 100)
    blocked_power_iteration(graph)
