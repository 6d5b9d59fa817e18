r"""When walks start: all at once, in overlapping pipelines, or as room becomes free.

All three start the same walks, and where a walk stops depends on no other walk, so the counts are
the same bits; what differs is the number of rounds and of walks alive at once.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AllAtOnce", "Pipelined", "Refilled"]


@dataclass(frozen=True)
class AllAtOnce:
    r"""The naive schedule: every walk of every source starts in the first round.

    Rounds: the longest of :math:`n\omega` walks. Live walks: :math:`n\omega`, then ever fewer.
    """

    by_number = False

    def starting(self, live: int, waiting: int, sources: int) -> int:
        """Return how many walks start, given those alive and those waiting."""
        return waiting


@dataclass(frozen=True)
class Pipelined:
    r"""The paper's rule: pipeline :math:`i + 1` starts when :math:`i` has finished its first step.

    Each pipeline is :math:`\gamma` walks of every source, so each round starts :math:`n\gamma`
    walks until none is left, and all live pipelines advance together.

    Parameters
    ----------
    gamma : int, walks of each source in one pipeline

    References
    ----------
    [lin-2019-distributed].
    """

    gamma: int
    by_number = True

    def __post_init__(self):
        if self.gamma < 1:
            raise ValueError(f"gamma must be at least 1, got {self.gamma}")

    def starting(self, live: int, waiting: int, sources: int) -> int:
        """Return how many walks start: the next pipeline, whatever is alive."""
        return min(waiting, self.gamma * sources)


@dataclass(frozen=True)
class Refilled:
    r"""Adaptive refill: each round starts as many walks as have stopped, source by source.

    The number of live walks stays at the cap until the last walk has started: no schedule that
    respects the cap takes fewer rounds in expectation.
    Walks start source by source, so few sources are open at once and their counters stay in cache.

    Parameters
    ----------
    cap : int, bound :math:`M` on the walks alive at once, over all partitions
    """

    cap: int
    by_number = False

    def __post_init__(self):
        if self.cap < 1:
            raise ValueError(f"cap must be at least 1, got {self.cap}")

    def starting(self, live: int, waiting: int, sources: int) -> int:
        """Return how many walks start: as many as fit under the cap."""
        return min(waiting, self.cap - live)
