"""Baselines whose attention sees values, and more programs: blocks, sorting, routing."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from paralg.core import checks
from paralg.rounds.positional_attention.layer import (
    PositionalAttention,
    PositionalTransformer,
    Shape,
)  # fmt: skip
from paralg.rounds.positional_attention.programs import (
    Round,
    RoundProgram,
    maximum,
    minimum,
    prefix_minima,
    relu,
    run_rounds,
    strides,
)  # fmt: skip

__all__ = [
    "RotaryTransformer", "StandardTransformer", "benes", "benes_settings", "bitonic_sort",
    "comparators", "max_subarray", "max_subarray_shallow", "min_of_sums", "routed", "run_rounds",
]  # fmt: skip


class StandardAttention(PositionalAttention):
    """Heads whose queries and keys are made from the states, with d numbers a head."""

    @staticmethod
    def query_size(shape: Shape) -> int:
        return shape.width

    def source(self, x: Tensor, positions: Tensor) -> Tensor:
        return x


class StandardTransformer(PositionalTransformer):
    """The paper's baseline: the same layers, with attention from states and P in the input.

    A query has d numbers, not d / heads, as in the authors' code.
    """

    attention = StandardAttention

    @staticmethod
    def encoded(shape: Shape) -> int:
        return shape.inputs + shape.nodes + 1

    def begin(self, values: Tensor, positions: Tensor) -> Tensor:
        values = super().begin(values, positions)
        return torch.cat([values, positions.expand(*values.shape[:-1], -1)], dim=-1)


class RotaryAttention(StandardAttention):
    """Standard attention whose queries and keys are turned by angles that grow with the node."""

    BASE = 10_000.0

    def mixing(self, x: Tensor, positions: Tensor) -> Tensor:
        made = self.query_key(x).unflatten(-1, (2, self.heads, self.size)).movedim(-2, -4)
        half = self.size // 2
        nodes = torch.arange(x.shape[-2])[:, None, None]
        angles = nodes * self.BASE ** (-torch.arange(half) / half)
        sin, cos = angles.sin().to(made), angles.cos().to(made)
        first, second, rest = made.split((half, half, self.size - 2 * half), dim=-1)
        turned = [first * cos - second * sin, first * sin + second * cos, rest]
        query, key = torch.cat(turned, dim=-1).unbind(-2)
        return (query @ key.mT / self.size**0.5).softmax(dim=-1)


class RotaryTransformer(StandardTransformer):
    """The standard baseline with rotary positions in its queries and keys, P still in the input."""

    attention = RotaryAttention


def _blocks(left: Sequence, own: Sequence) -> list:
    """Combine (total, prefix, suffix, best) of two neighbouring blocks."""
    best = maximum(maximum(left[3], own[3]), left[2] + own[1])
    return [left[0] + own[0], maximum(left[1], left[0] + own[1]),
            maximum(own[2], own[0] + left[2]), best]  # fmt: skip


def max_subarray(n: int) -> RoundProgram:
    """Return the scan of n nodes for largest sums of non-empty blocks of the prefixes 1..i.

    Three heads: the left block if there is one, the own block if there is a left one, the own block
    if there is none. (0, 0, 0, 0) is no identity, but combining nothing with nothing gives 0.

    >>> run_rounds(max_subarray(4), [[-1], [2], [-1], [3]]).outputs[:, 0].tolist()
    [-1.0, 2.0, 2.0, 4.0]
    """
    n = checks.integer("n", n, 1)

    def local(own, left, active, idle):
        return [a + b for a, b in zip(_blocks(left, active), idle, strict=True)]

    me, rounds = np.arange(n), []
    for stride in strides(n):
        joins = me >= stride
        table = [np.where(joins, me - stride, n), np.where(joins, me, n), np.where(joins, n, me)]
        rounds.append(Round(np.stack(table), local))
    return RoundProgram(n, tuple(rounds), 2, np.ones((4, 1)), np.eye(4)[3:])


def comparators(n: int) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Return partner of each node, and whether it keeps the smaller key, of a bitonic sorter."""
    n = checks.integer("n", n, 2)
    if n & (n - 1):
        raise ValueError(f"n must be a power of two, got {n}")
    me, found = np.arange(n), []
    for block in (2 << b for b in range(n.bit_length() - 1)):
        for stride in (block >> b for b in range(1, block.bit_length())):
            found.append((me ^ stride, (me & stride == 0) == (me & block == 0)))
    return found


