"""The scan algorithms: each turns elements into their prefixes in place, a level at a time.

References: [kogge-1973-parallel] and [hillis-1986-data], [brent-1982-regular],
[blelloch-1990-prefix].
"""

from math import isqrt

from paralg.core.primitives.elements import Elements
from paralg.core.primitives.machine import Machine

__all__ = [
    "blelloch", "brent_kung", "chunked", "default_chunk", "down_sweep", "kogge_stone", "sequential",
    "up_sweep",
]  # fmt: skip


def sequential(machine: Machine, xs: Elements) -> None:
    """Extend the prefix by one element at a time: work and span n - 1."""
    for i in range(1, xs.n):
        machine.level(xs, slice(i - 1, i), slice(i, i + 1))


def kogge_stone(machine: Machine, xs: Elements) -> None:
    """Double the length of every prefix in each round.

    Before round k, element i holds the product of the last ``min(i + 1, 2**k)`` elements.
    """
    shift = 1
    while shift < xs.n:
        machine.level(xs, slice(None, -shift), slice(shift, None))
        shift *= 2


def brent_kung(machine: Machine, xs: Elements) -> None:
    """Build block products upward, then complete the positions in between downward."""
    half = up_sweep(machine, xs)
    while half >= 1:
        first = 3 * half - 1
        machine.level(xs, slice(first - half, xs.n - half, 2 * half), slice(first, None, 2 * half))
        half //= 2


def up_sweep(machine: Machine, xs: Elements) -> int:
    """Leave at ``j * 2**k - 1`` the product of its aligned block of 2**k; return the largest."""
    half = 1
    while 2 * half <= xs.n:
        left, right = slice(half - 1, xs.n - half, 2 * half), slice(2 * half - 1, None, 2 * half)
        machine.level(xs, left, right)
        half *= 2
    return half


def blelloch(machine: Machine, xs: Elements, seed: Elements) -> Elements:
    """Return the *exclusive* prefixes: up-sweep, then hand prefixes down the tree from ``seed``.

    Lengths other than powers of two are padded by elements that are moved but never combined.
    """
    up_sweep(machine, xs)
    width = 1 << max(xs.n - 1, 0).bit_length()
    tree = xs.padded(width)
    tree.put(slice(width - 1, width), seed.values(), machine.op)
    down_sweep(machine, tree, xs.n)
    return tree.head(xs.n)


def down_sweep(machine: Machine, tree: Elements, n: int) -> None:
    """Give each left child its parent's prefix, each right child that prefix ⊕ its sibling."""
    half = tree.n // 2
    while half >= 1:
        left, right = slice(half - 1, None, 2 * half), slice(2 * half - 1, None, 2 * half)
        real = (n - 1 + half) // (2 * half)  # right children that hold elements of the input
        _hand_down(machine, tree, left, right, real * 2 * half)
        half //= 2


def _hand_down(machine: Machine, tree: Elements, left: slice, right: slice, stop: int) -> None:
    """Do one level of the down-sweep; pairs from position ``stop`` on are padding."""
    src, dst = slice(left.start, stop, left.step), slice(right.start, stop, right.step)
    count = len(range(tree.n)[dst])
    joined = machine.apply(tree.get(dst), tree.get(src), count) if count else None
    tree.move(right, left)
    if count:
        tree.put(dst, joined, machine.op)
        machine.record(range(tree.n)[src], range(tree.n)[dst])


def chunked(machine: Machine, xs: Elements, chunk: int) -> None:
    """Scan all chunks side by side, then push a running prefix through them.

    The running prefix enters a whole chunk in one round; its last element is the next prefix.
    """
    for t in range(1, min(chunk, xs.n)):
        machine.level(xs, slice(t - 1, xs.n - 1, chunk), slice(t, None, chunk))
    for start in range(chunk, xs.n, chunk):
        machine.level(xs, slice(start - 1, start), slice(start, start + chunk))


def default_chunk(n: int) -> int:
    """Return ⌈√n⌉, which makes rounds within chunks and rounds across them equally many."""
    return max(1, isqrt(max(n - 1, 0)) + 1)
