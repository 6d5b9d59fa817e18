"""What lives in one partition: a shard of the table, counts of its sources, walks on their way."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from paralg.rounds.personalized_pagerank.kernel import PLACE_BITS, advance
from paralg.rounds.personalized_pagerank.ledger import Ledger
from paralg.rounds.personalized_pagerank.moves import MoveTable

__all__ = ["Births", "Partition", "born", "collect", "outbox", "play", "settle", "tally"]

_NOBODY = np.zeros((0, 2), dtype=np.int64)


class Births(NamedTuple):
    """Walks that start together: a stretch of all walks, laid out in one of two orders.

    Parameters
    ----------
    first, last : int
        The stretch.
    lowest : int
        First source.
    sources, omega : int
        Sources, and walks for each.
    by_number : bool
        Walk number 0 of every source, then number 1, ...; else all walks of a source together.
    """

    first: int
    last: int
    lowest: int
    sources: int
    omega: int
    by_number: bool


class Partition:
    """State of one partition; it changes in place.

    Parameters
    ----------
    shard : MoveTable
        Records ``index, index + partitions, ...``.
    ledger : Ledger
        Counts of the sources ``index, index + partitions, ...``.
    root : uint64
        Root of the random streams.
    descend : bool
        Whether walks go down alias trees within a round.
    """

    def __init__(self, shard: MoveTable, ledger: Ledger, root: np.uint64, descend: bool):
        self.shard, self.ledger, self.root, self.descend = shard, ledger, root, descend
        self.blocks: list[NDArray[np.int64]] = []
        self.live = self.joins = self.sent = 0


def play(part: Partition, inbox: list, *, births: Births) -> Partition:
    """Play one round: count who came home, let new walks start, move everybody.

    Parameters
    ----------
    part : Partition
        Changes in place.
    inbox : list of ndarray of int64, shape (k, 2)
        Walks from every partition.
    births : Births
        Walks that start in this round, in all partitions together.

    Returns
    -------
    Partition
        The same.
    """
    index, partitions = part.ledger.index, part.ledger.partitions
    new = born(births, index, partitions)
    walks = np.concatenate([*inbox, new])
    part.ledger.count(walks)
    part.ledger.open(_distinct(new[:, 0] >> PLACE_BITS))
    part.blocks, part.live, part.joins = advance(
        walks, part.shard, part.root, partitions, index, part.descend
    )
    part.sent = sum(map(len, part.blocks))
    return part


def _distinct(sources: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each source once; neighbours are often equal."""
    return np.unique(sources[np.diff(sources, prepend=-1) != 0])


def settle(part: Partition, inbox: list) -> Partition:
    """Count the last walks that came home."""
    part.ledger.count(np.concatenate(inbox))
    return part


def outbox(part: Partition) -> list[NDArray[np.int64]]:
    """Hand over the walks that leave, one block for each partition."""
    blocks, part.blocks = part.blocks, []
    return blocks


def nobody(part: Partition) -> list[NDArray[np.int64]]:
    """Return the inbox of the first round."""
    return [_NOBODY]


def tally(part: Partition) -> NDArray[np.int64]:
    """Return live walks, look-ups, records sent, and open rows with their bytes."""
    ledger = part.ledger
    return np.array([part.live, part.joins, part.sent, ledger.open_rows, ledger.nbytes])


def collect(part: Partition) -> list:
    """Return the finished rows."""
    return part.ledger.collect()


def born(births: Births, index: int, partitions: int) -> NDArray[np.int64]:
    """Return the walks of a stretch whose sources are at home in this partition.

    Returns
    -------
    ndarray of int64, shape (k, 2)
        Identity and place: at the source, before the first move.

    Examples
    --------
    >>> walks = born(Births(1, 4, 0, 3, 2, False), 0, 2)  # walks 0:1, 1:0, 1:1; only source 0 here
    >>> walks.tolist()
    [[1, 0]]
    """
    walks = np.empty((_born(births, index, partitions, _NOBODY), 2), dtype=np.int64)
    _born(births, index, partitions, walks)
    return walks


@numba.njit(cache=True, nogil=True)
def _born(births, index, partitions, walks):
    """Count the walks; write them where ``walks`` has room for any."""
    first, last, lowest, sources, omega, by_number = births
    inner = sources if by_number else omega
    count = 0
    for outer in range(first // inner, (last + inner - 1) // inner):
        if not by_number and (lowest + outer) % partitions != index:
            continue
        low, high = max(first - outer * inner, 0), min(last - outer * inner, inner)
        step = 1
        if by_number:
            low += (index - lowest - low) % partitions
            step = partitions
        for k in range(low, high, step):
            source, number = (lowest + k, outer) if by_number else (lowest + outer, k)
            if len(walks) > 0:
                walks[count, 0] = source << PLACE_BITS | number
                walks[count, 1] = source << PLACE_BITS
            count += 1
    return count
