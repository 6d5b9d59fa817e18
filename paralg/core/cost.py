"""Counted cost: what an algorithm did, in units that do not depend on the machine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce

from paralg.core import checks
from paralg.core.laws import Bounds, amdahl, brent, gustafson, roofline

__all__ = [
    "UNITS", "Bounds", "Cost", "amdahl", "brent", "gustafson", "parallel", "roofline", "sequential",
]  # fmt: skip

UNITS = {
    "work": "operator applications",
    "span": "operator applications on the longest chain", "calls": "model calls",
    "rows": "rows sent through the model", "tokens": "token positions computed",
    "rounds": "synchronous rounds", "messages": "messages", "bytes": "bytes moved",
}  # fmt: skip

_LENGTHS = frozenset({"span", "rounds"})


@dataclass(frozen=True)
class Cost:
    """Counts of one run, or of several composed, in the units of `UNITS`; integers, none negative.

    Two compositions are all that is needed to cost a program.
    One part *after* another: every count adds (``a + b``).
    Two parts *beside* each other: lengths of chains (``span``, ``rounds``) take the larger one,
    amounts (all the other counts) add (``a | b``).

    >>> up, down = Cost(work=7, span=3), Cost(work=4, span=2)
    >>> up + down, up | down
    (Cost(work=11, span=5), Cost(work=11, span=3))
    >>> print(up + down)
    work 11, span 5
    >>> (up + down).parallelism
    2.2
    """

    work: int = 0
    span: int = 0
    calls: int = 0
    rows: int = 0
    tokens: int = 0
    rounds: int = 0
    messages: int = 0
    bytes: int = 0

    def __post_init__(self):
        for name, value in vars(self).items():
            if type(value) is not int or value < 0:
                object.__setattr__(self, name, checks.integer(name, value))

    def __add__(self, other: "Cost") -> "Cost":
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(**{name: getattr(self, name) + getattr(other, name) for name in UNITS})

    def __or__(self, other: "Cost") -> "Cost":
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(**{name: _beside(name, self, other) for name in UNITS})

    @property
    def parallelism(self) -> float:
        """Work over span, which bounds the speed-up; 0 for an empty run, infinite without span."""
        if self.span == 0:
            return float("inf") if self.work else 0.0
        return self.work / self.span

    def as_dict(self) -> dict[str, int]:
        """Return the counts that are not zero, in the order of ``UNITS``."""
        counts = {name: getattr(self, name) for name in UNITS}
        return {name: value for name, value in counts.items() if value}

    def __repr__(self) -> str:
        return f"Cost({', '.join(f'{name}={value}' for name, value in self.as_dict().items())})"

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:,}" for name, value in self.as_dict().items()) or "nothing"


def sequential(costs: Iterable[Cost]) -> Cost:
    """Return the cost of running ``costs`` one after the other: every count adds.

    >>> sequential(Cost(work=4, span=1) for _ in range(3))
    Cost(work=12, span=3)
    """
    return reduce(Cost.__add__, _checked(costs), Cost())


def parallel(costs: Iterable[Cost]) -> Cost:
    """Return the cost of running ``costs`` at once: span and rounds take the maximum.

    >>> parallel(Cost(work=n, span=n) for n in (2, 5, 3))
    Cost(work=10, span=5)
    """
    return reduce(Cost.__or__, _checked(costs), Cost())


def _checked(costs: Iterable[Cost]) -> Iterator[Cost]:
    checks.instance("costs", costs, Iterable)
    for cost in costs:
        checks.instance("each of costs", cost, Cost)
        yield cost


def _beside(name, first, second) -> int:
    """Compose one count of two parts that run at the same time."""
    combine = max if name in _LENGTHS else int.__add__
    return combine(getattr(first, name), getattr(second, name))
