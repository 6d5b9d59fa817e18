"""Storage of a scan: one array or a tuple of arrays whose axis 0 is the sequence."""

import numpy as np

from paralg.core import checks
from paralg.core.primitives.operators import Operator, leaves_of

__all__ = ["Elements"]


class Elements:
    """A sequence of n elements: a list of leaves, (n, ...), one for each component of an element.

    A ``single`` one has bare arrays as elements, and no tuples.
    """

    def __init__(self, leaves: list[np.ndarray], single: bool):
        self.leaves = leaves
        self.single = single
        self.n = len(leaves[0])

    @classmethod
    def of(cls, xs, op: Operator) -> "Elements":
        """Copy the user's input and check that all leaves have the same number of rows."""
        checks.instance("op", op, Operator)
        leaves = [np.array(checks.array("xs", leaf, "bifcOMm")) for leaf in leaves_of(xs)]
        if not leaves:
            raise ValueError("xs must hold at least one array, got an empty tuple")
        for leaf in leaves:
            if leaf.ndim == 0:
                raise ValueError(f"xs must have an axis 0 to scan along, got the scalar {leaf}")
        lengths = [len(leaf) for leaf in leaves]
        if len(set(lengths)) > 1:
            raise ValueError(f"all arrays of xs must have the same length, got {lengths}")
        if op.numeric:  # Booleans become integers, so that their sum counts
            leaves = [leaf.astype(int) if leaf.dtype == bool else leaf for leaf in leaves]
        return cls(leaves, not isinstance(xs, tuple))

    def like(self, leaves) -> "Elements":
        """Return other leaves as elements of the same form."""
        return Elements(list(leaves), self.single)

    def form(self, leaves):
        """Return leaves as a bare array or as a tuple, like the user's input."""
        return leaves[0] if self.single else tuple(leaves)

    def values(self):
        """Return the whole sequence in the form of the user's input."""
        return self.form(self.leaves)

    def get(self, index):
        """Return the elements at ``index`` in the form the operator works on."""
        return self.form([leaf[index] for leaf in self.leaves])

    def put(self, index, value, op: Operator) -> None:
        """Store the operator's result, widening the type where it needs that."""
        parts = self._parts(value)
        if parts is None:
            got = len(value) if isinstance(value, (tuple, list)) else type(value).__name__
            raise ValueError(f"{op} must return {len(self.leaves)} arrays, got {got}")
        for k, part in enumerate(parts):
            self.leaves[k] = _store(self.leaves[k], index, part, op)

    def head(self, n: int) -> "Elements":
        """Return the first ``n`` elements."""
        return self.like(leaf[:n] for leaf in self.leaves)

    def prepend(self, first: "Elements") -> "Elements":
        """Return the sequence with ``first`` put before it."""
        return self.like(map(np.concatenate, zip(first.leaves, self.leaves, strict=True)))

    def seed(self, initial) -> "Elements":
        """Return ``initial``, one element without axis 0, as a sequence of length one."""
        parts = self._parts(initial)
        if parts is None:
            raise ValueError(f"initial must be a tuple of {len(self.leaves)}, got {initial!r}")
        return self.like(map(_one_row, map(np.asarray, parts), self.leaves))

    def identity(self, op: Operator) -> "Elements":
        """Return the identity of ``op`` as a sequence of length one."""
        if op.identity is None:
            raise ValueError(f"{op} has no identity; expected initial=..., got None")
        parts, count = leaves_of(op.identity), len(self.leaves)
        if len(parts) != count:
            raise ValueError(f"the identity of {op} must have {count} leaves, got {len(parts)}")
        pairs = zip(parts, self.leaves, strict=True)
        parts = [part(leaf) if callable(part) else part for part, leaf in pairs]
        pairs = zip(parts, self.leaves, strict=True)
        return self.like(_one_row(np.asarray(part, leaf.dtype), leaf) for part, leaf in pairs)

    def padded(self, n: int) -> "Elements":
        """Return ``n`` elements that begin with this sequence; the others are never read."""
        longer = self.like(np.zeros((n, *leaf.shape[1:]), leaf.dtype) for leaf in self.leaves)
        for new, old in zip(longer.leaves, self.leaves, strict=True):
            new[: self.n] = old
        return longer

    def move(self, source, target) -> None:
        """Copy elements, without an application of the operator."""
        for leaf in self.leaves:
            leaf[target] = leaf[source]

    def _parts(self, value) -> list | tuple | None:
        """Return the leaves of a value, or None where it has another structure than an element."""
        parts = [value] if self.single else value
        fits = isinstance(parts, (tuple, list)) and len(parts) == len(self.leaves)
        return parts if fits else None


def _store(leaf: np.ndarray, index, part, op: Operator) -> np.ndarray:
    """Return the leaf with ``part`` stored in it; a new array when the type must widen."""
    part, expected = np.asarray(part), leaf[index].shape
    if part.shape != expected:
        raise ValueError(f"{op} must keep the shape {expected}, got {part.shape}")
    if part.dtype != leaf.dtype:
        leaf = leaf.astype(np.result_type(leaf.dtype, part.dtype), copy=False)
    leaf[index] = part
    return leaf


def _one_row(part: np.ndarray, leaf: np.ndarray) -> np.ndarray:
    """Broadcast one element to shape (1, ...) of the leaf, in a type that holds both."""
    if part.ndim >= leaf.ndim:
        raise ValueError(f"initial must have the shape {leaf.shape[1:]}, got {part.shape}")
    dtype = np.result_type(part.dtype, leaf.dtype) if part.dtype != leaf.dtype else leaf.dtype
    return np.broadcast_to(part.astype(dtype), (1, *leaf.shape[1:])).copy()
