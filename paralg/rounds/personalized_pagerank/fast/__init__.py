"""Compiled forms: a round of many walks, their counts, merged walks, power iteration in blocks."""

__all__ = ["warm"]


def warm() -> None:
    """Run everything compiled once, on three nodes."""
    import paralg.rounds.personalized_pagerank as pr

    graph = pr.Digraph.from_arcs([0, 0, 1, 2], [1, 2, 2, 0])
    table = pr.move_table(graph, largest=4, hops=2)
    for omega in (2, 4):
        for partitions in (1, 2):
            pr.random_walks(table, omega, schedule=pr.Pipelined(1), partitions=partitions)
    pr.aggregated_walks(table, 100)
    pr.blocked_power_iteration(graph)
