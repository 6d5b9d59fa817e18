"""Handles, jobs and traffic: what passes between an engine and its backends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from paralg.core.engine.tasks import Failure, call, name_of, payload

__all__ = ["PartitionCall", "Partitions", "ShuffleTraffic", "raise_first", "tree_reduce"]


class Partitions:
    """Opaque handle of partitions that stay where they were made.

    ``len(parts)`` is their number; what they hold is for the functions given to ``map``.
    """

    __slots__ = ("__weakref__", "count", "owner", "state")

    def __init__(self, owner: object, state, count: int):
        self.owner = owner
        self.state = state
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        return f"<{self.count} partitions>"


class PartitionCall(NamedTuple):
    """A function with the keyword arguments that all partitions share."""

    fn: Callable
    kw: dict
    indexed: bool

    @property
    def title(self) -> str:
        """Name of the function, for messages."""
        return name_of(self.fn)

    def run(self, args: tuple, index: int):
        """Return the value for one partition, or a `Failure`."""
        return call(self.fn, args, self.kw, index, self.indexed)


class ShuffleTraffic(NamedTuple):
    """What moved between different partitions."""

    messages: int = 0
    bytes: int = 0


def tree_reduce(fn: Callable, values: list) -> tuple[object, int]:
    """Combine neighbours, then neighbours of those; return the value and the bytes moved."""
    values, step, moved = list(values), 1, 0
    while step < len(values):
        for i in range(0, len(values) - step, 2 * step):
            moved += payload(values[i + step])
            values[i] = call(fn, (values[i], values[i + step]), {}, i, False)
            raise_first([values[i]])
        step *= 2
    return values[0], moved


def raise_first(results: Iterable) -> None:
    """Raise the error of the failed partition with the smallest number, if one failed."""
    failures = [result for result in results if isinstance(result, Failure)]
    if failures:
        raise min(failures, key=_place).error() from None


def _place(failure: Failure) -> int:
    """Order failures by partition; those of a whole worker come first."""
    return -1 if failure.partition is None else failure.partition
