"""What a tagged text costs: the graph behind it, span and work, calls on p slots, break-even."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.core.laws import Bounds, brent
from paralg.decoding.multiverse.grammar import Layout, parse

__all__ = [
    "Reversal", "TextCost", "ancestors", "calls", "cost_of", "depths", "injected", "latency",
    "predecessors", "rounds", "satisfiability_cost",
]  # fmt: skip


def predecessors(layout: Layout) -> list[tuple[int, ...]]:
    """Return the symbols that each symbol directly waits for: none, one, or the ends of all paths.

    The fork-join graph of the text; its longest chain is the span.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    list of tuple of int

    Examples
    --------
    >>> block = "<Parallel> <Goal> </Goal> <Path> </Path> <Path> </Path> <Conclusion> </Conclusion>"
    >>> predecessors(parse(f"{block} </Parallel>"))[3:8]
    [(2,), (3,), (2,), (5,), (4, 6)]
    """
    checks.instance("layout", layout, Layout)
    before = [(i - 1,) if i else () for i in range(len(layout.symbols))]
    for block in layout.blocks:
        for path in block.paths:
            before[path.start] = (block.goal.stop - 1,)
        before[block.conclusion.start] = tuple(path.stop - 1 for path in block.paths)
    return before


def ancestors(layout: Layout) -> np.ndarray:
    """Return which symbols each one depends on, itself included, (n, n): what attention may see.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    ndarray of bool, shape (n, n)
        Reachability in the graph, by one pass; equal to ``layout.mask``, which is made by hiding
        siblings from each other.
    """
    before = predecessors(layout)
    reached = np.eye(len(before), dtype=bool)
    for i, sources in enumerate(before):
        reached[i] |= reached[list(sources)].any(axis=0)
    return reached


def depths(layout: Layout) -> np.ndarray:
    """Return the longest chain that ends in front of each symbol, (n,).

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    ndarray of int, shape (n,)
        Equal to ``layout.positions``.
    """
    found: list[int] = []
    for sources in predecessors(layout):
        found.append(max((found[i] + 1 for i in sources), default=0))
    return np.array(found, dtype=np.int64)


class TextCost(NamedTuple):
    """Work and span of a text in tokens, and what follows for p slots."""

    work: int
    span: int

    @property
    def parallelism(self) -> float:
        """Tokens over positions, as the paper reports it; tags count above and below."""
        return self.work / self.span if self.span else 1.0

    def bounds(self, p: int) -> Bounds:
        """Return the interval in which the rounds of any greedy schedule lie."""
        return brent(Cost(work=self.work, span=self.span), p=p)


def cost_of(text: Layout | str | Iterable[str]) -> TextCost:
    """Return work and span of a text.

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
    """Return the symbols that the engine writes instead of the model.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    list of int
        Each ``<Path>`` with its id, where outlines give ids, and each ``<Conclusion>``.

    Examples
    --------
    >>> block = "<Parallel> <Goal> <Outline> 1 </Outline> </Goal> <Path> 1 x </Path> <Conclusion>"
    >>> injected(parse(f"{block} </Conclusion> </Parallel>"))
    [6, 7, 10]
    """
    checks.instance("layout", layout, Layout)
    found: list[int] = []
    for block in layout.blocks:
        has_ids = any(layout.symbols[i] == "<Outline>" for i in block.goal)
        for path in block.paths:
            found += range(path.start, path.start + 1 + has_ids)
        found.append(block.conclusion.start)
    return sorted(found)


def rounds(layout: Layout, slots: int, free: Sequence[int] = ()) -> int:
    """Return the rounds in which p slots write a text, taking turns.

    Parameters
    ----------
    layout : Layout
    slots : int
        Symbols a round, those that have waited longest first.
    free : sequence of int
        Symbols that are written at once, in no round.

    Returns
    -------
    int

    Examples
    --------
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
    waiting = [len(sources) for sources in before]
    ready, count = deque(i for i, n in enumerate(waiting) if n == 0), 0

    def settle(done: list[int]) -> None:
        """Queue what has become ready; what is free is done at once."""
        for i in done:
            for j in after[i]:
                waiting[j] -= 1
                if not waiting[j]:
                    settle([j]) if j in free else ready.append(j)

    for i in [i for i in ready if i in free]:
        ready.remove(i)
        settle([i])
    while ready:
        settle([ready.popleft() for _ in range(min(slots, len(ready)))])
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
    """
    checks.instance("layout", layout, Layout)
    n = len(layout.symbols)
    checks.integer("prompt", prompt, 0, n)
    free = {*range(prompt), *injected(layout)}
    return rounds(layout, max(n, 1) if slots is None else slots, free)


class Reversal(NamedTuple):
    """The chapter's task: P words of equal length, reversed one by one, and their initials sorted.

    Counts are of the answer, its end included.

    Examples
    --------
    >>> task = Reversal(5, 8)
    >>> task.plain, task.tokens, task.positions, task.calls
    (52, 82, 38, 35)
    """

    P: int
    length: int

    @property
    def plain(self) -> int:
        """Tokens, and calls, without tags: numbers, letters, =, initials, end."""
        return self.P * (self.length + 2) + 2

    @property
    def tokens(self) -> int:
        """Tokens with tags."""
        return self.P * (self.length + 7) + 7

    @property
    def positions(self) -> int:
        """Positions of the text with tags."""
        return 4 * self.P + self.length + 10

    @property
    def calls(self) -> int:
        """Calls of the engine: three of the positions are tags that it writes itself."""
        return self.positions - 3

    @property
    def parallelism(self) -> float:
        """Tokens over positions."""
        return self.tokens / self.positions

    @property
    def speedup(self) -> float:
        """Calls without tags over calls of the engine; more than 1 if (P - 1) length > 2 P + 5."""
        return self.plain / self.calls


def satisfiability_cost(n: int) -> TextCost:
    r"""Return work :math:`21 \cdot 2^n - 20` and span :math:`17 n + 1` of branching on n variables.

    Parameters
    ----------
    n : int

    Returns
    -------
    TextCost
        Of the text that `experiments.satisfiability` writes, where no branch is cut off.

    Examples
    --------
    >>> satisfiability_cost(6), round(satisfiability_cost(6).parallelism, 1)
    (TextCost(work=1324, span=103), 12.9)
    """
    n = checks.integer("n", n)
    return TextCost(21 * 2**n - 20, 17 * n + 1)


def latency(parallelism, call: float, row: float):
    r"""Return the time of a token, :math:`a/x + b`, when x branches share each call.

    A call with x branches takes ``call + row x``, so the paper's a is the price of a call and its b
    that of a row.

    Parameters
    ----------
    parallelism : float or array_like
        Branches a call, in the mean.
    call, row : float, seconds

    Returns
    -------
    float or ndarray

    Examples
    --------
    >>> latency(2.0, call=15.0, row=0.5)
    8.0
    """
    x = checks.array("parallelism", parallelism)
    if not (x > 0).all() or not np.isfinite(x).all():
        raise ValueError(f"parallelism must be positive and finite, got {parallelism}")
    found = checks.number("call", call, 0) / x + checks.number("row", row, 0)
    return float(found) if not x.ndim else found
