"""What a tagged text costs: the graph behind it, span and work, calls on p slots, break-even."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.core.laws import Bounds, brent
from paralg.decoding.multiverse.grammar import Layout, parse

__all__ = [
    "Reversal", "TextCost", "ancestors", "calls", "cost_of", "depths", "injected", "latency",
    "predecessors", "rounds", "satisfiability_cost",
]  # fmt: skip


def predecessors(layout: Layout) -> list[tuple[int, ...]]:
    """Return the symbols that each one directly waits for: the arrows of the fork-join graph."""
    checks.instance("layout", layout, Layout)
    before = [(i - 1,) if i else () for i in range(len(layout.symbols))]
    for block in layout.blocks:
        for path in block.paths:
            before[path.start] = (block.goal.stop - 1,)
        before[block.conclusion.start] = tuple(path.stop - 1 for path in block.paths)
    return before


def ancestors(layout: Layout) -> np.ndarray:
    """Return what each symbol depends on, itself included, (n, n): equal to ``layout.mask``."""
    before = predecessors(layout)
    reached = np.eye(len(before), dtype=bool)
    for i, sources in enumerate(before):
        reached[i] |= reached[list(sources)].any(axis=0)
    return reached


def depths(layout: Layout) -> np.ndarray:
    """Return the longest way that ends in each symbol, (n,): equal to ``layout.positions``."""
    found: list[int] = []
    for sources in predecessors(layout):
        found.append(max((found[i] + 1 for i in sources), default=0))
    return np.array(found, dtype=np.int64)


class TextCost(NamedTuple):
    """Work and span of a text in tokens."""

    work: int
    span: int

    def bounds(self, p: int) -> Bounds:
        """Return the interval in which the rounds of any greedy schedule on p slots lie."""
        return brent(self.work, self.span, checks.integer("p", p, 1))


def cost_of(text: Layout | str | Iterable[str]) -> TextCost:
    """Return work and span of a text: tokens and positions, whose quotient is its parallelism.

    Parameters
    ----------
    text : Layout, str or iterable of str

    Returns
    -------
    TextCost

    Examples
    --------
    >>> block = "<Parallel> <Goal> </Goal> <Path> </Path> <Path> </Path> <Conclusion> </Conclusion>"
    >>> cost_of(f"{block} </Parallel>")
    TextCost(work=10, span=8)
    """
    layout = text if isinstance(text, Layout) else parse(text)
    return TextCost(len(layout.symbols), int(layout.positions.max(initial=-1)) + 1)


def injected(layout: Layout) -> list[int]:
    """Return what the engine writes: each path's tag, and id where outlined, each conclusion's."""
    checks.instance("layout", layout, Layout)
    found: list[int] = []
    for block in layout.blocks:
        has_ids = any(layout.symbols[i] == "<Outline>" for i in block.goal)
        for path in block.paths:
            found += range(path.start, path.start + 1 + has_ids)
        found.append(block.conclusion.start)
    return sorted(found)


def rounds(layout: Layout, slots: int, free: Sequence[int] = ()) -> int:
    """Return the rounds in which p slots write a text, those first that have waited longest.

    A slot writes a symbol a round; ``free`` ones are written at once.

    >>> path = "<Path> x x x </Path>"
    >>> block = f"<Parallel> <Goal> </Goal> {path} {path} <Conclusion> </Conclusion> </Parallel>"
    >>> [rounds(parse(block), slots) for slots in (1, 2)]
    [16, 11]
    """
    before, free = predecessors(layout), frozenset(free)
    checks.integer("slots", slots, 1)
    after: list[list[int]] = [[] for _ in before]
    for i, sources in enumerate(before):
        for source in sources:
            after[source].append(i)
    waiting, ready, count = [len(sources) for sources in before], deque(), 0

    def settle(i: int) -> None:
        """Queue what has become ready by i; what is free is done at once."""
        for j in after[i]:
            waiting[j] -= 1
            if not waiting[j]:
                settle(j) if j in free else ready.append(j)

    for i in range(min(1, len(before))):
        settle(i) if i in free else ready.append(i)
    while ready:
        for i in [ready.popleft() for _ in range(min(slots, len(ready)))]:
            settle(i)
        count += 1
    return count


def calls(layout: Layout, prompt: int, slots: int | None = None) -> int:
    """Return the calls that the engine takes for a text whose first symbols are the prompt.

    Parameters
    ----------
    layout : Layout
    prompt : int
        Symbols that are given.
    slots : int, optional
        Most branches a call; by default all.

    Returns
    -------
    int

    Examples
    --------
    >>> calls(parse("a b c"), prompt=1)
    2
    """
    checks.instance("layout", layout, Layout)
    n = len(layout.symbols)
    free = {*range(checks.integer("prompt", prompt, 0, n)), *injected(layout)}
    return rounds(layout, max(n, 1) if slots is None else slots, free)


@dataclass(frozen=True)
class Reversal:
    """Counts of the chapter's task: words reversed one by one, and their initials sorted.

    Parameters
    ----------
    P, length : int
        Words, and letters of each.

    Notes
    -----
    ``plain`` are the tokens of the answer without tags, and its calls; ``tokens`` and ``positions``
    those with tags; ``calls`` the engine's, which writes three positions itself; ``speedup`` plain
    calls over those, above 1 if (P - 1) length > 2 P + 5.

    Examples
    --------
    >>> task = Reversal(5, 8)
    >>> task.plain, task.tokens, task.positions, task.calls
    (52, 82, 38, 35)
    """

    P: int
    length: int

    def __post_init__(self):
        P, n = self.P, self.length
        checks.integers(1, P=P, length=n)
        counts = {"plain": P * (n + 2) + 2, "tokens": P * (n + 7) + 7, "positions": 4 * P + n + 10}
        calls = counts["positions"] - 3
        vars(self).update(counts, calls=calls, speedup=counts["plain"] / calls)


def satisfiability_cost(n: int) -> TextCost:
    """Return the cost of branching on n variables, of which none is cut off."""
    return TextCost(21 * 2 ** checks.integer("n", n) - 20, 17 * n + 1)


def latency(parallelism, call: float, row: float) -> np.ndarray:
    """Return the time of a token, a/x + b, if a call with x branches takes call + row x."""
    checks.number("call", call, 0), checks.number("row", row, 0)
    return call / checks.within("parallelism", parallelism, np.finfo(float).tiny) + row
