r"""Take the MPI calls out of a program, and put them back.

A *stripped* program has numbered lines and no MPI statement; a `Call` says where one was.

=========  ========================================================================================
place      meaning
=========  ========================================================================================
(L, S)     S = 1, 2, …: the S-th statement behind line L of the stripped program
(L, 0)     the right-hand side that was cut from line L + 1, which ends with ``=``
=========  ========================================================================================

L = 0 is the place before the first line.  Calls inside larger expressions stay where they are.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from paralg.core import checks

__all__ = ["Call", "insert", "number_lines", "parse_labels", "strip", "write_labels"]

_STATEMENT = re.compile(r"\s*MPI_\w+\(")
_ASSIGNED = re.compile(r"[^=]* =(?= MPI_\w+\()")


class Call(NamedTuple):
    """A call ``name(args);`` at a place (L, S) of a stripped program; arguments are trimmed."""

    L: int
    S: int
    name: str
    args: tuple[str, ...]
    indent: int = 0

    @property
    def text(self) -> str:
        """The statement."""
        return f"{self.name}({', '.join(self.args)});"


def split_call(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return name and arguments of ``MPI_x(…);``, if this is all of the text; None otherwise.

    Commas and parentheses inside brackets and string literals are no borders of arguments.

    >>> split_call('MPI_Send(f(a, b), 1);')
    ('MPI_Send', ('f(a, b)', '1'))
    """
    name, bracket, rest = text.strip().partition("(")
    if not bracket or not re.fullmatch(r"MPI_\w+", name):
        return None
    depth, quote, args, k = 1, "", [""], 0
    for k, sign in enumerate(rest):  # noqa: B007, k is where it ended
        escaped = quote and args[-1].endswith("\\") and not args[-1].endswith("\\\\")
        if quote or sign in "\"'":
            quote = sign if not quote else "" if sign == quote and not escaped else quote
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        if not depth:
            break
        if sign == "," and depth == 1 and not quote:
            args.append("")
        else:
            args[-1] += sign
    if depth or rest[k:] != ");":
        return None
    return name, tuple(arg.strip() for arg in args) if args != [""] else ()


def strip(program: str) -> tuple[list[str], list[Call]]:
    """Take out every line that is an MPI call, and every right-hand side that is one.

    Parameters
    ----------
    program : str
        In the form of `canonical`.

    Returns
    -------
    lines : list of str
        The stripped program.
    calls : list of Call
        In the order of the program.

    Notes
    -----
    A call in the middle of an expression stays: no column is stored, so nothing could tell it from
    a call at another place of the line (``t = - t0;`` is valid C).
    Where the published labels disagree about cuts, ours always name the line before the cut.

    References
    ----------
    [schneider-2024-mpirigen], preprocessing; the format of the published test items.

    Examples
    --------
    >>> lines, calls = strip("a();\\nMPI_Init(0, 0);\\nt = MPI_Wtime();\\n")
    >>> lines
    ['a();', 't =']
    >>> write_labels(calls)
    '(1 1, MPI_Init(0, 0);) (1 0, MPI_Wtime();)'
    """
    checks.instance("program", program, str)
    lines, calls, rank = [], [], 0
    for line in program.removesuffix("\n").split("\n"):
        indent = len(line) - len(line.lstrip())
        call = split_call(line) if _STATEMENT.match(line) else None
        if call:
            rank += 1
            calls.append(Call(len(lines), rank, *call, indent))
            continue
        cut = _ASSIGNED.match(line)
        call = split_call(line[cut.end() :]) if cut else None
        if call:
            calls.append(Call(len(lines), 0, *call))
            line = cut[0]
        lines.append(line)
        rank = 0
    return lines, calls


def insert(lines: Sequence[str], calls: Iterable[Call]) -> str:
    """Put calls back into a stripped program; of two at one place the later one counts.

    Ranks order the calls behind a line, whatever numbers they are.  A place behind the last line is
    the end of the program, and a cut that no call completes stays cut.

    Examples
    --------
    >>> source = "a();\\nMPI_Init(0, 0);\\nt = MPI_Wtime();\\n"
    >>> insert(*strip(source)) == source
    True
    """
    lines = list(lines)
    for line in lines:
        checks.instance("a line", line, str)
    found: dict[tuple[int, int], Call] = {}
    for call in calls:
        checks.instance("a call", call, Call)
        found[min(call.L, len(lines)), call.S] = call
    out = []
    for k, line in enumerate(["", *lines]):
        cut = found.get((k - 1, 0))
        if k:
            out.append(f"{line} {cut.text}" if cut and line.endswith(" =") else line)
        behind = sorted((S, call) for (L, S), call in found.items() if L == k and S)
        out += [" " * call.indent + call.text for _, call in behind]
    return "\n".join(out) + "\n"


def number_lines(lines: Sequence[str]) -> str:
    """Return the numbered text that the paper's model reads: ``1: int main()``, one a line.

    >>> number_lines(["a();", "b();"])
    '1: a();\\n2: b();'
    """
    return "\n".join(f"{k}: {line}" for k, line in enumerate(lines, 1))


def write_labels(calls: Iterable[Call]) -> str:
    """Return calls in the paper's notation, a tuple ``(L S, indented call;)`` each."""
    return " ".join(f"({c.L} {c.S}, {' ' * c.indent}{c.text})" for c in calls)


def parse_labels(text: str) -> list[Call]:
    """Return the calls of a text in that notation; what is no tuple of this form is passed over.

    A model's answer is read behind the last word ``parallel`` of its text.

    >>> parse_labels("x parallel (3 1,   MPI_Comm_rank(c, &r);) (oops) (4 0, MPI_Wtime();)")
    [Call(L=3, S=1, name='MPI_Comm_rank', args=('c', '&r'), indent=2), \
Call(L=4, S=0, name='MPI_Wtime', args=(), indent=0)]
    """
    checks.instance("text", text, str)
    calls = []
    answer = text.rpartition("parallel ")[2] if "parallel " in text else text
    for found in re.finditer(r"\((\d+) (\d+), ( *)(MPI_\w+\(.*?\);)\)", answer):
        call = split_call(found[4])
        if call:
            calls.append(Call(int(found[1]), int(found[2]), *call, max(0, len(found[3]))))
    return calls
