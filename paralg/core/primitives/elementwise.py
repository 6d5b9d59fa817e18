"""Map, reduce and pack, with their counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core.cost import Cost
from paralg.core.primitives.operators import ADD, Operator
from paralg.core.primitives.rows import Rows
from paralg.core.primitives.run import Level, Run
from paralg.core.primitives.scans import scan

__all__ = ["MapResult", "PackResult", "ReduceResult", "pack", "pmap", "reduce"]


@dataclass(frozen=True, eq=False)
class MapResult:
    """Values of a map and their cost."""

    values: object
    cost: Cost


@dataclass(frozen=True, eq=False)
class ReduceResult:
    """Value of a reduction (without axis 0), its cost, and its rounds when traced."""

    values: object
    cost: Cost
    levels: list[Level] | None = None


@dataclass(frozen=True, eq=False)
class PackResult:
    """Kept elements, where each element went (-1: dropped), and the cost."""

    values: np.ndarray | tuple[np.ndarray, ...]
    destinations: np.ndarray
    cost: Cost


def pmap(fn: Callable, *xs) -> MapResult:
    """Apply ``fn`` to every element at once.

    Parameters
    ----------
    fn : callable
        Vectorised along axis 0: takes the arrays, returns an array or a tuple of arrays.
    *xs : array_like, shape (n, ...)
        One or more sequences of the same length.

    Returns
    -------
    MapResult
        ``fn(*xs)``; work n, span 1 (0 for an empty sequence).

    Raises
    ------
    ValueError
        No sequence, sequences of different lengths, or a result of another length.

    Examples
    --------
    >>> pmap(lambda x: x * x, [1, 2, 3])
    MapResult(values=array([1, 4, 9]), cost=Cost(work=3, span=1))
    """
    rows = Rows.of(xs, Operator(fn))
    values = fn(*rows.leaves)
    for leaf in values if isinstance(values, tuple) else (values,):
        if np.shape(leaf)[:1] != (rows.n,):
            raise ValueError(f"fn must return {rows.n} rows, got the shape {np.shape(leaf)}")
    return MapResult(values, Cost(work=rows.n, span=min(rows.n, 1)))


def reduce(op: Operator, xs, *, initial=None, trace: bool = False) -> ReduceResult:
    r"""Return :math:`x_0 \oplus \dots \oplus x_{n-1}` by a tree over neighbours.

    Parameters
    ----------
    op : Operator
        Associative; need not commute.
    xs : array_like, shape (n, ...), or tuple of them
        The sequence.
    initial : element, optional
        Put before the first element.
    trace : bool
        Whether to record the rounds for drawing.

    Returns
    -------
    ReduceResult
        One element, without axis 0; the identity (or ``initial``) for an empty sequence.

    Raises
    ------
    ValueError
        An empty sequence under an operator without identity, and no ``initial``.

    Cost
    ----
    Work n - 1, span ⌈log₂ n⌉, see `reduce_counts`; one more of both with ``initial`` (n >= 1).

    Examples
    --------
    >>> reduce(ADD, [3, 1, 4, 1, 5])
    ReduceResult(values=np.int64(14), cost=Cost(work=4, span=3), levels=None)
    """
    rows, run = Rows.of(xs, op), Run(op, trace)
    if rows.n == 0:
        empty = rows.identity(op) if initial is None else rows.seed(initial)
        return ReduceResult(empty.get(0), run.cost, run.levels)
    half = 1
    while half < rows.n:  # the product of a block gathers at its first position
        _join(run, rows, half)
        half *= 2
    if initial is not None:
        joined = run.apply(rows.seed(initial).values(), rows.get(slice(0, 1)), 1)
        rows.put(slice(0, 1), joined, op)
    return ReduceResult(rows.get(0), run.cost, run.levels)


def _join(run: Run, rows: Rows, half: int) -> None:
    """Combine each block of ``half`` elements with the block after it, if there is one."""
    left = slice(0, rows.n - half, 2 * half)
    right = slice(half, None, 2 * half)
    count = len(range(rows.n)[right])
    rows.put(left, run.apply(rows.get(left), rows.get(right), count), run.op)
    run.record(range(rows.n)[left], range(rows.n)[right])


def pack(xs, keep, *, method: str = "brent-kung") -> PackResult:
    """Keep the flagged elements, in order: an exclusive sum of the flags tells where each goes.

    Parameters
    ----------
    xs : array_like, shape (n, ...), or tuple of them
        The sequence.
    keep : array_like of bool, shape (n,)
        Which elements stay.
    method : str
        Scan method for the sum.

    Returns
    -------
    PackResult
        ``values`` of shape (k, ...), ``destinations`` of shape (n,).

    Raises
    ------
    ValueError
        ``keep`` has another shape than (n,).

    Cost
    ----
    The exclusive scan of n flags, and one round of n moves.

    References
    ----------
    [blelloch-1990-prefix].

    Examples
    --------
    >>> packed = pack([10, 11, 12, 13], [True, False, True, True])
    >>> packed.values, packed.destinations
    (array([10, 12, 13]), array([ 0, -1,  1,  2]))
    """
    rows = Rows.of(xs, Operator(pack))
    keep = np.asarray(keep, dtype=bool)
    if keep.shape != (rows.n,):
        raise ValueError(f"keep must have the shape ({rows.n},), got {keep.shape}")
    places = scan(ADD, keep, method=method, inclusive=False)
    packed = [_scatter(leaf, keep, places.values) for leaf in rows.leaves]
    destinations = np.where(keep, places.values, -1)
    cost = places.cost + Cost(work=rows.n, span=min(rows.n, 1))
    return PackResult(rows.element(packed), destinations, cost)


def _scatter(leaf: np.ndarray, keep: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Write the kept rows to their places."""
    out = np.empty((int(keep.sum()), *leaf.shape[1:]), leaf.dtype)
    out[places[keep]] = leaf[keep]
    return out
