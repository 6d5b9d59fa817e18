"""Associative operators, ready ones and the lift that makes any of them segmented."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks

__all__ = ["ADD", "AFFINE", "MAX", "MIN", "MUL", "Operator", "leaves_of", "segmented"]


@dataclass(frozen=True, eq=False)
class Operator:
    r"""An associative operator :math:`\oplus` that works on many pairs at once.

    Parameters
    ----------
    combine : callable
        ``combine(left, right)``: both are arrays, or tuples of arrays, whose axis 0 counts the
        pairs; ``left`` comes first in the sequence. Returns the same structure, and leaves its
        arguments as they are. It must be associative; it need not be commutative.
    identity : scalar, array, tuple of them, callable, or None
        The element that changes nothing. A callable gets one leaf of the input and returns the
        identity of its type. None: there is no identity (a semigroup); then an exclusive scan
        needs ``initial``.
    name : str
        Shown in error messages and figures.
    numeric : bool
        Booleans are counted as 0 and 1.

    Examples
    --------
    >>> ADD.combine(np.array([1, 2]), np.array([10, 20]))
    array([11, 22])
    """

    combine: Callable
    identity: object = None
    name: str = "operator"
    numeric: bool = False

    def __call__(self, left, right):
        return self.combine(left, right)

    def __repr__(self) -> str:
        return f"Operator({self.name})"


def _limit(name: str, infinity: float, end: str):
    """Return the identity of ``max`` or ``min``: an end of the leaf's type."""
    def of(leaf: np.ndarray):
        if leaf.dtype.kind not in "fiu":
            raise TypeError(f"{name} has an identity for integers and floats, got {leaf.dtype}")
        return infinity if leaf.dtype.kind == "f" else getattr(np.iinfo(leaf.dtype), end)

    return of


def _affine(first, then):
    """Compose h -> a h + b with h -> c h + d that comes after it."""
    a, b = first
    c, d = then
    return c * a, c * b + d


ADD = Operator(np.add, 0, "add", numeric=True)
"""Sum."""
MUL = Operator(np.multiply, 1, "mul", numeric=True)
"""Product."""
MAX = Operator(np.maximum, _limit("max", -np.inf, "min"), "max")
"""Larger one."""
MIN = Operator(np.minimum, _limit("min", np.inf, "max"), "min")
"""Smaller one."""
AFFINE = Operator(_affine, (1, 0), "affine")
"""Composition of maps ``h -> a h + b`` written ``(a, b)``: the operator of linear recurrences."""


def segmented(op: Operator) -> Operator:
    r"""Lift ``op`` to pairs (flag, value) so that a set flag starts afresh.

    .. math:: (f, x) \oplus' (g, y) = (f \lor g,\; y \text{ if } g \text{ else } x \oplus y)

    The lifted operator is associative whenever ``op`` is.

    It works on ``(flags, *leaves)``; its identity is a clear flag with the identity of ``op``.
    Source: [blelloch-1990-prefix], section on segmented scans.
    """
    checks.instance("op", op, Operator)

    def combine(first, then):
        flags, starts = first[0], then[0]
        joined = leaves_of(op.combine(_element(first[1:]), _element(then[1:])))
        kept = [_where(starts, new, old) for new, old in zip(then[1:], joined, strict=True)]
        return flags | starts, *kept

    identity = None if op.identity is None else (False, *leaves_of(op.identity))
    return Operator(combine, identity, f"segmented {op.name}")


def leaves_of(element) -> tuple:
    """Return the element as a tuple of leaves."""
    return element if isinstance(element, tuple) else (element,)


def _element(leaves: tuple):
    """Return a single leaf bare, several as a tuple: the form the operator works on."""
    return leaves[0] if len(leaves) == 1 else leaves


def _where(flags: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """Choose whole rows: ``new`` where the flag is set."""
    return np.where(flags.reshape(flags.shape + (1,) * (new.ndim - 1)), new, old)
