r"""Three ways to write a stripped program and its calls as one text, and how a model completes each.

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
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from paralg.core import checks
from paralg.rounds.mpirigen.canonical import TYPES, NotC, canonical
from paralg.rounds.mpirigen.strip import Call, split_call

__all__ = ["FORMS", "Completion", "complete", "lexemes", "prompt", "read_calls", "serialise"]

FORMS = ("append", "unnumbered", "in place")
PARALLEL, END, LINE = "parallel", "<end>", "\n"
MOST, LONGEST = 12, 40
"""Most calls at one place, most lexemes of a call: where a model that repeats itself is stopped."""

_LEXEME = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z_]\w*|\d+\.?\d*(?:[eE][-+]?\d+)?|'
    r"<<=|>>=|[-+*/%&|^=!<>]=|\+\+|--|&&|\|\||<<|>>|->|\S"
)


class Reader(Protocol):
    """A causal model that keeps what it has read; a `paralg.models.Network` behind a vocabulary."""

    def feed(self, symbols: Sequence[str]) -> str:
        """Read symbols, and return the one that is likeliest to follow."""


class Completion(NamedTuple):
    """Calls that a model wrote; symbols that it read and wrote; times it was called."""

    calls: list[Call]
    read: int
    written: int
    model_calls: int


def lexemes(text: str) -> list[str]:
    """Return the lexemes of C in a text.

    >>> lexemes("MPI_Send(&a[1], 1);")
    ['MPI_Send', '(', '&', 'a', '[', '1', ']', ',', '1', ')', ';']
    """
    checks.instance("text", text, str)
    return _LEXEME.findall(text)


@lru_cache(maxsize=4096)
def _spelt(symbols: tuple[str, ...]) -> tuple[str, tuple[str, ...]] | None:
    """Return name and arguments of a call from its lexemes, as the printer would space them."""
    try:
        text = canonical(f"int main() {{ {' '.join(symbols)} }}").split("\n")[2]
    except (NotC, IndexError):
        return None
    return split_call(text)


def prompt(lines: Sequence[str], form: str = "append") -> list[str]:
    """Return the symbols that a model reads before it writes: all of the lines, or none."""
    checks.one_of("form", form, FORMS)
    out = []
    for k, line in enumerate(lines, 1):
        out += [f"L{k}", *lexemes(line)] if form == "append" else [*lexemes(line), LINE]
    return [] if form == "in place" else [*out, PARALLEL]


def serialise(lines: Sequence[str], calls: Iterable[Call], form: str = "append") -> list[str]:
    """Return the symbols of a whole text, from which a causal model learns.

    Parameters
    ----------
    lines, calls
        A stripped program, as `strip` returns it.
    form : {"append", "unnumbered", "in place"}
        See the table of this module.

    References
    ----------
    [schneider-2024-mpirigen], the training text: code, the word ``parallel``, labels.

    Examples
    --------
    >>> call = Call(1, 1, "MPI_Init", ("0", "0"))
    >>> " ".join(serialise(["a();"], [call]))
    'L1 a ( ) ; parallel L1 S1 MPI_Init ( 0 , 0 ) ; <end>'
    >>> serialise(["a();"], [call], "in place")[4:]
    ['\\n', 'MPI_Init', '(', '0', ',', '0', ')', ';', '\\n', '<end>']
    """
    calls = list(calls)
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
    """Return the calls of an appended answer; tuples that are none are passed over.

    >>> read_calls("L1 S1 MPI_Init ( 0 , 0 ) ; L2 L3 S1 oops ; <end>".split())
    [Call(L=1, S=1, name='MPI_Init', args=('0', '0'), indent=0)]
    """
    calls, L, S, text = [], None, None, []
    for symbol in symbols:
        if symbol == END:
            break
        number = re.fullmatch(r"([LS])(\d+)", symbol)
        if number:
            L, S = (int(number[2]), None) if number[1] == "L" else (L, int(number[2]))
            text = []
            continue
        text.append(symbol)
        if symbol == ";":
            call = _spelt(tuple(text))
            if call and L is not None and S is not None:
                calls.append(Call(L, S, *call))
            L, S, text = None, None, []
    return calls


def complete(reader: Reader, lines: Sequence[str], form: str = "append",
             longest: int = 400) -> Completion:  # fmt: skip
    """Let a model write the calls of a stripped program, greedily.

    Parameters
    ----------
    reader : Reader
        Has read nothing yet.
    lines : sequence of str
        The stripped program.
    form : {"append", "unnumbered", "in place"}
        That of its training.
    longest : int
        Symbols after which an appended answer is cut off.

    Returns
    -------
    Completion

    Notes
    -----
    *In place* the stripped lines are forced, one after the other. At the end of each the likeliest
    symbol decides: a name ``MPI_…`` that is no type begins a call, which is written up to its ``;``, and the
    question is asked again; anything else, and the next line is forced. Behind ``lhs =`` a call is
    always written. [Ours: the paper compares with left-to-right completion, but gives no such
    protocol.]

    Cost
    ----
    Appended: one call on the prompt and one for each symbol written. In place: one for each line,
    and one for each symbol written.
    """
    checks.one_of("form", form, FORMS), checks.integer("longest", longest, 1)
    count = Counted(reader)
    if form == "in place":
        calls = _in_place(count, lines)
    else:
        symbol, answer = count.feed(prompt(lines, form)), []
        while symbol != END and len(answer) < longest:
            answer.append(symbol)
            symbol = count.feed([symbol])
        calls = read_calls(answer)
        count.written = len(answer)
    return Completion(calls, count.read, count.written, count.calls)


class Counted:
    """A reader that counts what it is asked."""

    def __init__(self, reader: Reader):
        self.reader, self.read, self.written, self.calls = reader, 0, 0, 0

    def feed(self, symbols: Sequence[str]) -> str:
        """Read on."""
        self.read += len(symbols)
        self.calls += 1
        return self.reader.feed(symbols)


def _in_place(count: Counted, lines: Sequence[str]) -> list[Call]:
    calls: list[Call] = []

    def write(symbol: str, L: int, S: int) -> str:
        """Write a call from its first symbol; return the symbol after the end of its line."""
        text = [symbol]
        while text[-1] not in (";", LINE, END) and len(text) < LONGEST:
            text.append(count.feed(text[-1:]))
        count.written += len(text)
        spelt = _spelt(tuple(text))
        if spelt:
            calls.append(Call(L, S, *spelt))
        return count.feed([*text[-1:], LINE] if text[-1] != LINE else [LINE])

    symbol = count.feed([])
    for k, line in enumerate(["", *lines]):
        if k:
            cut = line.endswith(" =")
            symbol = count.feed([*lexemes(line), *([] if cut else [LINE])])
            if cut:
                symbol = write(symbol, k - 1, 0)
        S = 0
        while symbol.startswith("MPI_") and symbol not in TYPES and S < MOST:
            S += 1
            symbol = write(symbol, k, S)
    return calls

