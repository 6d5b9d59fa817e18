"""Handles, jobs and traffic: what passes between an engine and its backends."""

from collections.abc import Callable
from typing import NamedTuple

from paralg.core.engine.tasks import call, name_of

__all__ = ["PartitionCall", "Partitions", "ShuffleTraffic"]


class Partitions:
    """Opaque handle of partitions that stay where they were made; its length is their number."""

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
