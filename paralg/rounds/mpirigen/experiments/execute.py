"""The stricter test: put the calls back, compile, run on a few ranks, compare what is printed.

The wheel ``mpich`` of the extra ``mpi`` brings ``mpiexec`` and ``mpicc``; ``mpicc`` calls the C
compiler of the machine.  Only programs of the corpus are run, with calls of known names in them.
"""

import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from paralg.core import checks
from paralg.rounds.mpirigen.canonical import NotC, canonical
from paralg.rounds.mpirigen.strip import Call, insert, strip

__all__ = ["VERDICTS", "MPIMissing", "Verdict", "judge", "run", "toolchain"]

VERDICTS = ("right", "other output", "does not end", "stops with an error", "does not compile")
RANKS, SECONDS = (2, 3, 4), 20.0
"""Numbers of ranks, and after how long a run counts as one that does not end."""
HEADERS = "#include <mpi.h>\n#include <stdio.h>\n#include <stdlib.h>\n"


class MPIMissing(RuntimeError):
    """No launcher or no compiler of MPI programs; the message says what to install."""


class Verdict(NamedTuple):
    """One of `VERDICTS`, and the first line of what was said about it."""

    word: str
    said: str = ""


def _find(name: str) -> str | None:
    beside = Path(sysconfig.get_path("scripts")) / name
    return str(beside) if beside.exists() else shutil.which(name)


def toolchain() -> tuple[str, str]:
    """Return the paths of ``mpicc`` and ``mpiexec``; `MPIMissing` where one is missing."""
    found = {name: _find(name) for name in ("mpicc", "mpiexec")}
    missing = " and ".join(name for name, path in found.items() if not path)
    if missing:
        raise MPIMissing(f"expected an MPI launcher, got no {missing}: pip install 'paralg[mpi]'")
    if not any(map(shutil.which, (os.environ.get("MPICH_CC", "gcc"), "cc"))):
        raise MPIMissing("expected a C compiler behind mpicc, got none: install gcc, for instance "
                         "by apt install gcc")  # fmt: skip
    return found["mpicc"], found["mpiexec"]


def _finish(command: Sequence[str], seconds: float) -> tuple[int, str, str]:
    """Run a command in a group of its own; if it takes too long, end all of the group."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             errors="replace", start_new_session=True)  # fmt: skip
    try:
        out, said = child.communicate(timeout=seconds)
        return child.returncode, out, said
    except BaseException:
        os.killpg(child.pid, signal.SIGTERM)  # the launcher then ends its ranks
        try:
            child.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
        raise


def run(program: str, ranks: Iterable[int] = RANKS, seconds: float = SECONDS
        ) -> list[tuple[str, ...]] | Verdict:  # fmt: skip
    """Compile a program and run it; return its sorted lines for each number of ranks.

    Where it cannot be compiled, fails or does not end, the verdict on that is returned instead.

    Parameters
    ----------
    program : str
        C, without the lines that include headers.
    ranks : iterable of int
        Numbers of ranks, one run each.
    seconds : float
        For one run.
    """
    checks.instance("program", program, str), checks.number("seconds", seconds, above=0)
    mpicc, mpiexec = toolchain()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder, "program.c"), Path(folder, "program")
        source.write_text(HEADERS + program)
        code, _, said = _finish([mpicc, "-w", "-o", str(binary), str(source)], 60)
        if code:
            errors = [line for line in said.split("\n") if "error" in line]
            return Verdict("does not compile", errors[0].rpartition("error: ")[2] if errors else "")
        for p in ranks:
            command = [mpiexec, "-n", str(checks.integer("ranks", p, 1)), str(binary)]
            try:
                code, out, said = _finish(command, seconds)
            except subprocess.TimeoutExpired:
                return Verdict("does not end", f"on {p} ranks")
            if code:
                fatal = [line for line in said.split("\n") if "rror" in line]
                return Verdict("stops with an error", fatal[0].strip() if fatal else "")
            lines.append(tuple(sorted(filter(None, out.split("\n")))))
    return lines


@lru_cache(maxsize=1024)
def _reference(program: str, ranks: tuple[int, ...], seconds: float):
    return run(program, ranks, seconds)


def judge(program: str, calls: Iterable[Call], ranks: Iterable[int] = RANKS,
          seconds: float = SECONDS) -> Verdict:  # fmt: skip
    """Strip a program, put *these* calls in, and say how what comes of it runs.

    It is right if it prints the lines of the program, in any order, on all numbers of ranks.
    """
    ranks, (lines, _) = tuple(ranks), strip(program)
    text = insert(lines, calls)
    try:
        text = canonical(text)
    except NotC:
        return Verdict("does not compile", "a right-hand side is missing")
    if text == program:
        return Verdict("right", "the same text")
    found = run(text, ranks, seconds)
    if isinstance(found, Verdict):
        return found
    expected = _reference(program, ranks, seconds)
    if found == expected:
        return Verdict("right")
    at = next(k for k, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
    other = sorted(set(found[at]) ^ set(expected[at]))
    return Verdict("other output", f"on {ranks[at]} ranks: {other[0] if other else 'lines missing'}")
