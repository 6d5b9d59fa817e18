"""Driver programs that the engine tests run on every engine, and the worker's functions."""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from paralg.core.random import uniform

P = 5


def deal(numbers, index):
    """Split numbers by their remainder, and mark them with where they come from."""
    return [numbers[numbers % P == j] + 1000.0 * index for j in range(P)]


def ask(part):
    """Read standard input, in one of four ways, where no terminal can be opened."""
    assert os.getsid(0) == os.getpid()
    (input, breakpoint, sys.stdin.readline, lambda: os.read(0, 1) or input())[part]()


def stick(blocks):
    """Join the blocks that arrived."""
    return np.concatenate(blocks)


def exchange(engine):
    """Shuffle arrays, join them, reduce by an operator that does not commute."""
    numbers = engine.scatter([np.arange(10 * i, 10 * i + i) for i in range(P)])
    sent = engine.map(deal, numbers)
    received = engine.map(stick, engine.shuffle(sent))
    joined = engine.reduce(lambda a, b: np.concatenate([a, b]), received)
    engine.barrier()
    return engine.gather(received), joined, engine.cost


def walk(engine, walks=200, rounds=6, ring=23):
    """Walk on a ring by counter-based draws; floating sums in a fixed order."""

    def step(part, moved, index):
        place, key = part[0], part[1]
        draw = uniform(7, key, moved)
        place = (place + np.where(draw < 0.5, 1, -1)) % ring
        home = place * P // ring
        return [(place[home == j], key[home == j], draw[home == j]) for j in range(P)]

    def settle(blocks):
        place, key, draw = (np.concatenate(column) for column in zip(*blocks, strict=True))
        order = np.argsort(key)
        return place[order], key[order], draw[order]

    keys = np.array_split(np.arange(walks), P)
    parts = engine.scatter([(np.zeros(len(k), dtype=int), k, np.zeros(len(k))) for k in keys])
    for turn in range(rounds):
        parts = engine.map(settle, engine.shuffle(engine.map(step, parts, moved=turn)))
    weights = engine.map(lambda part: np.cumsum(np.sqrt(part[2]))[-1:].sum(), parts)
    return engine.gather(parts), engine.reduce(lambda a, b: a + b, weights), engine.cost


def same(left, right) -> bool:
    """Tell whether two results have the same types and bits."""
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and left.tobytes() == right.tobytes()
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def fail_on_three(part, index):
    """Raise on partition 3, and on later ones, so that the first must be reported."""
    if index >= 3:
        raise KeyError(f"no {index}")
    return part


def leave(part, index, busy=30):
    """End the worker that holds partition 1 without a word; keep the others busy."""
    if index == 1:
        os._exit(7)
    time.sleep(busy)


def ask_to_exit(part):
    """Call sys.exit, which must not end a worker."""
    sys.exit("enough")
