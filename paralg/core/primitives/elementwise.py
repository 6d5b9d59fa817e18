"""Map, reduce and pack, with their counts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.primitives.elements import Elements
from paralg.core.primitives.machine import Level, Machine
from paralg.core.primitives.operators import ADD, Operator
from paralg.core.primitives.scans import scan

__all__ = ["MapResult", "PackResult", "ReduceResult", "pack", "pmap", "reduce"]


@dataclass(frozen=True, eq=False)
class MapResult:
    """Values of a map and their cost."""

    values: object
    cost: Cost


@dataclass(frozen=True, eq=False)
class ReduceResult(MapResult):
    """Value of a reduction (without axis 0), its cost, and its rounds when traced."""

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
        Vectorised along axis 0: takes the arrays, returns an array or a tuple of arrays of the same
        length, else ValueError.
    *xs : array_like, shape (n, ...)
        One or more sequences of the same length, else ValueError.

    Returns
    -------
    MapResult
        ``fn(*xs)``, n rows again; work n, span 1 (0 for an empty sequence).

    Examples
    --------
    >>> pmap(lambda x: x * x, [1, 2, 3])
    MapResult(values=array([1, 4, 9]), cost=Cost(work=3, span=1))
    """
    checks.instance("fn", fn, Callable)
    xs = Elements.of(xs, Operator(fn))
    values = fn(*xs.leaves)
    for leaf in values if isinstance(values, tuple) else (values,):
        if np.shape(leaf)[:1] != (xs.n,):
            raise ValueError(f"fn must return {xs.n} rows, got the shape {np.shape(leaf)}")
    return MapResult(values, Cost(work=xs.n, span=min(xs.n, 1)))


def reduce(op: Operator, xs, *, initial=None, trace: bool = False) -> ReduceResult:
    r"""Return :math:`x_0 \oplus \dots \oplus x_{n-1}` by a tree over neighbours.

    Parameters
    ----------
    op, xs, initial, trace
        As for `scan`.

    Returns
    -------
    ReduceResult
        One element, without axis 0; of an empty sequence ``initial`` or the identity, and
        ValueError where there is neither.

    Cost
    ----
    Work n - 1, span ⌈log₂ n⌉, see `reduce_counts`; one more of both with ``initial`` (n >= 1).

    Examples
    --------
    >>> reduce(ADD, [3, 1, 4, 1, 5])
    ReduceResult(values=np.int64(14), cost=Cost(work=4, span=3), levels=None)
    """
    xs, machine = Elements.of(xs, op), Machine(op, trace)
    if xs.n == 0:
        empty = xs.identity(op) if initial is None else xs.seed(initial)
        return ReduceResult(empty.get(0), machine.cost, machine.levels)
    half = 1
    while half < xs.n:  # the product of a block gathers at its first position
        left, right = slice(0, xs.n - half, 2 * half), slice(half, None, 2 * half)
        machine.level(xs, left, right, into=left)
        half *= 2
    if initial is not None:
        machine.begin(xs, initial)
    return ReduceResult(xs.get(0), machine.cost, machine.levels)


def pack(xs, keep, *, method: str = "brent-kung") -> PackResult:
    """Keep the flagged elements, in order: an exclusive sum of the flags tells where each goes.

    Source: [blelloch-1990-prefix].

    Parameters
    ----------
    xs, method
        As for `scan`.
    keep : array_like of bool, shape (n,)
        Which elements stay; ValueError for another shape.

    Returns
    -------
    PackResult
        ``values`` of shape (k, ...), ``destinations`` of shape (n,).

    Cost
    ----
    The exclusive scan of n flags, and one round of n moves.

    Examples
    --------
    >>> packed = pack([10, 11, 12, 13], [True, False, True, True])
    >>> packed.values, packed.destinations
    (array([10, 12, 13]), array([ 0, -1,  1,  2]))
    """
    xs = Elements.of(xs, Operator(pack))
    keep = checks.mask("keep", keep, (xs.n,))
    sums = scan(ADD, keep, method=method, inclusive=False)
    packed = [_scatter(leaf, keep, sums.values) for leaf in xs.leaves]
    cost = sums.cost + Cost(work=xs.n, span=min(xs.n, 1))
    return PackResult(xs.form(packed), np.where(keep, sums.values, -1), cost)


def _scatter(leaf: np.ndarray, keep: np.ndarray, destinations: np.ndarray) -> np.ndarray:
    """Write the kept rows to their destinations."""
    out = np.empty((int(keep.sum()), *leaf.shape[1:]), leaf.dtype)
    out[destinations[keep]] = leaf[keep]
    return out
