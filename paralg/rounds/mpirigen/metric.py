r"""The evaluation: are calls in the right place, of the right name, with the right arguments?

A prediction covers its *tolerance set*: with variance v the same rank within v lines, or the same
line within v ranks, but not both shifted.

=========  ==================================================================  ====================
score      of one program                                                      undefined where
=========  ==================================================================  ====================
location   true calls that a prediction covers / true calls                    no call is true
function   of these, those that one of their name covers / these               none is covered
arguments  mean share of equal arguments, position by position                 no name is right
precision  predictions that cover a true call / predictions (ours)             none is predicted
=========  ==================================================================  ====================
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan

from paralg.core import checks
from paralg.rounds.mpirigen.labels import Call, listed

__all__ = ["COMMON_CORE", "averages", "score", "tolerance"]

COMMON_CORE = frozenset(f"MPI_{name}" for name in (
    "Init", "Finalize", "Comm_rank", "Comm_size", "Send", "Recv", "Reduce", "Bcast"))  # fmt: skip
"""The calls that most programs consist of; the paper scores them apart as well."""


def tolerance(L: int, S: int, variance: int = 0) -> set[tuple[int, int]]:
    """Return the places that the place (`L`, `S`) covers at some `variance`.

    >>> sorted(tolerance(6, 1, 1))
    [(5, 1), (6, 0), (6, 1), (6, 2), (7, 1)]
    """
    checks.integers(L=L, S=S, variance=variance)
    shifts = range(-variance, variance + 1)
    return {(L + k, S) for k in shifts} | {(L, S + k) for k in shifts}


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
        Only calls of `COMMON_CORE` are looked at.

    Returns
    -------
    dict
        ``location``, ``function``, ``arguments``, ``precision``, ``f1`` of location and precision,
        ``exact``, 1 if all calls are at their places with their arguments; NaN is "undefined".

    Notes
    -----
    Of covering predictions of the right name the *nearest* is compared; the published evaluator
    (`published_score`) takes the first. [schneider-2024-mpirigen]; precision and F1 are ours.

    Examples
    --------
    >>> a, b = Call(5, 1, "MPI_Send", ("a", "1")), Call(5, 2, "MPI_Send", ("b", "2"))
    >>> score([a, b], [a, b], variance=1)["arguments"], score([a, b], [b])["location"]
    (1.0, 0.5)
    """
    checks.instance("core", core, bool)
    both = listed("truth", truth, Call), listed("predicted", predicted, Call)
    true, guess = ({(c.L, c.S): c for c in some if not core or c.name in COMMON_CORE}
                   for some in both)  # fmt: skip
    checks.integer("variance", variance)
    covered = {at: tolerance(*at, variance) for at in guess}
    located, named, shares = 0, 0, []
    for at, call in true.items():
        near = [place for place, places in covered.items() if at in places]
        near.sort(key=lambda place: (abs(place[0] - at[0]) + abs(place[1] - at[1]), place))
        same = [guess[place].args for place in near if guess[place].name == call.name]
        located, named = located + bool(near), named + bool(same)
        if same:
            pairs = zip(call.args, same[0], strict=False)
            shares.append(
                sum(a == b for a, b in pairs) / len(call.args) if call.args else float(not same[0])
            )
    useful = sum(any(at in true for at in places) for places in covered.values())
    return {
        "location": located / len(true) if true else nan,
        "function": named / located if located else nan,
        "arguments": sum(shares) / len(shares) if shares else nan,
        "precision": useful / len(guess) if guess else nan,
        "f1": (useful + located) / (len(guess) + len(true)) if guess or true else nan,
        "exact": float({at: c[2:4] for at, c in true.items()}
                       == {at: c[2:4] for at, c in guess.items()}),
    }  # fmt: skip


def averages(scores: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each of the `scores` over the programs that define it, or NaN."""
    scores = listed("scores", scores, Mapping)
    keys = dict.fromkeys(key for row in scores for key in row)
    defined = {key: [row[key] for row in scores if not isnan(row[key])] for key in keys}
    return {key: sum(v) / len(v) if v else nan for key, v in defined.items()}
