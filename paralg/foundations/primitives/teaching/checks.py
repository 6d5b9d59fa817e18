"""Checks of the exercises on primitives and scans."""

import re

import numpy as np

from paralg.core.primitives import Operator, brent_kung_counts, kogge_stone_counts, scan
from paralg.teach import checking
from paralg.teach.checking import PropertyFailed, exercise, require

CHECKS: dict = {}  # filled by the decorator

__all__ = ["CHECKS"]


@exercise("ex-primitives-counts")
def counts(answer):
    """Applications and rounds of two networks for n = 11."""
    names = ("kogge-stone", "brent-kung")
    given = checking.entries(answer, names)
    right = (kogge_stone_counts(11), brent_kung_counts(11))
    slips = (
        {33: "count n - 2^k combines in round k, not n of them"},
        {17: "that is 2n - 2 - log n for n rounded to a power of two; use the formula for every n",
         16: "11 in binary is 1011: it has three ones"},
    )  # fmt: skip
    for name, pair, cost, wrong in zip(names, given, right, slips, strict=True):
        pair = checking.numbers(pair, 2, f"{name}: a pair (applications, rounds)")
        checking.close_to(pair[0], cost.work, name=f"the applications of {name}", wrong=wrong)
        checking.close_to(pair[1], cost.span, name=f"the rounds of {name}")
    return "Right on all four counts."


_OPERATIONS = {
    "a": max, "b": lambda x, y: (x + y) / 2, "c": lambda x, y: x + y + x * y,
    "d": lambda x, y: x - y, "e": lambda x, y: y, "f": lambda x, y: (x * x + y * y) ** 0.5,
}  # fmt: skip


@exercise("ex-primitives-associative")
def associative(answer):
    """Which of six operations are associative; a wrong letter is shown its smallest triple."""
    letters = re.findall("[a-z]", answer.lower()) if isinstance(answer, str) else answer
    is_set = isinstance(letters, (set, frozenset, list, tuple, np.ndarray))
    require(is_set and set(letters) <= set(_OPERATIONS), "a set of letters from a to f", got=answer)
    for letter, op in _OPERATIONS.items():
        triple = _violation(op)
        if triple is None:
            require(letter in letters, f"({letter}) in the set",
                    "both bracketings agree on every triple of small numbers")  # fmt: skip
        elif letter in letters:
            raise PropertyFailed(f"({letter}) left out", "compare the two bracketings", [
                ("input", str(triple)), ("got", "{:g} and {:g}".format(*_both(op, triple))),
            ])  # fmt: skip
    return "Right."


def _violation(op):
    """Return the smallest triple on which the two bracketings differ, or None."""
    values = (0, 1, 2, 3)
    triples = [(x, y, z) for x in values for y in values for z in values]
    differs = [t for t in triples if not np.isclose(*_both(op, t))]
    return min(differs, key=sum, default=None)


def _both(op, triple) -> tuple:
    x, y, z = triple
    return op(op(x, y), z), op(x, op(y, z))


@exercise("ex-primitives-clamp")
def clamp(answer):
    """Composition of clamped additions: as maps, associative, and inside a scan."""
    rng, heights = np.random.default_rng(6), np.arange(-9, 10)

    def then(first, second):
        both = checking.call(answer, first, second)
        triple = isinstance(both, (tuple, list)) and len(both) == 3
        require(triple, "returns three arrays: a, low, high", got=both)
        return tuple(both)

    def scanned(*steps):
        op = Operator(lambda first, second: tuple(answer(first, second)), name="your operator")
        return _apply(checking.call(lambda: scan(op, steps, method="kogge-stone").values), 0)

    steps = [tuple(_clamps(rng, 1) for _ in range(3)) for _ in range(60)]
    checking.equal_to_oracle(
        lambda x, y: _apply(then(x, y), heights), lambda x, y: _apply(y, _apply(x, heights)),
        [three[:2] for three in steps],
        name="equals the first map and then the second, from h = -9 to 9",
        hint="where do the walls of the first map go, and who cuts them off?",
    )  # fmt: skip
    checking.equal_to_oracle(
        lambda x, y, z: _apply(then(then(x, y), z), heights),
        lambda x, y, z: _apply(then(x, then(y, z)), heights), steps, name="is associative",
    )  # fmt: skip
    checking.equal_to_oracle(
        scanned, _looped, [_clamps(rng, n) for n in (1, 2, 3, 7, 40)],
        name="a scan of it equals the loop", hint="does combine work on whole arrays?",
    )  # fmt: skip
    return "Right: composes like maps, is associative, and its scan equals the loop."


def _clamps(rng, n: int) -> tuple[np.ndarray, ...]:
    """Return n random triples (a, low, high) of small integers."""
    low, width = rng.integers(-4, 3, size=n), rng.integers(0, 6, size=n)
    return rng.integers(-5, 6, size=n), low, low + width


def _apply(step, h):
    a, low, high = step
    return np.minimum(np.maximum(h + a, low), high)


def _looped(*steps) -> list:
    heights = [0]
    for step in zip(*steps, strict=True):
        heights.append(_apply(step, heights[-1]))
    return heights[1:]


@exercise("ex-primitives-sklansky")
def sklansky(answer):
    """The rounds, run on letters: correct, in ⌈log2 n⌉ rounds, with Sklansky's combines."""
    sizes = range(34)
    checking.equal_to_oracle(
        lambda n: _run_on_letters(answer(n), n), lambda n: [_word(i + 1) for i in range(n)], sizes,
        name="gives every prefix of the letters",
        hint="sources are read before any write; blocks must be neighbours",
    )  # fmt: skip
    checking.equal_to_oracle(lambda n: len(answer(n)), lambda n: max(n - 1, 0).bit_length(), sizes,
                             name="takes ⌈log2 n⌉ rounds")  # fmt: skip
    checking.close_to(sum(map(len, answer(8))), 12, name="the combines for n = 8", wrong={
        17: "these are the combines of Kogge–Stone: combine only into the right half of each block",
    })  # fmt: skip
    return "Right on letters for every n up to 33, so right for every associative operator."


def _word(n: int) -> str:
    return "".join(chr(0x100 + i) for i in range(n))


def _run_on_letters(rounds, n: int) -> list[str]:
    words = list(_word(n))
    for pairs in rounds:
        old = list(words)
        for src, dst in pairs:
            words[dst] = old[src] + old[dst]
    return words


@exercise("ex-primitives-streaming")
def streaming(answer):
    """Blocks of 2**j, each 1 + j rounds."""
    cases = [(n, j, r) for n in (8, 64, 1024) for j in (0, 1, 3) for r in (1, 5)]
    return checking.equal_to_oracle(
        answer, lambda n, j, r: n // 2**j * (1 + j) * r, cases, 1e-12,
        name="counts blocks times rounds", hint="how many blocks, and how many rounds in each?",
    )  # fmt: skip


@exercise("ex-primitives-explore")
def explore(answer):
    """Steps of four methods on three workers, read off the explorer."""
    right = {"sequential": 15, "kogge-stone": 17, "brent-kung": 12, "chunked": 12}
    slips = {"kogge-stone": {13: "that is for four workers"},
             "brent-kung": {9: "that is for four workers",
                            26 / 3: "each round is rounded up on its own"},
             "chunked": {6: "four discs take two steps on three workers"}}  # fmt: skip
    for name, value in zip(right, checking.entries(answer, tuple(right)), strict=True):
        checking.close_to(value, right[name], name=f"the steps of {name}", wrong=slips.get(name))
    return "Right: on three workers Kogge–Stone loses to the loop."
