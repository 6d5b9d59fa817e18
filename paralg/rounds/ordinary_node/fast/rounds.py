r"""Rounds of a million nodes: arrays in place of state machines, compiled, active nodes compacted.

Each kernel packs the nodes that have not stopped and goes through these only, so that a run looks
at ``sum of radii`` nodes, not at ``n`` times the largest radius. A round must read what was there
before it; "has stopped before round ``t``" is ``radii[u] < t``, and no second state is needed.
Outputs and radii are those of the programs in `variants`, bit for bit.
"""

import numpy as np
from numpy.typing import ArrayLike

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.random import GOLDEN, derive
from paralg.rounds.ordinary_node.fast.graphs import PortGraph, check_ids, cycle
from paralg.rounds.ordinary_node.local import LocalRun
from paralg.rounds.ordinary_node.theory import linial_steps
from paralg.simd.cache import compiled
from paralg.simd.sampling import mix, unit

__all__ = ["ALGORITHMS", "run_compacted", "warm"]

_OPEN = np.int64(2**62)  # radius of a node that has not stopped


def run_compacted(
    algorithm: str, graph: PortGraph, ids: ArrayLike, *, bits: int = 32, seed: int = 0
) -> LocalRun:
    """Run one of `ALGORITHMS` at every node of a graph.

    Parameters
    ----------
    algorithm : str
        On cycles as `cycle` makes them ``largest id`` and ``cole-vishkin``; on every graph
        ``colour by order``, ``mis by order``, ``matching by order``, ``linial``, ``luby``,
        ``trial colouring``.
    graph : PortGraph
    ids : array_like of int, shape (n,), distinct
    bits, seed : int, 1 to 63, of the identifiers' range; of all random tapes

    Returns
    -------
    LocalRun, its ``outputs`` an ndarray

    Examples
    --------
    >>> from paralg.rounds.ordinary_node import cycle
    >>> run_compacted("largest id", cycle(8), [3, 1, 4, 0, 5, 9, 2, 6]).radii.tolist()
    [1, 1, 2, 1, 1, 4, 1, 2]
    """
    checks.one_of("algorithm", algorithm, ALGORITHMS)
    ids = check_ids(graph, ids)
    checks.integer("bits", bits, 1, 63)
    checks.integer("seed", seed, -(2**63), 2**63 - 1)
    if algorithm in ("largest id", "cole-vishkin") and not graph.is_cycle:
        raise ValueError(f"{algorithm} needs a graph made by cycle, got another one")
    by_bits = algorithm in ("linial", "cole-vishkin")
    if by_bits and ids.max(initial=0) >> bits:
        raise ValueError(f"ids must have at most {bits} bits, got {ids.max()}")
    outputs, radii = np.full(graph.n, -1), np.full(graph.n, _OPEN)
    given = bits if by_bits else derive(seed)
    ALGORITHMS[algorithm](graph.indptr, graph.neighbours, ids, outputs, radii, given)
    rounds = radii.max(initial=0)
    cost = Cost(work=radii.sum(), rounds=rounds, messages=len(graph.neighbours) * rounds)
    return LocalRun(outputs, radii, cost)


@compiled
def _largest(indptr, neighbours, ids, outputs, radii, root):
    n, active, t = len(ids), np.arange(len(ids)), 0
    while len(active):
        t += 1
        for v in active:
            a, b = v + t, v - t
            larger = ids[a if a < n else a - n] > ids[v] or ids[b if b >= 0 else b + n] > ids[v]
            if larger or t == n // 2:
                outputs[v], radii[v] = not larger, t
        active = active[radii[active] > t]


@compiled
def _least_free(indptr, neighbours, colours, v):
    for colour in range(indptr[v + 1] - indptr[v] + 1):
        free = True
        for e in range(indptr[v], indptr[v + 1]):
            free &= colours[neighbours[e]] != colour
        if free:
            return colour
    return -1


@compiled
def _by_order(indptr, neighbours, ids, outputs, radii, colours):
    active, t = np.arange(len(ids)), 0
    while len(active):
        t += 1
        for v in active:
            waits = joined = False
            for e in range(indptr[v], indptr[v + 1]):
                u = neighbours[e]
                waits |= ids[u] > ids[v] and radii[u] >= t
                joined |= ids[u] > ids[v] and radii[u] < t and outputs[u] == 1
            if not waits or (joined and not colours):
                outputs[v] = _least_free(indptr, neighbours, outputs, v) if colours else not joined
                radii[v] = t
        active = active[radii[active] > t]


@compiled
def _matching(indptr, neighbours, ids, outputs, radii, root):
    active, t = np.arange(len(ids)), 0
    target = np.full(len(ids), -1)  # port of the neighbour that a node would take
    while len(active):
        t += 1
        for v in active:
            u = neighbours[indptr[v] + target[v]] if target[v] >= 0 else -1
            matched = u >= 0 and radii[u] >= t and neighbours[indptr[u] + target[u]] == v
            alone = True
            for e in range(indptr[v], indptr[v + 1]):
                alone &= radii[neighbours[e]] < t
            if matched or alone:
                outputs[v], radii[v] = target[v] if matched else -1, t
        active = active[radii[active] > t]
        for v in active:  # whom to take next, after what this round has told
            best, pair = -1, (np.int64(-1), np.int64(-1))
            for e in range(indptr[v], indptr[v + 1]):
                u = neighbours[e]
                other = max(ids[u], ids[v]), min(ids[u], ids[v])
                if radii[u] >= t and other > pair:
                    best, pair = e - indptr[v], other
            target[v] = best


