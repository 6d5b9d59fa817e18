"""A recording of real timings with a known truth, and how it was made.

Two codes are timed in rounds: ``A`` makes 24,000 passes over an array, ``B`` makes 25,200, so that
B takes 5 % longer by construction; ``twin`` is A once more. In the middle third of the rounds
another process wants the same core.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paralg.core import checks

__all__ = ["PASSES", "Recording", "load_recording", "neighbour", "record"]

PASSES = {"A": 24000, "twin": 24000, "B": 25200}
_FILE = Path(__file__).with_name("samples.json")
_SPIN = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


@dataclass(frozen=True)
class Recording:
    """Timings in the order in which they were taken.

    ``microseconds`` has one timing of each code in each round, ``busy`` says whether the neighbour
    was running (both of shape (rounds,)), ``about`` names machine and date.
    """

    microseconds: dict[str, np.ndarray]
    busy: np.ndarray
    about: str

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        return len(self.busy)


def load_recording() -> Recording:
    """Return the recording that ships with the book.

    Examples
    --------
    >>> run = load_recording()
    >>> run.rounds, sorted(run.microseconds)
    (240, ['A', 'B', 'twin'])
    """
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    samples = {name: np.array(data[name]) for name in PASSES}
    return Recording(samples, np.array(data["busy"], dtype=bool), data["about"])


@contextlib.contextmanager
def neighbour(running: bool = True) -> Iterator[None]:
    """Keep this thread and a busy process on one and the same core, where the system allows it.

    Without ``running`` there is no process, and the thread is only tied to the core.
    """
    checks.instance("running", running, bool)
    with _one_core(), contextlib.ExitStack() as stack:
        if running:
            process = stack.enter_context(subprocess.Popen([sys.executable, "-c", _SPIN]))
            stack.callback(process.kill)
            time.sleep(0.2)  # until it has started to spin
        yield


@contextlib.contextmanager
def _one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):  # no such call outside Linux
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def record(rounds: int = 240, about: str = "") -> dict:
    """Time the three codes, with a neighbour in the middle third, and return JSON values.

    A round is one timing for each code, in the order A, twin, B; ``about`` is kept as it is.
    """
    checks.integer("rounds", rounds, 1), checks.instance("about", about, str)
    x = np.zeros(2**12)
    samples: dict[str, list[int]] = {name: [] for name in PASSES}
    busy = [rounds // 3 <= r < 2 * (rounds // 3) for r in range(rounds)]
    _time(x, PASSES["A"])  # warm-up
    for state in (False, True, False):
        third = sum(b == state for b in busy) // (1 if state else 2)
        with neighbour(state):
            for _ in range(third):
                for name, passes in PASSES.items():
                    samples[name].append(_time(x, passes))
    return samples | {"busy": [int(b) for b in busy], "about": about}


def _time(x: np.ndarray, passes: int) -> int:
    """Return the microseconds of so many passes over the array."""
    begin = time.perf_counter_ns()
    for _ in range(passes):
        np.add(x, 1.0, out=x)
    return round((time.perf_counter_ns() - begin) / 1000)


if __name__ == "__main__":
    text = json.dumps(record(about=" ".join(sys.argv[1:])))
    _FILE.write_text(text + "\n", encoding="utf-8")
