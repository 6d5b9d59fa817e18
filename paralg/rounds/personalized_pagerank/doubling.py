r"""Doubling of walk segments: few rounds, bought with walks that share their parts.

Round :math:`k` joins each segment of length :math:`2^k` with one of equal length that starts where
it ends, so walks of length :math:`L` take :math:`\log_2 L` rounds instead of :math:`L`.
A segment that is picked by several others makes their ends dependent: the estimates keep their
mean, or not even that, and lose variance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from paralg.core.cost import Cost
from paralg.core.random import derive, uniform
from paralg.rounds.personalized_pagerank.graph import Digraph, check_alpha
from paralg.rounds.personalized_pagerank.moves import move_table

__all__ = ["Doubled", "PICKS", "segment_doubling"]

PICKS = ("same", "random")
"""Which segment of the end node is appended: that of the same number, or one drawn at random."""


class Doubled(NamedTuple):
    """Result of `segment_doubling`.

    Parameters
    ----------
    counts : ndarray of int64, shape (n, n)
        Walks from each source that ended at each node.
    shared : float
        Share of the joins whose appended segment was also taken by another walk in that round.
    cost : Cost
        ``work`` counts joins, ``rounds`` the doublings and the first step.
    """

    counts: NDArray[np.int64]
    shared: float
    cost: Cost


def segment_doubling(
    graph: Digraph,
    omega: int,
    doublings: int,
    alpha: float = 0.2,
    *,
    pick: str = "random",
    seed: int = 0,
) -> Doubled:
    r"""Estimate all rows by doubling ``omega`` segments of every node.

    Parameters
    ----------
    graph : Digraph
    omega : int
        Segments of each node, which are its walks in the end.
    doublings : int
        Rounds :math:`k`; walks are cut after :math:`2^k` moves (bias :math:`(1-\alpha)^{2^k}`).
    alpha : float
        Stopping probability.
    pick : {"same", "random"}
        ``"same"`` appends segment ``i`` of the end to segment ``i``: a walk that comes back to a
        node repeats itself.
        ``"random"`` draws the number: walks of one source may share segments.
    seed : int
        Seed of the streams.

    Returns
    -------
    Doubled

    Raises
    ------
    ValueError
        ``omega < 1``, ``doublings < 0`` or an unknown ``pick``.

    Cost
    ----
    Work :math:`n \omega` for each doubling, memory :math:`n\omega` segments, rounds ``1 +
    doublings``.

    References
    ----------
    [bahmani-2011-fast], recalled and not checked against the paper, which limits the reuse that
    this baseline shows.
    """
    _check(omega, doublings, pick)
    here, number = np.divmod(np.arange(graph.n * omega), omega)
    end, stopped = _first_moves(graph, here, number, alpha, seed)
    shared = joins = 0
    for level in range(doublings):
        live = np.flatnonzero(~stopped)
        taken = end[live] * omega + _picks(pick, live, number, omega, derive(seed, 1, level))
        shared += len(taken) - (np.bincount(taken) == 1).sum()
        joins += len(taken)
        new_end, new_stopped = end.copy(), stopped.copy()
        new_end[live], new_stopped[live] = end[taken], stopped[taken]
        end, stopped = new_end, new_stopped
    counts = np.zeros((graph.n, graph.n), dtype=np.int64)
    np.add.at(counts, (here, end), 1)
    cost = Cost(work=len(here) + joins, rounds=1 + doublings)
    return Doubled(counts, shared / max(joins, 1), cost)


def _check(omega, doublings, pick) -> None:
    if omega < 1:
        raise ValueError(f"omega must be at least 1, got {omega}")
    if doublings < 0:
        raise ValueError(f"doublings must not be negative, got {doublings}")
    if pick not in PICKS:
        raise ValueError(f"pick must be one of {', '.join(PICKS)}, got {pick!r}")


def _first_moves(graph, here, number, alpha, seed):
    """Return the end of each one-move segment, and whether it stopped there."""
    check_alpha(alpha)
    key = here * (number.max(initial=0) + 1) + number
    stopped = (uniform(seed, key, 0) < alpha) | graph.dangling[here]
    table, end = move_table(graph, alpha), here.copy()
    first = table.indptr[here]
    spot = uniform(seed, key, 1) * (table.indptr[here + 1] - first)
    slot = first + spot.astype(np.int64)
    below = spot - np.floor(spot) < table.threshold[slot]
    moved = np.where(below, table.own[slot], table.other[slot])
    end[~stopped] = moved[~stopped]
    return end, stopped


def _picks(pick, live, number, omega, seed):
    """Return the number of the segment that each live one takes from the node at its end."""
    if pick == "same":
        return number[live]
    return (uniform(seed, live, 0) * omega).astype(np.int64)