def _gated(partner: NDArray, low: NDArray) -> NDArray[np.int64]:
    """Return four heads: partner and own of nodes that keep the smaller key, then of the others."""
    me, n = np.arange(len(low)), len(low)
    return np.stack([np.where(who, what, n) for who in (low, ~low) for what in (partner, me)])


def bitonic_sort(n: int) -> RoundProgram:
    """Return Batcher's bitonic sorter of a power of two: log n (log n + 1) / 2 rounds.

    >>> run_rounds(bitonic_sort(4), [[3], [1], [4], [1]]).outputs[:, 0].tolist()
    [1.0, 1.0, 3.0, 4.0]
    """
    def local(own, low, own_low, high, own_high):
        return [minimum(low[0], own_low[0]) + maximum(high[0], own_high[0])]

    rounds = tuple(Round(_gated(*one), local) for one in comparators(n))
    return RoundProgram(n, rounds, 1, np.eye(1), np.eye(1))


def _chosen(difference, swap, bound: float):
    """Return the difference if swap is 1, and 0 if it is 0; it is at most 2 · bound."""
    closed = 2 * bound * (1 - swap)
    return relu(difference - closed) - relu(-difference - closed)


def routed(n: int, hops: int = 1, bound: float = 1.0) -> RoundProgram:
    """Return messages that find their way: the destination of every hop is part of the input.

    Inputs are the destinations of all hops, each counted from 1, and a value of at most ``bound``
    in size. A hop, a round of the machine that is simulated, sorts n = 2^b messages by the next
    destination, which must be a permutation of 1..n, and moves it to the end.

    >>> run_rounds(routed(2, bound=9), [[2, 7.5], [1, -3]]).outputs[:, 0].tolist()
    [-3.0, 7.5]
    """
    hops, bound = checks.integer("hops", hops, 1), checks.number("bound", bound, above=0)
    tables = [_gated(*one) for one in comparators(n)]
    bound = max(bound, n)
    order = [*range(1, hops), 0, hops]

    def step(own, low, own_low, high, own_high):
        down, up = own_low[0] - low[0], high[0] - own_high[0]
        key = minimum(low[0], own_low[0]) + maximum(high[0], own_high[0])
        moved = [key]
        for f in range(1, hops + 1):
            first = _chosen(low[f] - own_low[f], relu(down) - relu(down - 1), bound)
            second = _chosen(high[f] - own_high[f], relu(up) - relu(up - 1), bound)
            moved.append(own[f] + first + second)
        return moved

    def last(*states):
        moved = step(*states)
        return [moved[f] for f in order]

    one_hop = [*(Round(table, step) for table in tables[:-1]), Round(tables[-1], last)]
    return RoundProgram(n, tuple(one_hop * hops), 2, np.eye(hops + 1), np.eye(hops + 1)[-1:])


def max_subarray_shallow(n: int) -> RoundProgram:
    """Return `max_subarray` of n nodes with one hidden layer, for two network layers a round.

    >>> run_rounds(max_subarray_shallow(4), [[-1], [2], [-1], [3]]).outputs[:, 0].tolist()
    [-1.0, 2.0, 2.0, 4.0]
    """
    deep = max_subarray(n)

    def halves(own, left, active, idle):
        joined = [left[0] + active[0], maximum(left[1], left[0] + active[1]),
                  maximum(active[2], active[0] + left[2]), maximum(left[3], active[3])]  # fmt: skip
        return [*(a + b for a, b in zip(joined, idle, strict=False)), left[2] + active[1] + idle[3]]

    def whole(own, *heard):
        return [*own[:3], maximum(own[3], own[4]), 0.0 * own[4]]

    second = Round(np.full((3, n), n), whole)
    rounds = [two for one in deep.rounds for two in (Round(one.sources, halves), second)]
    begin, end = np.array([[1.0], [1], [1], [1], [0]]), np.eye(5)[3:4]
    return RoundProgram(n, tuple(rounds), 1, begin, end)


