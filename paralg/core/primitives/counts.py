r"""Closed forms of the counts of every primitive, for every length.

Operands of all functions:

- ``n : int``, the length, at least 0;
- ``chunk : int``, elements in a chunk, at least 1; ⌈√n⌉ by default.

They return a `Cost` with work and span, and raise TypeError for what is no integer, ValueError for
a number out of its range or an unknown method. :math:`\nu(n)` is the number of ones in binary.
"""

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.primitives.methods import default_chunk

__all__ = [
    "blelloch_counts", "brent_kung_counts", "chunked_counts", "kogge_stone_counts", "reduce_counts",
    "scan_counts", "sequential_counts",
]  # fmt: skip


def sequential_counts(n: int) -> Cost:
    """Return work n - 1 and span n - 1."""
    n = checks.integer("n", n)
    return Cost(work=max(n - 1, 0), span=max(n - 1, 0))


def reduce_counts(n: int) -> Cost:
    """Return work n - 1 and span ⌈log₂ n⌉ of the tree reduction."""
    n = checks.integer("n", n)
    return Cost(work=max(n - 1, 0), span=_ceil_log2(n))


def kogge_stone_counts(n: int) -> Cost:
    r"""Return the counts of the Kogge–Stone scan.

    With :math:`K = \lceil \log_2 n \rceil` rounds, round k combining :math:`n - 2^k` pairs,

    .. math:: W = \sum_{k=0}^{K-1} (n - 2^k) = nK - (2^K - 1), \qquad S = K.

    >>> kogge_stone_counts(8)
    Cost(work=17, span=3)
    """
    n = checks.integer("n", n)
    rounds = _ceil_log2(n)
    return Cost(work=n * rounds - (2**rounds - 1), span=rounds)


def brent_kung_counts(n: int) -> Cost:
    r"""Return the counts of the Brent–Kung scan.

    The up-sweep makes :math:`\sum_{d \ge 1} \lfloor n/2^d \rfloor = n - \nu(n)` combines, the
    down-sweep one for each position that is no power of two (counted from 1), so

    .. math:: W = 2n - \nu(n) - \lfloor \log_2 n \rfloor - 1, \qquad
              S = \lfloor \log_2 n \rfloor + \lfloor \log_2 (n/3) \rfloor + 1 \quad (n \ge 3).

    For powers of two this is :math:`2n - 2 - \log_2 n` and :math:`2 \log_2 n - 1`.
    The span is that of rounds with a barrier after each; without barriers the longest chain is
    one shorter (n = 2^k >= 4), because the first round down need not wait for the last one up.

    >>> brent_kung_counts(8)
    Cost(work=11, span=5)
    """
    n = checks.integer("n", n)
    if n == 0:
        return Cost()
    up = _floor_log2(n)
    down = _floor_log2(n // 3) + 1 if n >= 3 else 0
    return Cost(work=2 * n - n.bit_count() - up - 1, span=up + down)


def blelloch_counts(n: int, inclusive: bool = False) -> Cost:
    r"""Return the counts of the Blelloch scan, exclusive unless asked otherwise.

    The down-sweep combines once for each element but the first, at the level of the lowest set
    bit of its position:

    .. math:: W = 2n - 1 - \nu(n), \qquad S = \lfloor \log_2 n \rfloor + \lceil \log_2 n \rceil.

    For powers of two this is :math:`2(n - 1)` and :math:`2 \log_2 n`.
    Inclusive prefixes take one more round of n combines.

    >>> blelloch_counts(8)
    Cost(work=14, span=6)
    """
    n = checks.integer("n", n)
    if n == 0:
        return Cost()
    tree = Cost(work=2 * n - 1 - n.bit_count(), span=_floor_log2(n) + _ceil_log2(n))
    return tree + Cost(work=n, span=1) if inclusive else tree


def chunked_counts(n: int, chunk: int | None = None) -> Cost:
    r"""Return the counts of the chunked scan with a running prefix.

    With chunks of c elements, :math:`m = \lceil n/c \rceil` of them, the first of
    :math:`c_0 = \min(c, n)`,

    .. math:: W = 2n - m - c_0, \qquad S = (c_0 - 1) + (m - 1).

    >>> chunked_counts(8, chunk=4)
    Cost(work=10, span=4)
    """
    n = checks.integer("n", n)
    if n == 0:
        return Cost()
    chunk = default_chunk(n) if chunk is None else checks.integer("chunk", chunk, 1)
    chunks, first = -(-n // chunk), min(chunk, n)
    return Cost(work=2 * n - chunks - first, span=first - 1 + chunks - 1)


def scan_counts(
    method: str, n: int, *, inclusive: bool = True, initial: bool = False, chunk: int | None = None
) -> Cost:
    """Return the cost of `scan` with the same arguments; ``initial`` says whether there is one.

    An exclusive scan without ``initial`` scans n - 1 elements and puts the identity before them;
    with ``initial`` it scans n, the first of them ``initial``.
    An inclusive scan with ``initial`` makes one combine more.
    The Blelloch scan is seeded at the root for free.

    >>> scan_counts("kogge-stone", 8, inclusive=False)
    Cost(work=14, span=3)
    """
    n = checks.integer("n", n)
    if checks.one_of("method", method, (*_INCLUSIVE, "blelloch")) == "blelloch":
        return blelloch_counts(n, inclusive)
    if n == 0:
        return Cost()
    scanned = n if inclusive or initial else n - 1
    first = Cost(work=1, span=1) if inclusive and initial else Cost()
    if method == "chunked":
        return first + chunked_counts(scanned, default_chunk(n) if chunk is None else chunk)
    return first + _INCLUSIVE[method](scanned)


_INCLUSIVE = {
    "sequential": sequential_counts,
    "kogge-stone": kogge_stone_counts,
    "brent-kung": brent_kung_counts,
    "chunked": chunked_counts,
}


def _floor_log2(n: int) -> int:
    return n.bit_length() - 1


def _ceil_log2(n: int) -> int:
    return max(n - 1, 0).bit_length()
