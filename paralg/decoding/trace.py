"""What a decoder did, as a flat list of events; everything drawn or counted is derived from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost, sequential

__all__ = ["GIVEN", "KEPT", "MASKED", "NEW", "REFUSED", "WHAT", "Decoded", "Event", "Recorder",
           "Trace"]  # fmt: skip

WHAT = ("proposed", "accepted", "rejected", "committed")
MASKED, GIVEN, KEPT, NEW, REFUSED = range(5)
"""Codes of :meth:`Trace.raster`."""


class Event(NamedTuple):
    """One thing that happened to one position.

    ========  ======================================================================================
    round     from 0; what lies between two model calls, unless the method says otherwise
    row       of the call: which draft, which candidate
    what      one of :data:`WHAT`; a rejected draft and what replaces it are two events
    value     confidence, probability or ratio that decided; NaN where nothing did
    group     positions committed together share one
    ========  ======================================================================================
    """

    round: int
    row: int
    position: int
    token: int
    what: str
    value: float
    group: int


@dataclass(frozen=True, eq=False)
class Trace:
    """The history of one decoding, with a cost for each round.

    Two traces are **equal** if they start from the same sequence and commit the same tokens at the
    same positions *in the same order*: ``==`` is what losslessness means in this book.
    Rounds, rows and costs do not enter; the order of the "committed" events does, also in a round.
    ``start``, the prompt, has the mask ``V`` where a token was wanted.
    """

    start: tuple[int, ...]
    V: int
    events: tuple[Event, ...]
    costs: tuple[Cost, ...] = field(repr=False)

    @cached_property
    def commits(self) -> tuple[Event, ...]:
        """The committed events, in order."""
        return tuple(event for event in self.events if event.what == "committed")

    @property
    def order(self) -> tuple[tuple[int, int], ...]:
        """Pairs (position, token) in the order of commitment."""
        return tuple((event.position, event.token) for event in self.commits)

    @property
    def cost(self) -> Cost:
        """Sum over the rounds."""
        return sequential(self.costs)

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self.costs)

    @property
    def tokens(self) -> np.ndarray:
        """The sequence at the end, shape (L,)."""
        return self.states[-1]

    @cached_property
    def states(self) -> np.ndarray:
        """The sequence before round 0 and after every round, shape (rounds + 1, L)."""
        states = np.tile(np.asarray(self.start, dtype=np.int64), (self.rounds + 1, 1))
        for event in self.commits:
            states[event.round + 1 :, event.position] = event.token
        return states

    @property
    def committed(self) -> np.ndarray:
        """Tokens committed in each round, shape (rounds,)."""
        return np.bincount([event.round for event in self.commits], minlength=self.rounds)

    @property
    def accepted(self) -> np.ndarray:
        """Draft tokens accepted in each verification, shape (rounds that propose,).

        The histogram of accepts is ``np.bincount(trace.accepted)``; commits are another count: what
        replaces a rejected draft is committed, and was not accepted.
        """
        proposed, accepted = (
            np.bincount([event.round for event in self.events if event.what == what],
                        minlength=self.rounds) for what in ("proposed", "accepted")
        )  # fmt: skip
        return accepted[proposed > 0]

    @property
    def accepts_per_verification(self) -> float:
        """Mean of ``accepted``; 0 where nothing was ever proposed."""
        return float(np.mean(self.accepted)) if len(self.accepted) else 0.0

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Positions committed together, in order: the steps of the trajectory."""
        found: dict[int, list[int]] = {}
        for event in self.commits:
            found.setdefault(event.group, []).append(event.position)
        return tuple(tuple(positions) for positions in found.values())

    def raster(self) -> np.ndarray:
        """Return what each round left at each position, as codes of shape (rounds, L)."""
        before, after = self.states[:-1], self.states[1:]
        picture = np.where(after == self.V, MASKED, KEPT)
        picture[(after != self.V) & (before == self.V)] = NEW
        picture[:, np.asarray(self.start) != self.V] = GIVEN
        for event in self.events:
            if event.what == "rejected" and picture[event.round, event.position] == MASKED:
                picture[event.round, event.position] = REFUSED
        return picture

    def first_difference(self, other: "Trace") -> str | None:
        """Say where two traces part, or None if they are equal."""
        if self.start != other.start:
            return "the prompts differ"
        for i, (a, b) in enumerate(zip(self.order, other.order, strict=False)):
            if a != b:
                return f"commit {i}: position {a[0]} = {a[1]} against position {b[0]} = {b[1]}"
        lengths = len(self.order), len(other.order)
        return "{} commits against {}".format(*lengths) if lengths[0] != lengths[1] else None

    def __eq__(self, other) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self.start == other.start and self.order == other.order

    def __hash__(self) -> int:
        return hash((self.start, self.order))


class Recorder:
    """Collects the events of one run that starts at ``start``, shape (L,)."""

    def __init__(self, start: np.ndarray, V: int):
        start = checks.array("start", start, "i", least=0)
        checks.sizes(start=(start, "L"))
        self.start, self.V = tuple(start.tolist()), checks.integer("V", V, 1)
        self.events: list[Event] = []
        self.costs: list[Cost] = []
        self.group = -1

    def round(self, cost: Cost) -> None:
        """Open the next round, which cost ``cost``."""
        self.costs.append(cost)

    def record(
        self, what: str, positions: Sequence[int], tokens, values=None, row: int = 0
    ) -> None:
        """Append one event for each position to the open round."""
        if what not in WHAT:
            checks.one_of("what", what, WHAT)
        positions, tokens = (checks.array("an event's position or token", one, "i")
                             for one in (positions, tokens))  # fmt: skip
        checks.sizes(positions=(positions, "n"), tokens=(tokens, "n"))
        positions, tokens = positions.tolist(), tokens.tolist()
        if (min(positions, default=0) < 0 or max(positions, default=-1) >= len(self.start)
                or min(tokens, default=0) < 0 or max(tokens, default=-1) >= self.V):  # fmt: skip
            expected = f"positions below {len(self.start)} and tokens below {self.V}, from 0"
            raise ValueError(f"expected {expected}, got {positions} and {tokens}")
        values = np.full(len(positions), np.nan) if values is None else np.asarray(values, float)
        self.group += what == "committed"
        group = self.group if what == "committed" else -1
        at = max(len(self.costs) - 1, 0)
        self.events += [Event(at, row, i, token, what, value, group) for i, token, value
                        in zip(positions, tokens, values.tolist(), strict=True)]  # fmt: skip

    def trace(self) -> Trace:
        """Freeze what was recorded."""
        costs = self.costs or ([Cost()] if self.events else [])
        return Trace(self.start, self.V, tuple(self.events), tuple(costs))


@dataclass(frozen=True, eq=False)
class Decoded:
    """What every decoder returns: tokens of shape (L,), trace, and cost of the whole run."""

    tokens: np.ndarray
    trace: Trace
    cost: Cost

    @property
    def forwards(self) -> int:
        """Model calls: the span of decoding."""
        return self.cost.calls
