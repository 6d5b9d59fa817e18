r"""The evaluation: are calls in the right place, of the right name, with the right arguments?

A prediction with *variance* v counts as located if the true place lies in its *tolerance set*: the
same rank within v lines, or the same line within v ranks, but not both shifted.

=========  ==================================================================  ====================
score      of one program                                                      undefined where
=========  ==================================================================  ====================
location   located true calls / true calls                                     no call is true
function   located ones with a located prediction of their name / located      none is located
arguments  mean share of equal arguments, position by position                 no name is right
precision  predictions that locate a true call / predictions (ours)            none is predicted
=========  ==================================================================  ====================
"""

import math
from collections.abc import Iterable, Mapping, Sequence

from paralg.core import checks
from paralg.rounds.mpirigen.strip import Call

__all__ = ["COMMON_CORE", "averages", "score", "tolerance"]

COMMON_CORE = frozenset(f"MPI_{name}" for name in (
    "Init", "Finalize", "Comm_rank", "Comm_size", "Send", "Recv", "Reduce", "Bcast"))  # fmt: skip
"""The calls that most programs consist of; the paper scores them apart as well."""


def tolerance(L: int, S: int, variance: int = 0) -> set[tuple[int, int]]:
    """Return the places that a predicted place covers.

    >>> sorted(tolerance(6, 1, 1))
    [(5, 1), (6, 0), (6, 1), (6, 2), (7, 1)]
    """
    checks.integers(L=L, S=S, variance=variance)
    shifts = range(-variance, variance + 1)
    return {(L + k, S) for k in shifts} | {(L, S + k) for k in shifts}


def _nearest(call: Call, near: Sequence[Call]) -> list[Call]:
    """Return located predictions, those at the least distance first."""
    return sorted(near, key=lambda one: abs(one.L - call.L) + abs(one.S - call.S))


def agreement(args: Sequence[str], guess: Sequence[str]) -> float:
    """Return the share of true arguments that stand at their position; 1 if there are none."""
    pairs = zip(args, guess, strict=False)
    return sum(a == b for a, b in pairs) / len(args) if args else float(not guess)


def score(truth: Iterable[Call], predicted: Iterable[Call], variance: int = 0,
          core: bool = False) -> dict[str, float]:  # fmt: skip
    """Return the scores of one program.

    Parameters
    ----------
    truth, predicted : iterable of Call
        Of two at one place the later counts.
    variance : int
        v, lines or ranks.
    core : bool
        Only true calls of `COMMON_CORE` are looked for; location is then a share of *these*.

    Returns
    -------
    dict
        ``location``, ``function``, ``arguments``, ``precision``, ``f1`` (of location and
        precision) and ``exact``, 1 if all calls are at their places with their arguments. NaN where
        the table says "undefined".

    Notes
    -----
    Among located predictions of the right name the *nearest* is compared. The published evaluator
    takes the first, so that at v ≥ 1 a perfect answer may score less than 1; it is
    `variants.published_score`.

    References
    ----------
    [schneider-2024-mpirigen], evaluation; precision and F1 are ours.

    Examples
    --------
    >>> from paralg.rounds.mpirigen.strip import parse_labels
    >>> truth = parse_labels("(5 1, MPI_Send(a, 1);) (5 2, MPI_Send(b, 2);)")
    >>> score(truth, truth, variance=1)["arguments"]
    1.0
    >>> score(truth, parse_labels("(6 1, MPI_Recv(a, 1);)"), variance=1)["location"]
    0.5
    """
    checks.instance("core", core, bool)
    true = {(c.L, c.S): c for c in truth}
    guess = {(c.L, c.S): c for c in predicted}
    wanted = {at: c for at, c in true.items() if not core or c.name in COMMON_CORE}
    covers = {at: tolerance(*at, variance) for at in guess}
    located, named, right = 0, 0, []
    for at, call in wanted.items():
        near = [guess[place] for place, covered in covers.items() if at in covered]
        located += bool(near)
        same = [one for one in _nearest(call, near) if one.name == call.name]
        if same:
            named += 1
            right.append(agreement(call.args, same[0].args))
    useful = sum(any(at in wanted for at in covered) for covered in covers.values())
    found = {
        "location": located / len(wanted) if wanted else math.nan,
        "function": named / located if located else math.nan,
        "arguments": sum(right) / len(right) if right else math.nan,
        "precision": useful / len(guess) if guess else math.nan,
    }
    total = len(guess) + len(wanted)
    found["f1"] = (useful + located) / total if total else math.nan
    pairs = {at: (c.name, c.args) for at, c in true.items()}
    found["exact"] = float(pairs == {at: (c.name, c.args) for at, c in guess.items()})
    return found


def averages(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each score over the programs in which it is defined, NaN if in none.

    >>> averages([{"location": 1.0}, {"location": math.nan}])
    {'location': 1.0}
    """
    rows = list(scores)
    for row in rows:
        checks.instance("a score", row, Mapping)
    keys = dict.fromkeys(key for row in rows for key in row)
    defined = {key: [row[key] for row in rows if not math.isnan(row[key])] for key in keys}
    return {key: sum(v) / len(v) if v else math.nan for key, v in defined.items()}
