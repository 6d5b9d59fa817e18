"""Writing in place, and the published evaluator, bit by bit."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from paralg.core import checks
from paralg.rounds.mpirigen.labels import Call, listed
from paralg.rounds.mpirigen.metric import COMMON_CORE
from paralg.rounds.mpirigen.printing import TYPES
from paralg.rounds.mpirigen.texts import END, LINE, Completion, Reader, lexemes, spelt

__all__ = ["complete_in_place", "published_calls", "published_score", "published_table",
           "published_tolerance"]  # fmt: skip

_MOST, _LONGEST = 12, 40  # calls at one place, lexemes of a call


def complete_in_place(reader: Reader, lines: Sequence[str]) -> Completion:
    """Let a `reader` write the calls from left to right, each after what stands before it.

    The stripped `lines` are forced, one after the other. At the end of each the likeliest symbol
    decides: a name ``MPI_…`` that is no type begins a call, which is written up to its ``;``, and
    the question is asked again; anything else, and the next line is forced. Behind ``lhs =`` a
    call is always written. [Ours: the paper gives no such protocol.]
    """
    calls, count, lines = [], Counter(), listed("lines", lines, str)
    checks.instance("reader", reader, Callable)

    def feed(symbols: Sequence[str]) -> str:
        count["calls"] += 1
        return reader(symbols)

    def write(symbol: str, L: int, S: int) -> str:
        """Write a call from its first symbol; return the symbol after the end of its line."""
        text = [symbol]
        while text[-1] not in (";", LINE, END) and len(text) < _LONGEST:
            text.append(feed(text[-1:]))
        count["written"] += len(text)
        call = spelt(tuple(text))
        calls.extend([Call(L, S, *call)] if call else [])
        return feed([*text[-1:], LINE] if text[-1] != LINE else [LINE])

    symbol = feed([])
    for k, line in enumerate(["", *lines]):
        if k:
            cut = line.endswith(" =")
            symbol = feed([*lexemes(line), *([] if cut else [LINE])])
            symbol = write(symbol, k - 1, 0) if cut else symbol
        S = 0
        while symbol.startswith("MPI_") and symbol not in TYPES and S < _MOST:
            S += 1
            symbol = write(symbol, k, S)
    return Completion(calls, count["written"], count["calls"])


Published = Mapping[float, tuple[str, Sequence[str]]]  # L.S → name and arguments, not trimmed

_TUPLE = re.compile(r"[0-9]+ [0-9]+,\s*MPI_\w*[(]")


def published_calls(text: str) -> dict[float, tuple[str, list[str]]]:
    """Return the calls of `text` as the published evaluator reads them.

    A place is the decimal number L.S, so that rank 10 collides with rank 1; later calls overwrite
    earlier ones, and arguments keep their spaces.

    >>> published_calls("(12 1, MPI_A(x, y);) (12 10, MPI_B();)")
    {12.1: ('MPI_B', [''])}
    """
    checks.instance("text", text, str)
    found = {}
    for part in re.findall(r"[(](.*?);", re.sub(r"<[|]endoftext[|]>_*", "(", text)):
        match = _TUPLE.search(part)
        if match:
            place, name = match[0].split(",")
            at = round(float(".".join(place.split(" "))), 2)
            found[at] = name[:-1].strip(), part[match.end() : -1].split(",")
    return found


def published_tolerance(place: float, variance: int) -> set[float]:
    """Return what a decimal `place` covers at a `variance`; rounding adds a step at some places.

    >>> sorted(published_tolerance(6.1, 1)), sorted(published_tolerance(15.1, 1))[-1]
    ([5.1, 6.0, 6.1, 6.2, 7.1], 17.1)
    """
    checks.number("place", place, 0), checks.integer("variance", variance)
    if variance == 0:
        return {place}
    tenth = variance / 10
    steps = (np.arange(place - variance, place + variance + 1),
             np.arange(place - tenth, place + 0.1 + tenth, 0.1))  # fmt: skip
    return {round(float(one), 2) for one in np.concatenate(steps)}


def published_score(truth: Published, predicted: Published, variance: int = 0, core: bool = False
                    ) -> tuple[float, float, float]:  # fmt: skip
    """Return location, function and arguments of one program by the published rules.

    Both `truth` and `predicted` are calls by place. At a `variance` the first located prediction
    of the right name is compared, however far; with `core` location is still divided by *all*
    calls, so that it is a lower bound.  NaN is "undefined".
    """
    checks.instance("truth", truth, Mapping), checks.instance("predicted", predicted, Mapping)
    checks.integer("variance", variance), checks.instance("core", core, bool)
    covers = {at: published_tolerance(at, variance) for at in predicted}
    located, named, shares = 0, 0, []
    for at, (name, args) in truth.items():
        near = [predicted[place] for place, covered in covers.items() if at in covered]
        if not near or (core and name not in COMMON_CORE):
            continue
        located += 1
        same = [theirs for other, theirs in near if other == name]
        if same:
            named += 1
            pairs = zip(args, same[0], strict=False)
            shares.append(sum(a == b for a, b in pairs) / len(args))
    return (located / len(truth) if truth else math.nan, named / located if located else math.nan,
            sum(shares) / len(shares) if shares else math.nan)  # fmt: skip


def published_table(pairs: Sequence[tuple[str, str]], variance: int = 0, core: bool = False
                    ) -> list[tuple[float, float, float]]:  # fmt: skip
    """Return mean scores over the programs with at most 1, 2, … calls, a row for each limit.

    ``pairs`` are texts of labels and of predictions; ``variance`` and ``core`` as above.
    """
    for pair in listed("pairs", pairs, tuple):
        listed("a pair", pair, str)
    checks.integer("variance", variance), checks.instance("core", core, bool)
    read = [(published_calls(a), published_calls(b)) for a, b in pairs]
    scores = [(len(a), published_score(a, b, variance, core)) for a, b in read if a]
    most, table = max((n for n, _ in scores), default=0), []
    for limit in range(1, most + 1):
        rows = np.array([row for n, row in scores if n <= limit]).reshape(-1, 3)
        kept = [column[~np.isnan(column)] for column in rows.T]
        table.append(tuple(float(c.mean()) if len(c) else math.nan for c in kept))
    return table
