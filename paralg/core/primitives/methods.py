"""The scan algorithms: each turns rows into their prefixes in place, a level at a time."""

from __future__ import annotations

from math import isqrt

from paralg.core.primitives.rows import Rows
from paralg.core.primitives.run import Run

__all__ = [
    "blelloch", "brent_kung", "chunked", "default_chunk", "down_sweep", "kogge_stone", "sequential",
    "up_sweep",
]  # fmt: skip


def sequential(run: Run, rows: Rows) -> None:
    """Extend the prefix by one element at a time: work and span n - 1."""
    for i in range(1, rows.n):
        run.level(rows, slice(i - 1, i), slice(i, i + 1))


def kogge_stone(run: Run, rows: Rows) -> None:
    """Double the length of every prefix in each round.

    Before round k, element i holds the product of the last ``min(i + 1, 2**k)`` elements.

    References
    ----------
    [kogge-1973-parallel]; [hillis-1986-data].
    """
    shift = 1
    while shift < rows.n:
        run.level(rows, slice(None, -shift), slice(shift, None))
        shift *= 2


def brent_kung(run: Run, rows: Rows) -> None:
    """Build block products upward, then complete the positions in between downward.

    References
    ----------
    [brent-1982-regular].
    """
    half = up_sweep(run, rows)
    while half >= 1:
        first = 3 * half - 1
        run.level(rows, slice(first - half, rows.n - half, 2 * half), slice(first, None, 2 * half))
        half //= 2


def up_sweep(run: Run, rows: Rows) -> int:
    """Leave at each position ``j * 2**k - 1`` the product of its aligned block of 2**k.

    Returns
    -------
    int
        Half of the smallest power of two that is greater than n: the size of the largest block.
    """
    half = 1
    while 2 * half <= rows.n:
        run.level(
            rows, slice(half - 1, rows.n - half, 2 * half), slice(2 * half - 1, None, 2 * half)
        )
        half *= 2
    return half


def blelloch(run: Run, rows: Rows, seed: Rows) -> Rows:
    """Return the *exclusive* prefixes: up-sweep, then hand prefixes down the tree.

    Lengths other than powers of two are padded by rows that are moved but never combined.

    Parameters
    ----------
    run : Run
        Counts.
    rows : Rows
        The elements; overwritten.
    seed : Rows
        One element, the prefix of the root.

    References
    ----------
    [blelloch-1990-prefix].
    """
    up_sweep(run, rows)
    n, width = rows.n, 1 << max(rows.n - 1, 0).bit_length()
    tree = rows.padded(width)
    tree.put(slice(width - 1, width), seed.values(), run.op)
    down_sweep(run, tree, n)
    return tree.head(n)


def down_sweep(run: Run, tree: Rows, n: int) -> None:
    """Give each left child its parent's prefix, each right child that prefix ⊕ its sibling."""
    half = tree.n // 2
    while half >= 1:
        left, right = slice(half - 1, None, 2 * half), slice(2 * half - 1, None, 2 * half)
        real = (n - 1 + half) // (2 * half)  # right children that hold elements of the input
        _hand_down(run, tree, left, right, real * 2 * half)
        half //= 2


def _hand_down(run: Run, tree: Rows, left: slice, right: slice, stop: int) -> None:
    """Do one level of the down-sweep; pairs from position ``stop`` on are padding."""
    src, dst = slice(left.start, stop, left.step), slice(right.start, stop, right.step)
    count = len(range(tree.n)[dst])
    joined = run.apply(tree.get(dst), tree.get(src), count) if count else None
    tree.move(right, left)
    if count:
        tree.put(dst, joined, run.op)
        run.record(range(tree.n)[src], range(tree.n)[dst])


def default_chunk(n: int) -> int:
    """Return ⌈√n⌉, which makes rounds within chunks and rounds across them equally many."""
    return max(1, isqrt(max(n - 1, 0)) + 1)


def chunked(run: Run, rows: Rows, chunk: int) -> None:
    """Scan all chunks side by side, then push a running prefix through them.

    The running prefix enters a whole chunk in one round; its last row is the next prefix.
    """
    for t in range(1, min(chunk, rows.n)):
        run.level(rows, slice(t - 1, rows.n - 1, chunk), slice(t, None, chunk))
    for start in range(chunk, rows.n, chunk):
        run.level(rows, slice(start - 1, start), slice(start, start + chunk))
