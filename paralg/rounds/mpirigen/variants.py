"""The published evaluator, bit by bit, and answers that a grammar of MPI has set right."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from paralg.core import checks
from paralg.rounds.mpirigen.metric import COMMON_CORE
from paralg.rounds.mpirigen.strip import Call

__all__ = ["legal", "published_calls", "published_score", "published_table", "published_tolerance"]

Published = Mapping[float, tuple[str, Sequence[str]]]
"""Place as the decimal number L.S → name and arguments, which are not trimmed."""

_TUPLE = re.compile(r"[0-9]+ [0-9]+,\s*MPI_\w*[(]")


def published_calls(text: str) -> dict[float, tuple[str, list[str]]]:
    """Return the calls of a text as the published evaluator reads them.

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
    """Return the decimal places that a place covers; rounding adds a step at some of them.

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

    The first located prediction of the right name is compared, whatever its distance; with `core`
    location is still divided by *all* calls, so that it is a lower bound.  NaN is "undefined".
    """
    checks.instance("truth", truth, Mapping), checks.instance("predicted", predicted, Mapping)
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

    ``pairs`` are texts of labels and of predictions.
    """
    read = [(published_calls(a), published_calls(b)) for a, b in pairs]
    scores = [(len(a), published_score(a, b, variance, core)) for a, b in read if a]
    most, table = max((n for n, _ in scores), default=0), []
    for limit in range(1, most + 1):
        rows = np.array([row for n, row in scores if n <= limit]).reshape(-1, 3)
        kept = [column[~np.isnan(column)] for column in rows.T]
        table.append(tuple(float(c.mean()) if len(c) else math.nan for c in kept))
    return table


def legal(calls: Iterable[Call], lines: Sequence[str]) -> list[Call]:
    """Return calls with the typestate of MPI set right: one Init first, one Finalize last.

    A second ``MPI_Init`` or ``MPI_Finalize`` is dropped, as is what stands outside of the two; a
    missing one is put behind the declarations, or before the last ``return`` or bracket.
    [Ours: an answer to the open question of decoding under a grammar.]
    """
    found = sorted(dict.fromkeys(calls), key=lambda c: (c.L + (c.S == 0), c.S))
    for call in found:
        checks.instance("a call", call, Call)
    names = [call.name for call in found]
    if "MPI_Init" not in names:
        L = next((k for k, x in enumerate(lines) if k > 1 and not _declares(x)), len(lines))
        # before what is already there
        found = [c._replace(S=c.S + 1) if (c.L, c.S > 0) == (L, True) else c for c in found]
        found.append(Call(L, 1, "MPI_Init", ("&argc", "&argv")))
    if "MPI_Finalize" not in names:
        L = len(lines) - 1
        L -= L > 0 and lines[L - 1].lstrip().startswith("return")
        S = max((c.S for c in found if c.L == L), default=0)
        found.append(Call(L, S + 1, "MPI_Finalize", ()))
    found.sort(key=lambda c: (c.L + (c.S == 0), c.S))
    names = [call.name for call in found]
    first, last = names.index("MPI_Init"), len(names) - 1 - names[::-1].index("MPI_Finalize")
    inside = [c for c in found[first + 1 : last] if c.name not in ("MPI_Init", "MPI_Finalize")]
    return [found[first], *inside, *([found[last]] if last > first else [])]


def _declares(line: str) -> bool:
    return bool(re.match(r"  (int|double|MPI_\w+) \w+(\[\d+\])?( = [^(]*)?;", line))
