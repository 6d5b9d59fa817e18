r"""When walks start: all at once, in overlapping pipelines, or as room becomes free.

All three start the same walks, and where a walk stops depends on no other walk, so the counts are
the same bits; what differs is the number of rounds and of walks alive at once.
``starting`` says how many walks start, given those alive and those waiting; ``by_number`` whether
walk 0 of every source starts before walk 1 of any.
"""

from dataclasses import dataclass

from paralg.core.checks import integer

__all__ = ["AllAtOnce", "Pipelined", "Refilled"]


@dataclass(frozen=True)
class AllAtOnce:
    """The naive schedule: every walk of every source starts in the first round."""

    by_number = False

    def starting(self, live: int, waiting: int, sources: int) -> int:
        return waiting


@dataclass(frozen=True)
class Pipelined:
    r"""The paper's rule: pipeline :math:`i + 1` starts when :math:`i` has finished its first step.

    Each round starts :math:`n\gamma` walks, and all pipelines advance [lin-2019-distributed].

    Parameters
    ----------
    gamma : int, walks of each source in one pipeline
    """

    gamma: int
    by_number = True

    def __post_init__(self):
        integer("gamma", self.gamma, 1)

    def starting(self, live: int, waiting: int, sources: int) -> int:
        return min(waiting, self.gamma * sources)


@dataclass(frozen=True)
class Refilled:
    r"""Adaptive refill: each round starts as many walks as have stopped, source by source.

    The live walks stay at the cap until the last walk has started: no schedule that respects the
    cap takes fewer rounds in expectation. Few sources are open at once.

    Parameters
    ----------
    cap : int, bound :math:`M` on the walks alive at once, over all partitions
    """

    cap: int
    by_number = False

    def __post_init__(self):
        integer("cap", self.cap, 1)

    def starting(self, live: int, waiting: int, sources: int) -> int:
        return min(waiting, self.cap - live)
