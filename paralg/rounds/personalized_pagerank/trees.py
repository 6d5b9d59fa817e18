r"""Alias trees: a hub's record is cut into pieces of at most :math:`B` outcomes under a small root.

The pieces are *virtual* records that follow the nodes' records: they toss no coin and count no hop.
A walk at the hub draws a child at the root, then a child of that, until it holds an arc.
"""

from __future__ import annotations

import numpy as np

from paralg.rounds.personalized_pagerank.records import (
    PLAIN,
    Records,
    joined,
    replace_rows,
    stretches,
)

__all__ = ["split_records", "tree_depth"]


def tree_depth(degree: int, largest: int) -> int:
    r"""Return the levels of the alias tree of a node, :math:`\lceil \log_B d \rceil`, at least 1.

    Parameters
    ----------
    degree : int
        Outcomes :math:`d` of the node.
    largest : int
        Bound :math:`B` of a record.

    Returns
    -------
    int
        Look-ups of one draw.

    Raises
    ------
    ValueError
        ``largest < 2``.

    Examples
    --------
    >>> [tree_depth(d, 10) for d in (1, 10, 11, 100, 101)]
    [1, 1, 2, 2, 3]
    """
    if largest < 2:
        raise ValueError(f"largest must be at least 2, got {largest}")
    levels = 1
    while degree > largest:
        degree = -(-degree // largest)
        levels += 1
    return levels


def split_records(records: Records, largest: int) -> Records:
    r"""Cut every record of more than ``largest`` outcomes into a tree of records that fit.

    The chance of arc :math:`e` is the product of the shares on its path, and every inner share is
    the mass of its piece over the mass of the parent, so the product telescopes to
    :math:`w_e / \sum w`.

    Parameters
    ----------
    records : Records
    largest : int
        Bound :math:`B`.

    Returns
    -------
    Records
        Old records first, with the same numbers; virtual ones after them.

    Raises
    ------
    ValueError
        ``largest < 2``.

    Cost
    ----
    Work: at most twice the slots that are cut, :math:`s (1 + 1/B + 1/B^2 + \dots)`.

    References
    ----------
    [lin-2019-distributed] for the idea, hierarchical sampling of large nodes; the internals are
    ours.
    """
    if largest < 2:
        raise ValueError(f"largest must be at least 2, got {largest}")
    while (np.diff(records.indptr) > largest).any():
        records = _cut_once(records, largest)
    return records


def _cut_once(records: Records, largest: int) -> Records:
    """Replace each record that is too large by a list of its pieces, one level of every tree."""
    sizes = np.diff(records.indptr)
    hubs = np.flatnonzero(sizes > largest)
    pieces = -(-sizes[hubs] // largest)
    cuts = _cut_sizes(sizes[hubs], pieces)
    slots = stretches(records.indptr, hubs)
    mass = np.add.reduceat(records.shares[slots], joined(cuts)[:-1])
    virtual = Records(
        joined(cuts),
        records.outcome[slots],
        records.shares[slots] / np.repeat(mass, cuts),
        np.full(len(cuts), PLAIN, dtype=np.uint8),
        np.zeros(len(cuts), dtype=np.uint8),
    )
    numbers = (len(sizes) + np.arange(len(cuts))).astype(np.int32)
    return _append(replace_rows(records, hubs, pieces, numbers, mass), virtual)


def _cut_sizes(sizes, pieces):
    """Return the sizes of the pieces, as even as possible: ``sizes[k]`` into ``pieces[k]``."""
    piece = np.arange(pieces.sum()) - np.repeat(joined(pieces)[:-1], pieces)
    size, count = np.repeat(sizes, pieces), np.repeat(pieces, pieces)
    return size * (piece + 1) // count - size * piece // count


def _append(records: Records, virtual: Records) -> Records:
    """Lay the virtual records behind the others."""
    indptr = np.concatenate([records.indptr, records.indptr[-1] + virtual.indptr[1:]])
    rest = (np.concatenate(pair) for pair in zip(records[1:], virtual[1:], strict=True))
    return Records(indptr, *rest)
