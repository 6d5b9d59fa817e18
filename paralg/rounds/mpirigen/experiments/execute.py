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
from paralg.rounds.mpirigen.labels import Call, insert, strip
from paralg.rounds.mpirigen.printing import canonical

__all__ = ["VERDICTS", "MPIMissing", "RunVerdict", "judge", "run", "toolchain"]

VERDICTS = ("right", "other output", "does not end", "stops with an error", "does not compile")
RANKS, SECONDS = (2, 3, 4), 10.0
"""Numbers of ranks, and after how long a run counts as one that does not end."""
HEADERS = "#include <mpi.h>\n#include <stdio.h>\n#include <stdlib.h>\n"


class MPIMissing(RuntimeError):
    """No launcher or no compiler of MPI programs; the message says what to install."""


class RunVerdict(NamedTuple):
    """One of `VERDICTS`, and what was said about it."""

    word: str
    said: str


def toolchain() -> tuple[str, str]:
    """Return the paths of ``mpicc`` and ``mpiexec``; `MPIMissing` where one is missing."""
    beside, found = sysconfig.get_path("scripts"), []
    for name in ("mpicc", "mpiexec"):
        path = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
        if not path:
            raise MPIMissing(f"expected an MPI launcher, got no {name}: pip install 'paralg[mpi]'")
        found.append(path)
    if not any(map(shutil.which, (os.environ.get("MPICH_CC", "gcc"), "cc"))):
        raise MPIMissing("expected a C compiler for mpicc, got none: install gcc, for instance by "
                         "apt install gcc")  # fmt: skip
    return found[0], found[1]


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
        ) -> list[tuple[str, ...]] | RunVerdict:  # fmt: skip
    """Compile a program and run it; return its sorted lines for each number of ranks.

    Where it cannot be compiled, fails, or takes more than ``seconds`` for a run, the verdict on
    that is returned instead.
    """
    checks.instance("program", program, str), checks.number("seconds", seconds, above=0)
    ranks, lines = [checks.integer("ranks", p, 1) for p in ranks], []
    mpicc, mpiexec = toolchain()
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder, "program.c"), str(Path(folder, "program"))
        source.write_text(HEADERS + program)
        code, _, said = _finish([mpicc, "-w", "-o", binary, str(source)], 60)
        if code:
            return RunVerdict("does not compile", said.partition("error: ")[2].partition("\n")[0])
        for p in ranks:
            try:
                code, out, said = _finish([mpiexec, "-n", str(p), binary], seconds)
            except subprocess.TimeoutExpired:
                return RunVerdict("does not end", f"on {p} ranks")
            if code:
                return RunVerdict("stops with an error", f"on {p} ranks")
            lines.append(tuple(sorted(filter(None, out.split("\n")))))
    return lines


_reference = lru_cache(maxsize=1024)(run)


def judge(program: str, calls: Iterable[Call], ranks: Iterable[int] = RANKS,
          seconds: float = SECONDS) -> RunVerdict:  # fmt: skip
    """Strip a program, put *these* calls in, and say how what comes of it runs.

    It is right if it prints the lines of the program, in any order, on all numbers of ranks.
    """
    ranks = tuple(ranks)
    try:
        text = canonical(insert(strip(program)[0], calls))
    except ValueError:
        return RunVerdict("does not compile", "a right-hand side is missing")
    if text == program:
        return RunVerdict("right", "the same text")
    found = run(text, ranks, seconds)
    if isinstance(found, RunVerdict):
        return found
    for p, ours, lines in zip(ranks, found, _reference(program, ranks, seconds), strict=True):
        if ours != lines:
            other = [*sorted({*ours} ^ {*lines}), "a line too many or too few"][0]
            return RunVerdict("other output", f"on {p} ranks: {other}")
    return RunVerdict("right", "")
