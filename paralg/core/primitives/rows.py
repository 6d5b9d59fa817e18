"""Storage of a scan: one array or a tuple of arrays whose axis 0 is the sequence."""

from __future__ import annotations

import numpy as np

from paralg.core.primitives.operators import Operator

__all__ = ["Rows"]


class Rows:
    """A sequence of n elements, kept as leaves with n rows each.

    Parameters
    ----------
    leaves : list of ndarray, shape (n, ...)
        One array for each component of an element.
    single : bool
        Whether an element is a bare array rather than a tuple.
    """

    def __init__(self, leaves: list[np.ndarray], single: bool):
        self.leaves = leaves
        self.single = single
        self.n = len(leaves[0])

    @classmethod
    def of(cls, xs, op: Operator) -> Rows:
        """Copy the user's input and check that all leaves have the same number of rows.

        Raises
        ------
        ValueError
            A leaf is a scalar, the tuple is empty, or the leaves differ in length.
        TypeError
            ``op`` is not an `Operator`.
        """
        if not isinstance(op, Operator):
            raise TypeError(f"op must be an Operator such as ADD, got {op!r}")
        single = not isinstance(xs, tuple)
        leaves = [np.array(leaf) for leaf in ((xs,) if single else xs)]
        if not leaves:
            raise ValueError("xs must hold at least one array, got an empty tuple")
        for leaf in leaves:
            if leaf.ndim == 0:
                raise ValueError(f"xs must have an axis 0 to scan along, got the scalar {leaf}")
        lengths = [len(leaf) for leaf in leaves]
        if len(set(lengths)) > 1:
            raise ValueError(f"all arrays of xs must have the same length, got {lengths}")
        if op.numeric:
            leaves = [_as_number(leaf) for leaf in leaves]
        return cls(leaves, single)

    def take(self, index) -> list[np.ndarray]:
        """Return the rows at ``index`` of every leaf; views, when ``index`` is a slice."""
        return [leaf[index] for leaf in self.leaves]

    def get(self, index):
        """Return the elements at ``index`` in the form the operator works on."""
        return self.element(self.take(index))

    def put(self, index, value, op: Operator) -> None:
        """Store the operator's result, widening the type where it needs that.

        Raises
        ------
        ValueError
            The operator returned another structure or another shape of element.
        """
        parts = [value] if self.single else value
        if not isinstance(parts, (tuple, list)) or len(parts) != len(self.leaves):
            got = len(parts) if isinstance(parts, (tuple, list)) else type(parts).__name__
            raise ValueError(f"{op} must return {len(self.leaves)} arrays, got {got}")
        for k, part in enumerate(parts):
            self.leaves[k] = _store(self.leaves[k], index, part, op)

    def element(self, leaves: list):
        """Return leaves as a bare array or as a tuple, like the user's input."""
        return leaves[0] if self.single else tuple(leaves)

    def values(self):
        """Return the whole sequence in the form of the user's input."""
        return self.element(list(self.leaves))

    def head(self, n: int) -> Rows:
        """Return the first ``n`` elements."""
        return Rows([leaf[:n] for leaf in self.leaves], self.single)

    def prepend(self, first: Rows) -> Rows:
        """Return the sequence with ``first`` put before it."""
        pairs = zip(first.leaves, self.leaves, strict=True)
        return Rows([np.concatenate(pair) for pair in pairs], self.single)

    def seed(self, initial) -> Rows:
        """Return ``initial``, one element without axis 0, as a sequence of length one.

        Raises
        ------
        ValueError
            It has another structure, or a shape that does not broadcast to an element's.
        """
        parts = (initial,) if self.single else initial
        if not isinstance(parts, (tuple, list)) or len(parts) != len(self.leaves):
            raise ValueError(f"initial must be a tuple of {len(self.leaves)}, got {initial!r}")
        pairs = zip(parts, self.leaves, strict=True)
        return Rows([_one_row(np.asarray(part), leaf) for part, leaf in pairs], self.single)

    def identity(self, op: Operator) -> Rows:
        """Return the identity of ``op`` as a sequence of length one.

        Raises
        ------
        ValueError
            The operator has none, or one with another number of leaves.
        """
        if op.identity is None:
            raise ValueError(f"{op} has no identity; expected initial=..., got None")
        parts = op.identity if isinstance(op.identity, tuple) else (op.identity,)
        if len(parts) != len(self.leaves):
            raise ValueError(
                f"the identity of {op} must have {len(self.leaves)} leaves, got {len(parts)}"
            )
        pairs = zip(parts, self.leaves, strict=True)
        parts = [part(leaf) if callable(part) else part for part, leaf in pairs]
        pairs = zip(parts, self.leaves, strict=True)
        return Rows(
            [_one_row(np.asarray(part, dtype=leaf.dtype), leaf) for part, leaf in pairs],
            self.single,
        )

    def padded(self, n: int) -> Rows:
        """Return ``n`` rows that begin with this sequence; the others are never read."""
        leaves = [np.empty((n, *leaf.shape[1:]), leaf.dtype) for leaf in self.leaves]
        for new, old in zip(leaves, self.leaves, strict=True):
            new[: self.n] = old
            new[self.n :] = 0
        return Rows(leaves, self.single)

    def move(self, source, target) -> None:
        """Copy rows, without an application of the operator."""
        for leaf in self.leaves:
            leaf[target] = leaf[source]


def _as_number(leaf: np.ndarray) -> np.ndarray:
    """Return Booleans as integers, so that their sum counts."""
    return leaf.astype(np.int64) if leaf.dtype == bool else leaf


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
