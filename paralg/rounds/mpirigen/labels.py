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

_ASSIGNED = re.compile(r"[^=]* =(?= MPI_\w+\()")
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|.', re.S)


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


def listed(name: str, values: Iterable, kind: type) -> list:
    """Return values as a list, each of one class."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be several of {kind.__name__}, got {values!r}")
    found = list(values)
    for value in found:
        checks.instance(f"each of {name}", value, kind)
    return found


def split_call(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return name and arguments of ``MPI_x(…);``, if this is all of the text; None otherwise.

    >>> split_call('MPI_Send(f(a, b), 1);'), split_call('MPI_A(1) + MPI_B(2);')
    (('MPI_Send', ('f(a, b)', '1')), None)
    """
    found = re.fullmatch(r"\s*(MPI_\w+)\((.*)\);\s*", text, re.S)
    args, depth = [""], 0
    for piece in _PIECE.findall(found[2]) if found else ():
        depth += (piece in ("(", "[", "{")) - (piece in (")", "]", "}"))
        if depth < 0:
            return None
        if piece == "," and not depth:
            args.append("")
        else:
            args[-1] += piece
    if not found or depth:
        return None
    return found[1], () if args == [""] else tuple(arg.strip() for arg in args)


def strip(program: str) -> tuple[list[str], list[Call]]:
    """Take out every line that is an MPI call, and every right-hand side that is one.

    Parameters
    ----------
    program : str
        In the form of `canonical`.

    Notes
    -----
    Returned are the stripped lines, and the calls in their order.
    A call in the middle of an expression stays: no column is stored, so nothing could tell where
    it was (``t = - t0;`` is valid C).  Where the published labels disagree about cuts, ours name
    the line before the cut.  [schneider-2024-mpirigen], preprocessing.

    Examples
    --------
    >>> lines, calls = strip("a();\\nMPI_Init(0, 0);\\nt = MPI_Wtime();\\n")
    >>> lines, write_labels(calls)
    (['a();', 't ='], '(1 1, MPI_Init(0, 0);) (1 0, MPI_Wtime();)')
    """
    checks.instance("program", program, str)
    lines, calls, rank = [], [], 0
    for line in program.removesuffix("\n").split("\n"):
        call = split_call(line)
        if call:
            rank += 1
            calls.append(Call(len(lines), rank, *call, len(line) - len(line.lstrip())))
            continue
        cut = _ASSIGNED.match(line)
        call = split_call(line[cut.end() :]) if cut else None
        if call:
            calls.append(Call(len(lines), 0, *call))
        lines.append(cut[0] if call else line)
        rank = 0
    return lines, calls


def insert(lines: Sequence[str], calls: Iterable[Call]) -> str:
    """Put `calls` back into stripped `lines`; of two at one place the later one counts.

    Ranks order the calls behind a line. A place behind the last line is the end of the program,
    and a cut that no call completes stays cut.

    >>> insert(*strip("a();\\nMPI_Init(0, 0);\\n"))
    'a();\\nMPI_Init(0, 0);\\n'
    """
    found: dict[tuple[int, int], Call] = {}
    lines = listed("lines", lines, str)
    for call in listed("calls", calls, Call):
        found[min(call.L, len(lines)), call.S] = call
    out = []
    for k, line in enumerate(["", *lines]):
        cut = found.get((k - 1, 0))
        if k:
            out.append(f"{line} {cut.text}" if cut and line.endswith(" =") else line)
        behind = sorted((S, call) for (L, S), call in found.items() if k == L and S)
        out += [" " * call.indent + call.text for _, call in behind]
    return "\n".join(out) + "\n"


def number_lines(lines: Sequence[str]) -> str:
    """Return `lines` as the paper's model reads them: ``1: int main()`` and so on."""
    return "\n".join(f"{k}: {line}" for k, line in enumerate(listed("lines", lines, str), 1))


def write_labels(calls: Iterable[Call]) -> str:
    """Return `calls` in the paper's notation, a tuple ``(L S, indented call;)`` each."""
    calls = listed("calls", calls, Call)
    return " ".join(f"({c.L} {c.S}, {' ' * c.indent}{c.text})" for c in calls)


def parse_labels(text: str) -> list[Call]:
    """Return the calls of `text` in that notation, read behind the last word ``parallel``."""
    checks.instance("text", text, str)
    answer = re.split(r"\bparallel ", text)[-1]
    found = re.finditer(r"\((\d+) (\d+), ( *)(MPI_\w+\(.*?\);)\)", answer)
    parts = [(one, split_call(one[4])) for one in found]
    return [Call(int(one[1]), int(one[2]), *call, len(one[3])) for one, call in parts if call]
