r"""Ways to write a stripped program and its calls as one text, and how a model completes it.

=============  ====================================================================================
form           text
=============  ====================================================================================
append         ``L1`` line 1 ``L2`` line 2 … ``parallel`` then a tuple ``L``, ``S``, call for each
unnumbered     the same, with an end of line behind each line in place of its number
in place       the whole program, each call where it stands
=============  ====================================================================================

In the first two, the paper's, every call is written after the *whole* program has been read; in the
third after what stands before it.  Symbols are lexemes of C; indentation is dropped.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from paralg.core import checks
from paralg.rounds.mpirigen.labels import Call, listed, split_call
from paralg.rounds.mpirigen.printing import canonical

__all__ = ["FORMS", "Completion", "complete", "lexemes", "prompt", "read_calls", "serialise"]

FORMS = ("append", "unnumbered", "in place")
PARALLEL, END, LINE = "parallel", "<end>", "\n"

_LEXEME = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z_]\w*|\d+\.?\d*(?:[eE][-+]?\d+)?|'
    r"<<=|>>=|[-+*/%&|^=!<>]=|\+\+|--|&&|\|\||<<|>>|->|\S"
)


Reader = Callable[[Sequence[str]], str]
"""A causal model that keeps what it has read: it reads symbols, and returns the likeliest next."""


class Completion(NamedTuple):
    """Calls that a model wrote, symbols that it wrote, times it was called."""

    calls: list[Call]
    written: int
    model_calls: int


def lexemes(text: str) -> list[str]:
    """Return the lexemes of C in `text`.

    >>> lexemes("MPI_Send(&a[1]);")
    ['MPI_Send', '(', '&', 'a', '[', '1', ']', ')', ';']
    """
    checks.instance("text", text, str)
    return _LEXEME.findall(text)


@lru_cache(maxsize=4096)
def spelt(symbols: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Return name and arguments of a call from its lexemes, spaced as the printer does."""
    try:
        return split_call(canonical(f"int main() {{ {' '.join(symbols)} }}").split("\n")[2])
    except ValueError:
        return None


def prompt(lines: Sequence[str], form: str = "append") -> list[str]:
    """Return what a model reads before it writes: all of the `lines`, by `form`, or nothing."""
    checks.one_of("form", form, FORMS)
    out = []
    for k, line in enumerate(listed("lines", lines, str), 1):
        out += [f"L{k}", *lexemes(line)] if form == "append" else [*lexemes(line), LINE]
    return [] if form == "in place" else [*out, PARALLEL]


def serialise(lines: Sequence[str], calls: Iterable[Call], form: str = "append") -> list[str]:
    """Return the symbols of a whole text, from which a causal model learns.

    Parameters
    ----------
    lines, calls
        A stripped program, as `strip` returns it.
    form : {"append", "unnumbered", "in place"}
        See the table; the first is the training text of [schneider-2024-mpirigen].

    Examples
    --------
    >>> call = Call(1, 1, "MPI_Init", ("0", "0"))
    >>> " ".join(serialise(["a();"], [call]))
    'L1 a ( ) ; parallel L1 S1 MPI_Init ( 0 , 0 ) ; <end>'
    >>> " ".join(serialise(["a();"], [call], "in place")).replace(LINE, "|")
    'a ( ) ; | MPI_Init ( 0 , 0 ) ; | <end>'
    """
    lines, calls = listed("lines", lines, str), listed("calls", calls, Call)
    if checks.one_of("form", form, FORMS) != "in place":
        labels = [[f"L{c.L}", f"S{c.S}", *lexemes(c.text)] for c in calls]
        return [*prompt(lines, form), *(s for label in labels for s in label), END]
    out, at = [], {}
    for call in calls:
        at.setdefault((call.L, bool(call.S)), []).extend([*lexemes(call.text), LINE])
    for k, line in enumerate(["", *lines]):
        if k:
            out += [*lexemes(line), *at.get((k - 1, False), [LINE])]
        out += at.get((k, True), [])
    return [*out, END]


def read_calls(symbols: Iterable[str]) -> list[Call]:
    """Return the calls of the `symbols` of an answer; tuples that are none are passed over."""
    answer = " ".join(listed("symbols", symbols, str)).partition(END)[0]
    found = re.findall(r"(?:^| )L(\d+) S(\d+) ((?:(?!L\d+ )[^;])*;)", answer)
    parts = [(int(L), int(S), spelt(tuple(text.split(" ")))) for L, S, text in found]
    return [Call(L, S, *call) for L, S, call in parts if call]


def complete(reader: Reader, lines: Sequence[str], form: str = "append",
             longest: int = 400) -> Completion:  # fmt: skip
    """Let a model write the calls of a stripped program, greedily.

    Parameters
    ----------
    reader : Reader
        Has read nothing yet.
    lines : sequence of str
        The stripped program.
    form : {"append", "unnumbered"}
        That of its training; `complete_in_place` is for the third.
    longest : int
        Symbols after which an answer is cut off.

    Notes
    -----
    Cost: one call on the whole prompt, and one for each symbol written.
    """
    checks.one_of("form", form, FORMS[:2]), checks.integer("longest", longest, 1)
    checks.instance("reader", reader, Callable)
    symbol, answer = reader(prompt(lines, form)), []
    while symbol != END and len(answer) < longest:
        answer.append(symbol)
        symbol = reader([symbol])
    return Completion(read_calls(answer), len(answer), 1 + len(answer))
