"""Compiled forms: a round of many walks, their counts, merged walks, power iteration in blocks."""

from __future__ import annotations

__all__ = ["warm"]


def warm() -> None:
    """Run everything compiled once, on three nodes."""
    from paralg.rounds.personalized_pagerank import (
        Digraph,
        Pipelined,
        aggregated_walks,
        blocked_power_iteration,
        move_table,
        random_walks,
    )

    graph = Digraph.from_arcs([0, 0, 1, 2], [1, 2, 2, 0])
    table = move_table(graph, largest=4, hops=2)
    for omega in (2, 4):
        for partitions in (1, 2):
            random_walks(table, omega, schedule=Pipelined(1), partitions=partitions)
    aggregated_walks(table, 100)
    blocked_power_iteration(graph)