def min_of_sums(n: int) -> RoundProgram:
    """Return prefix minima of the element-wise sum of two halves; nodes n/2 and on are not used.

    >>> run_rounds(min_of_sums(4), [[5], [1], [2], [3]]).outputs[:2, 0].tolist()
    [7.0, 4.0]
    """
    if checks.integer("n", n, 2) % 2:
        raise ValueError(f"n must be even, got {n}")
    half, me = n // 2, np.arange(n)
    other = np.where(me < half, me + half, n)[None]
    first = Round(other, lambda own, heard: [own[0] + heard[0]])
    table = [np.concatenate([one.sources, [np.arange(half, n)]], axis=1)
             for one in prefix_minima(half).rounds]  # fmt: skip
    rest = [Round(row, lambda own, heard: [minimum(heard[0], own[0])]) for row in table]
    return RoundProgram(n, (first, *rest), 1, np.eye(1), np.eye(1))


def benes_settings(destinations: ArrayLike) -> NDArray[np.int64]:
    """Return how a Beneš network is set for a permutation: 1 where a node swaps with its partner.

    Found by the looping algorithm, which looks at the whole permutation: ``destinations``, shape
    (n,), of 0 to n - 1 with n a power of two. The settings have the shape (2 log n - 1, n).

    >>> benes_settings([1, 0]).tolist()
    [[1, 1]]
    """
    to = checks.array("destinations", destinations, "i", least=0)
    checks.sizes(destinations=(to, "n"))
    n = len(to)
    if n < 2 or n & (n - 1) or sorted(to.tolist()) != list(range(n)):
        raise ValueError(f"destinations must be a permutation of a power of two, got {to.tolist()}")
    return _settings(to.tolist())


def _settings(to: list[int]) -> NDArray[np.int64]:
    n, half = len(to), len(to) // 2
    if n == 2:
        return np.full((1, 2), to[0])
    came, side = np.argsort(to), [None] * n
    for start in range(n):
        i = start
        while side[i] is None:
            side[i], side[i ^ half] = 0, 1  # the partner goes through the other half
            i = int(came[to[i ^ half] ^ half])  # and so must what ends beside it
    crossing = [side[i] ^ (i >= half) for i in range(n)]
    halves, last = [], [0] * n
    for s in (0, 1):
        inner = [None] * half
        for i in range(n):
            if side[i] == s:
                inner[i % half] = to[i] % half
                last[to[i] % half + half * s] = s ^ (to[i] >= half)
        halves.append(_settings(inner))
    return np.concatenate([[crossing], np.concatenate(halves, axis=1), [last]]).astype(np.int64)


def benes(n: int, bound: float = 1.0) -> RoundProgram:
    """Return any permutation in 2 log n - 1 rounds, for nodes that are told when to swap.

    Inputs are the settings of all stages at the node, see `benes_settings`, and a value of at most
    ``bound`` in size; n is a power of two.

    >>> swap = np.array([[1, 7.5], [1, -3]])
    >>> run_rounds(benes(2, bound=9), swap).outputs[:, 0].tolist()
    [-3.0, 7.5]
    """
    comparators(n)  # refuses what is no power of two
    bound = checks.number("bound", bound, above=0)
    down = [n >> b for b in range(1, n.bit_length())]
    strides = [*down, *down[-2::-1]]

    def stage(t: int):
        def local(own, partner):
            return [*own[:-1], own[-1] + _chosen(partner[-1] - own[-1], own[t], bound)]

        return Round((np.arange(n) ^ strides[t])[None], local)

    state = len(strides) + 1
    rounds = tuple(stage(t) for t in range(len(strides)))
    return RoundProgram(n, rounds, 1, np.eye(state), np.eye(state)[-1:])
