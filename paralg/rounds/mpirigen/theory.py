r"""What reading the whole program first is worth, and what the written calls cost on P ranks.

A message of n bytes takes α + nβ seconds, α of latency; both ends are busy meanwhile.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from paralg.core import checks
from paralg.rounds.mpirigen.labels import listed

__all__ = ["Foresight", "arrival", "collect_messages", "foresight", "toy", "tree_messages",
           "writing_calls"]  # fmt: skip

Message = tuple[int, int]  # source and target


class Foresight(NamedTuple):
    """Bits about an answer in what is seen, and the share of right answers of the best rule."""

    bits: float
    best: float


def foresight(rows: Iterable[tuple[Hashable, Hashable]]) -> Foresight:
    r"""Return I(Y; X) = H(Y) - H(Y | X) and E max_y p(y | X), for equally likely `rows` (X, Y).

    >>> foresight([("a", 0), ("b", 1)]), foresight([("a", 0), ("a", 1)])
    (Foresight(bits=1.0, best=1.0), Foresight(bits=0.0, best=0.5))
    """
    groups: dict[Hashable, Counter] = defaultdict(Counter)
    for seen, answer in listed("rows", rows, tuple):
        groups[seen][answer] += 1
    n = sum(sum(counts.values()) for counts in groups.values())
    if not n:
        raise ValueError("expected at least one row, got none")
    whole = sum(groups.values(), Counter())
    best = sum(max(counts.values()) for counts in groups.values()) / n
    inside = sum(_entropy(c) * sum(c.values()) for c in groups.values()) / n
    return Foresight(_entropy(whole) - inside, best)


def _entropy(counts: Counter) -> float:
    total = sum(counts.values())
    return sum(n / total * math.log2(total / n) for n in counts.values())


def toy() -> list[tuple[str, str, str]]:
    """Return all programs of a small generator: lines before a gap, lines behind it, the call.

    The text that is printed says which operator is needed, and whether all ranks print says which
    call: both are behind the gap.
    """
    return [(start, f'{guard}printf("{word} %d", y);',
             f"{'MPI_Reduce' if guard else 'MPI_Allreduce'} {word}")
            for start in ("x = rank;", "x = rank * rank;", "x = 1;")
            for word in ("sum", "max", "min") for guard in ("", "if (rank == 0) ")]  # fmt: skip


def writing_calls(lines: int, written: int, form: str = "append") -> int:
    """Return calls of a model: one, one a symbol `written`; of `form` "in place" one of `lines`."""
    checks.integers(lines=lines, written=written)
    checks.one_of("form", form, ("append", "in place"))
    return written + 1 + (0 if form == "append" else lines)


def tree_messages(P: int) -> list[Message]:
    """Return the messages of a sum of `P` ranks in ⌈log₂ P⌉ rounds, to rank 0, in order.

    >>> tree_messages(4)
    [(1, 0), (3, 2), (2, 0)]
    """
    checks.integer("P", P, 1)
    steps = [1 << k for k in range((P - 1).bit_length())]
    return [(r + step, r) for step in steps for r in range(0, P - step, 2 * step)]


def collect_messages(P: int) -> list[Message]:
    """Return the messages of a root that receives from `P` - 1 others, one after the other."""
    checks.integer("P", P, 1)
    return [(r, 0) for r in range(1, P)]


def arrival(messages: Iterable[Message], each: float = 1.0) -> float:
    """Return when rank 0 has all `messages`, if both ends of one are busy for `each` seconds.

    >>> arrival(tree_messages(8)), arrival(collect_messages(8))
    (3.0, 7.0)
    """
    checks.number("each", each, 0)
    clock: dict[int, float] = defaultdict(float)
    for source, target in listed("messages", messages, tuple):
        checks.integers(source=source, target=target)
        clock[source] = clock[target] = max(clock[source], clock[target]) + each
    return clock[0]
