"""Prefix products of any associative operator, sequential or parallel, with their counts."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.primitives import methods
from paralg.core.primitives.elements import Elements
from paralg.core.primitives.machine import Level, Machine
from paralg.core.primitives.operators import Operator, segmented

__all__ = ["METHODS", "ScanResult", "scan", "segmented_scan"]

METHODS = ("sequential", "kogge-stone", "brent-kung", "blelloch", "chunked")


@dataclass(frozen=True, eq=False)
class ScanResult:
    """Prefixes and what they cost.

    Parameters
    ----------
    values : ndarray or tuple of ndarray, shape (n, ...)
        The prefixes, in the form of the input.
    cost : Cost
        Applications of the operator (work) and rounds of them (span), counted in the run.
    levels : list of list of (int, int), or None
        With ``trace=True``, for each round the pairs (src, dst) that were combined, without those
        with ``initial``; positions count in the sequence that was scanned (an exclusive scan other
        than Blelloch's scans the input shifted by one).
    """

    values: np.ndarray | tuple[np.ndarray, ...]
    cost: Cost
    levels: list[Level] | None = None


def scan(
    op: Operator, xs, *, method: str = "sequential", inclusive: bool = True,
    chunk: int | None = None, initial=None, trace: bool = False,
) -> ScanResult:  # fmt: skip
    r"""Return all prefixes of a sequence under an associative operator.

    .. math:: y_i = x_0 \oplus x_1 \oplus \dots \oplus x_i

    Source: [kogge-1973-parallel], [brent-1982-regular], [blelloch-1990-prefix].

    Parameters
    ----------
    op : Operator
        Associative; need not commute.
    xs : array_like, shape (n, ...), or tuple of them
        The sequence along axis 0, n >= 0; a tuple's arrays are the components of an element.
        The operator computes in their type: integers wrap as in NumPy, ``dtype=object`` is exact.
    method : {"sequential", "kogge-stone", "brent-kung", "blelloch", "chunked"}
        The algorithm. All return the same values up to the rounding of a regrouped product.
    inclusive : bool
        Whether :math:`x_i` is part of :math:`y_i`; otherwise :math:`y_0` is the identity.
    chunk : int, optional
        Elements in a chunk, for ``"chunked"`` only; ⌈√n⌉ by default.
    initial : element, optional
        Put before :math:`x_0`: shape (...) without axis 0, or a tuple of such.
    trace : bool
        Whether to record the rounds for drawing.

    Raises
    ------
    ValueError
        Unknown method; arrays of different lengths; ``chunk < 1`` or for another method; an
        exclusive or Blelloch scan of an operator without identity and without ``initial``;
        an operator that changes the shape of its elements.

    Cost
    ----
    One call of ``op.combine`` for each level, on slices; `scan_counts` has every length.

    ======================= ============================ ==============================
    method                  work                         span
    ======================= ============================ ==============================
    sequential              n - 1                        n - 1
    kogge-stone             n⌈log₂ n⌉ - (2^⌈log₂ n⌉ - 1) ⌈log₂ n⌉
    brent-kung (n = 2^k)    2n - 2 - log₂ n              2 log₂ n - 1
    blelloch (n = 2^k)      2n - 2, exclusive            2 log₂ n
    chunked (c divides n)   2n - n/c - c                 c + n/c - 2
    ======================= ============================ ==============================

    Examples
    --------
    >>> from paralg.core.primitives import ADD, AFFINE
    >>> result = scan(ADD, [3, 1, 4, 1, 5], method="kogge-stone")
    >>> result.values, result.cost
    (array([ 3,  4,  8,  9, 14]), Cost(work=8, span=3))
    >>> scan(ADD, [3, 1, 4, 1, 5], method="blelloch", inclusive=False).values
    array([0, 3, 4, 8, 9])

    The recurrence ``h = a h + b`` from ``h = 1``, all of its values at once:

    >>> a, b = np.array([2.0, 0.5, 3.0]), np.array([1.0, 1.0, 1.0])
    >>> scan(AFFINE, (a, b), method="brent-kung", initial=(1.0, 1.0)).values[1]
    array([3. , 2.5, 8.5])
    """
    _check_method(method, chunk)
    xs, machine = Elements.of(xs, op), Machine(op, trace)
    if xs.n:
        chunk = methods.default_chunk(xs.n) if chunk is None else chunk
        if method == "blelloch":
            xs = _blelloch(machine, xs, inclusive, initial)
        else:
            xs = _scan(machine, xs, method, chunk, inclusive, initial)
    return ScanResult(xs.values(), machine.cost, machine.levels)


def segmented_scan(
    op: Operator, xs, flags, *, method: str = "sequential", inclusive: bool = True,
    chunk: int | None = None, trace: bool = False,
) -> ScanResult:  # fmt: skip
    """Scan each segment on its own, by one scan of the lifted operator [blelloch-1990-prefix].

    Parameters
    ----------
    flags : array_like of bool, shape (n,)
        True where a segment begins; position 0 always begins one. ValueError for another shape.
    op, xs, method, inclusive, chunk, trace
        As for `scan`, whose cost it has; an exclusive scan begins every segment with the identity.

    Examples
    --------
    >>> from paralg.core.primitives import ADD
    >>> segmented_scan(ADD, [1, 2, 3, 4, 5], [1, 0, 1, 0, 0], method="kogge-stone").values
    array([ 1,  3,  3,  7, 12])
    """
    xs = Elements.of(xs, op)
    flags = checks.mask("flags", flags, (xs.n,))
    lifted = scan(segmented(op), (flags, *xs.leaves), method=method, inclusive=inclusive,
                  chunk=chunk, trace=trace)  # fmt: skip
    xs = xs.like(lifted.values[1:])
    if not inclusive and xs.n:
        first = xs.identity(op)
        xs.put(flags, first.get(np.zeros(flags.sum(), dtype=int)), op)
    return ScanResult(xs.values(), lifted.cost, lifted.levels)


def _check_method(method: str, chunk: int | None) -> None:
    checks.one_of("method", method, METHODS)
    if chunk is not None and method != "chunked":
        raise ValueError(f"chunk is for method 'chunked', got chunk={chunk} for {method!r}")
    if chunk is not None:
        checks.integer("chunk", chunk, 1)


def _scan(machine: Machine, xs: Elements, method: str, chunk: int, inclusive, initial) -> Elements:
    """Scan in place; an exclusive scan is one of the sequence shifted by one."""
    before = None
    if inclusive and initial is not None:
        machine.begin(xs, initial)
    elif not inclusive:
        before = xs.identity(machine.op) if initial is None else xs.seed(initial)
        xs = xs.head(xs.n - 1)
        if initial is not None:
            xs, before = xs.prepend(before), None
    algorithm = getattr(methods, method.replace("-", "_"))
    algorithm(machine, xs, *[chunk] * (method == "chunked"))
    return xs if before is None else xs.prepend(before)


def _blelloch(machine: Machine, xs: Elements, inclusive: bool, initial) -> Elements:
    """Scan by the two sweeps; inclusive prefixes take one more round."""
    seed = xs.identity(machine.op) if initial is None else xs.seed(initial)
    original = [leaf.copy() for leaf in xs.leaves] if inclusive else []
    before = methods.blelloch(machine, xs, seed)
    if inclusive:
        joined = machine.apply(before.values(), xs.form(original), xs.n)
        before.put(slice(None), joined, machine.op)
        machine.record(range(xs.n), range(xs.n))
    return before