@compiled
def _drawn(root, v, counter):
    """Return a draw of a node's tape, as `NodeStart.draw` does."""
    stream = mix(root + np.uint64(v) * GOLDEN)
    return unit(mix(stream + (np.uint64(counter) + np.uint64(1)) * GOLDEN))


@compiled
def _luby(indptr, neighbours, ids, outputs, radii, root):
    active, t, keys = np.arange(len(ids)), -1, np.empty(len(ids))
    while len(active):
        t += 2  # the round of the draws; t + 1 is that of "I joined"
        for v in active:
            keys[v] = _drawn(root, v, (t - 1) // 2)
        for v in active:
            largest = True
            for e in range(indptr[v], indptr[v + 1]):
                u = neighbours[e]
                largest &= radii[u] < t or (keys[u], ids[u]) < (keys[v], ids[v])
            if largest:
                outputs[v], radii[v] = 1, t
        for v in active:
            for e in range(indptr[v], indptr[v + 1]):
                if radii[neighbours[e]] == t:
                    outputs[v], radii[v] = 0, t + 1
        active = active[radii[active] > t + 1]


@compiled
def _trial(indptr, neighbours, ids, outputs, radii, root):
    n, active, t = len(ids), np.arange(len(ids)), 0
    trial, taken = np.empty(n, np.int64), np.zeros(n + 1, np.int64)
    while len(active):
        t += 1
        for v in active:
            colours, mark = indptr[v + 1] - indptr[v] + 1, v + 1 + n * t
            free = colours
            for e in range(indptr[v], indptr[v + 1]):
                u = neighbours[e]
                if radii[u] < t - 1 and outputs[u] < colours and taken[outputs[u]] != mark:
                    taken[outputs[u]] = mark  # a neighbour of v is known to keep it
                    free -= 1
            k, c = int(_drawn(root, v, t - 1) * free), -1
            while k >= 0:
                c += 1
                k -= taken[c] != mark
            trial[v] = c
        for v in active:
            alone = True
            for e in range(indptr[v], indptr[v + 1]):
                u = neighbours[e]
                alone &= (outputs[u] if radii[u] < t else trial[u]) != trial[v]
            if alone:
                outputs[v], radii[v] = trial[v], t
        active = active[radii[active] > t]


@compiled
def _linial_step(indptr, neighbours, colours, q, k):
    n = len(colours)
    values, found = np.zeros((n, q), np.int64), np.empty(n, np.int64)
    for v in range(n):
        for x in range(q):
            rest, power = colours[v], 1
            for _ in range(k + 1):
                values[v, x] = (values[v, x] + rest % q * power) % q
                rest, power = rest // q, power * x % q
    for v in range(n):
        for x in range(q - 1, -1, -1):
            alone = True
            for e in range(indptr[v], indptr[v + 1]):
                alone &= values[neighbours[e], x] != values[v, x]
            if alone:
                found[v] = x * q + values[v, x]
    return found


@compiled
def _reduce(indptr, neighbours, order, few, steps, outputs, radii):
    """Give the colours from ``few`` on away, one a round."""  # its nodes are no neighbours
    for v in order:
        radii[v] = steps + max(0, outputs[v] - few + 1)
        if outputs[v] >= few:
            outputs[v] = _least_free(indptr, neighbours, outputs, v)


def _linial(indptr, neighbours, ids, outputs, radii, bits):
    degree, outputs[:] = int(np.diff(indptr).max(initial=1)), ids
    schedule = linial_steps(1 << bits, degree)
    for q, k in schedule:
        outputs[:] = _linial_step(indptr, neighbours, outputs, q, k)
    order = np.argsort(outputs, kind="stable")
    _reduce(indptr, neighbours, order, degree + 1, len(schedule), outputs, radii)


def _cole_vishkin(indptr, neighbours, ids, outputs, radii, bits):
    palette, outputs[:], steps = 1 << bits, ids, 0
    while palette > 6 or not steps:
        differ = outputs ^ np.roll(outputs, -1)
        i = np.frexp((differ & -differ).astype(float))[1] - 1  # exact for a power of two
        outputs[:] = 2 * i + (outputs >> i & 1)
        palette, steps = 2 * (palette - 1).bit_length(), steps + 1
    _reduce(indptr, neighbours, np.argsort(outputs, kind="stable"), 3, steps, outputs, radii)


ALGORITHMS = {
    "largest id": lambda *one: _largest(*one), "luby": lambda *one: _luby(*one),
    "trial colouring": lambda *one: _trial(*one), "matching by order": lambda *one: _matching(*one),
    "colour by order": lambda *one: _by_order(*one[:-1], True), "cole-vishkin": _cole_vishkin,
    "mis by order": lambda *one: _by_order(*one[:-1], False), "linial": _linial,
}  # fmt: skip
"""What `run_compacted` runs, by name."""


def warm() -> None:
    """Compile all kernels."""
    for name in ALGORITHMS:
        run_compacted(name, cycle(5), np.arange(5))
