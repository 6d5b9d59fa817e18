"""Text that forks and joins: its grammar, its attention mask and its position ids.

[yang-2025-multiverse]  A *block* is

| ``<Parallel> <Goal> text (<Outline> i text </Outline>)* </Goal>``
| ``(<Path> i body </Path>)+ <Conclusion> text </Conclusion> </Parallel>``

where a body may hold blocks, and blocks may follow each other: map, process, reduce.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np

from paralg.core import checks

__all__ = ["TAGS", "ForkBlock", "Layout", "Vocabulary", "parse"]

_NAMES = ("Think", "Parallel", "Goal", "Outline", "Path", "Conclusion")  # the first is mere text
TAGS = tuple(f"<{slash}{name}>" for name in _NAMES for slash in ("", "/"))


class Vocabulary:
    """The twelve tags and further symbols as token ids.

    Parameters
    ----------
    symbols : iterable of str
        Distinct words, none a tag; else a ValueError.
    end : str
        The one of them that ends a text.

    Examples
    --------
    >>> words = Vocabulary("abc.")
    >>> words.V, words.encode("a <Parallel> ."), words.decode([12, 2])
    (16, [12, 2, 15], 'a <Parallel>')
    """

    def __init__(self, symbols: Iterable[str], end: str = "."):
        checks.instance("symbols", symbols, Iterable)
        self.symbols = (*TAGS, *symbols)
        for symbol in symbols_of(self.symbols):
            if symbol.split() != [symbol] or self.symbols.count(symbol) > 1:
                raise ValueError(f"symbols must be distinct words, got {symbol!r} among them")
        checks.one_of("end", end, self.symbols)
        self.V, self.id = len(self.symbols), {s: i for i, s in enumerate(self.symbols)}
        self.end = self.id[end]

    def encode(self, text: str | Iterable[str]) -> list[int]:
        """Return the ids of symbols, or of a text with blanks between them; ValueError if new."""
        return [self.id[checks.one_of("each symbol", one, self.id)] for one in symbols_of(text)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Spell ids, with blanks between symbols; ValueError for what is no id."""
        tokens = checks.array("tokens", tokens, "i", least=0)
        checks.sizes(tokens=(tokens, "n"))
        if tokens.max(initial=0) >= self.V:
            raise ValueError(f"tokens must be below {self.V}, got {tokens.max()}")
        return " ".join(self.symbols[token] for token in tokens)


class ForkBlock(NamedTuple):
    """A block by places in the text: ``<Parallel>`` to ``</Goal>``, each path, the rest."""

    goal: range
    paths: tuple[range, ...]
    conclusion: range


@dataclass(frozen=True)
class Layout:
    """A parsed text of n symbols; ``blocks`` stand in the order in which they end.

    ``positions``, shape (n,), are the position ids: all paths of a block start with the one after
    ``</Goal>``, and ``<Conclusion>`` has the one after the longest path.
    """

    symbols: tuple[str, ...]
    positions: np.ndarray
    blocks: tuple[ForkBlock, ...]

    @cached_property
    def mask(self) -> np.ndarray:
        """Multiverse attention, (n, n): causal, and no path sees a sibling."""
        sees = np.tri(len(self.symbols), dtype=bool)
        for block in self.blocks:
            for sooner, later in combinations(block.paths, 2):
                sees[later.start : later.stop, sooner.start : sooner.stop] = False
        return sees


def parse(text: str | Iterable[str]) -> Layout:
    """Read a tagged text of n symbols in O(n); its mask is made when it is first read.

    Parameters
    ----------
    text : str or iterable of str
        Symbols, or a string with blanks between them.

    Returns
    -------
    Layout

    Raises
    ------
    ValueError
        If a tag is missing or misplaced, or a path's id is not that of its outline. Nothing may
        stand between paths, not even the line breaks of the released format: every later path
        would see it at a position that depends on a sibling.

    Examples
    --------
    >>> text = "<Parallel> <Goal> </Goal> <Path> x </Path> <Path> y y </Path>"
    >>> parse(f"{text} <Conclusion> c </Conclusion> </Parallel>").positions.tolist()
    [0, 1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8, 9, 10]
    """
    return TextReader(symbols_of(text)).layout()


def symbols_of(text: str | Iterable[str]) -> list[str]:
    """Split a string at blanks, or list symbols."""
    checks.instance("text", text, str, Iterable)
    words = text.split() if isinstance(text, str) else list(text)
    for word in words:
        checks.instance("each of text", word, str)
    return words


class TextReader:
    """Recursive descent: ``p`` is the position id of the next symbol."""

    def __init__(self, symbols: list[str]):
        self.symbols, self.positions, self.blocks, self.p = symbols, [], [], 0

    def layout(self) -> Layout:
        """Read all."""
        self.body("the end", blocks=True)
        return Layout(tuple(self.symbols), np.array(self.positions, int), tuple(self.blocks))

    @property
    def next(self) -> str:
        """The symbol to be read."""
        return [*self.symbols[len(self.positions) :][:1], "the end"][0]

    def take(self, *expected: str) -> str:
        """Read one symbol, one of those expected or, without any, one that is no tag."""
        symbol, n = self.next, len(self.positions)
        if symbol not in expected if expected else symbol in (*TAGS[2:], "the end"):
            wanted = " or ".join(expected) or "text"
            raise ValueError(f"expected {wanted} at symbol {n}, got {symbol}")
        self.positions.append(self.p)
        self.p += 1
        return symbol

    def body(self, stop: str, *, blocks: bool = False) -> None:
        """Read text, and blocks where they may be, up to a tag, and the tag."""
        while self.next != stop:
            self.block() if blocks and self.next == "<Parallel>" else self.take()
        if stop != "the end":
            self.take(stop)

    def block(self) -> None:
        """Read a block."""
        start, ids, paths, ends = len(self.positions), [], [], []
        self.take("<Parallel>")
        self.take("<Goal>")
        while self.next != "</Goal>":
            if self.take(*{"<Outline>"} & {self.next}) == "<Outline>":
                ids.append(self.take())
                self.body("</Outline>")
        self.take("</Goal>")
        goal, fork = range(start, len(self.positions)), self.p
        while len(paths) < max(1, len(ids)) or (not ids and self.next == "<Path>"):
            self.p, start = fork, len(self.positions)
            self.take("<Path>")
            if ids:
                self.take(ids[len(paths)])
            self.body("</Path>", blocks=True)
            paths.append(range(start, len(self.positions)))
            ends.append(self.p)
        self.p, start = self.resume(fork, ends), len(self.positions)
        self.take("<Conclusion>")
        self.body("</Conclusion>")
        self.take("</Parallel>")
        self.blocks.append(ForkBlock(goal, tuple(paths), range(start, len(self.positions))))

    def resume(self, fork: int, ends: list[int]) -> int:
        """Return the position of ``<Conclusion>``: after the longest path."""
        return max(ends)
