r"""The move table: what a walk may do next, one record a node, and the moves of one walk.

A record is a list of outcomes with probabilities.
One integer codes every outcome: ``y >= 0`` goes on at record ``y``; ``~x`` stops at node ``x``.
Records ``0 .. n - 1`` belong to nodes; the others are *virtual*, inner pieces of an alias tree:
they toss no coin and count no hop.
"""

from paralg.core.checks import instance, integer
from paralg.core.random import uniform
from paralg.rounds.personalized_pagerank.fast.checks import check_alpha, check_kept, check_sizes
from paralg.rounds.personalized_pagerank.fast.hubs import big_moves, split_records
from paralg.rounds.personalized_pagerank.fast.records import (
    LEVEL_BITS,
    PLAIN,
    RETURN,
    MoveTable,
    check_walks,
    hop_records,
)
from paralg.rounds.personalized_pagerank.graph import Digraph
from paralg.simd.sampling import alias_tables

__all__ = ["MoveTable", "move_table", "walk_once"]


def move_table(
    graph: Digraph, alpha: float = 0.2, *, largest: int | None = None, hops: int = 1,
    dangling: str = "stop",
) -> MoveTable:  # fmt: skip
    r"""Build the table of a graph: plain hops, alias trees for hubs, big moves for small nodes.

    These are ingredients of [lin-2019-distributed]; the internals of trees and moves are ours.

    Parameters
    ----------
    graph : Digraph
    alpha : float, probability to stop before each hop
    largest : int, optional
        Bound :math:`B` on the outcomes of a record; nodes of larger out-degree become alias trees,
        and big moves are expanded while they fit. No bound by default.
    hops : int, hops that a big move may cover; 1 means plain hops with the coin outside the table
    dangling : {"stop", "source"}
        Convention at nodes without out-arcs.

    Raises
    ------
    ValueError
        An argument is out of range, or big moves have no ``largest``.

    Cost
    ----
    Work ``m`` for hops and trees; a big move at most the arcs of ``largest`` nodes a level.

    Examples
    --------
    >>> graph = Digraph.from_arcs([0, 0, 0, 1], [1, 2, 3, 0])
    >>> move_table(graph, largest=2).records  # node 0 has three arcs: two pieces under a root
    6
    """
    instance("graph", graph, Digraph)
    alpha = check_alpha(alpha)
    check_sizes(largest, hops)
    records = hop_records(graph, dangling)
    if hops > 1:
        records = big_moves(records, graph, alpha, largest, hops)
    if largest is not None:
        records = split_records(records, largest)
    indptr, own, shares, kind, covered = records
    threshold, alias = alias_tables(indptr, shares)
    return MoveTable(graph.n, alpha, indptr, kind, covered, shares, threshold, own, own[alias])


def walk_once(table: MoveTable, source: int, number: int, seed: int = 0) -> list[int]:
    """Follow one walk in plain Python: the reference of the compiled rounds.

    Parameters
    ----------
    table : MoveTable
    source, number, seed : int, the walk's identity and the streams' seed; they determine all draws

    Returns
    -------
    list of int, records visited (virtual ones too), then the node at which the walk stopped

    Examples
    --------
    >>> walk_once(move_table(Digraph.from_arcs([0], [1]), 0.2), 0, 0, seed=2)
    [0, 1, 1]
    """
    check_walks(table, None, 1)
    integer("source", source, 0, table.n - 1), integer("number", number, 0, 2**32 - 1)
    check_kept(None, 1, seed)
    walk = source << 32 | number
    record, clock, path = source, 0, []
    while record >= 0:
        path.append(record)
        record = _draw(table, record, walk, clock, seed)
        clock = clock + 1 if record >= table.n else ((clock >> LEVEL_BITS) + 1) << LEVEL_BITS
    return [*path, ~record]


def _draw(table: MoveTable, record: int, walk: int, clock: int, seed: int) -> int:
    """Return the outcome of one look-up: toss the coin, then draw from the alias table."""
    if table.kind[record] != PLAIN:
        if uniform(seed, walk, 2 * clock) < table.alpha:
            return ~record
        if table.kind[record] == RETURN:
            return walk >> 32
    first, last = table.indptr[record], table.indptr[record + 1]
    spot = float(uniform(seed, walk, 2 * clock + 1)) * int(last - first)
    slot = first + int(spot)
    return int(table.own[slot] if spot - int(spot) < table.threshold[slot] else table.other[slot])
