"""Honest wall-clock comparison: warm-up, interleaved repeats, medians, spread, pinned threads."""

import contextlib
import gc
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from paralg.core import checks

__all__ = ["Ratio", "Timings", "compare", "pinned"]

_LEAST = 3  # rounds that are taken whatever the budget: below it there is no spread


class Ratio(NamedTuple):
    """How many times faster one method is: median of the rounds and their quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g}x [{self.low:.3g}, {self.high:.3g}]"


@dataclass(frozen=True, eq=False)
class Timings:
    """Seconds of each method in each round.

    In ``seconds`` each method has an array of shape (repeats,), seconds of one call: entry ``r`` of
    every method was taken in round ``r``, on at most ``threads`` threads.
    """

    seconds: Mapping[str, np.ndarray]
    threads: int

    @property
    def median(self) -> dict[str, float]:
        """Median seconds of each method."""
        return {name: float(np.median(values)) for name, values in self.seconds.items()}

    @property
    def quartiles(self) -> dict[str, tuple[float, float]]:
        """Lower and upper quartile of the seconds of each method."""
        return {name: _quartiles(values) for name, values in self.seconds.items()}

    def ratio(self, base: str, other: str) -> Ratio:
        """Return how many times faster ``other`` is than ``base``: median and quartiles.

        The quotient is taken within each round, so that a load that slows a whole round cancels.
        KeyError for a name that was not timed.
        """
        quotients = self._of(base) / self._of(other)
        return Ratio(float(np.median(quotients)), *_quartiles(quotients))

    def table(self, base: str | None = None) -> list[dict]:
        """Return rows with the keys ``method, seconds, low, high, ratio``.

        The ratio is over ``base``, the first method unless named; above 1 is faster than it.
        """
        base = next(iter(self.seconds)) if base is None else base
        rows = []
        for name, seconds in self.median.items():
            low, high = self.quartiles[name]
            rows.append({"method": name, "seconds": seconds, "low": low, "high": high,
                         "ratio": self.ratio(base, name).median})  # fmt: skip
        return rows

    def _of(self, name: str) -> np.ndarray:
        if name not in self.seconds:
            raise KeyError(f"expected one of {sorted(self.seconds)}, got {name!r}")
        return self.seconds[name]


def compare(
    methods: Mapping[str, Callable[[], object]], *, repeats: int = 7,
    warmup: int = 1, threads: int = 1, min_seconds: float = 0.0,
    settle: float = 0.0, budget: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Timings:  # fmt: skip
    """Time several ways to do the same thing, functions without arguments, interleaved.

    Every round runs each method once, in an order that rotates by one, so that drift and other
    load hit all of them alike; warm-up rounds (compilation, caches) are not counted.
    The garbage collector is off while the clock runs.

    - ``repeats, warmup``: counted rounds, and rounds before them that are thrown away;
    - ``threads``: of BLAS, OpenMP, torch and numba, as far as they are loaded;
    - ``min_seconds``: a shorter method is called several times between two looks at the clock;
    - ``settle``: for so many seconds each method runs uncounted before the clock starts for it, so
      that it does not pay for what the method before it left behind: its data in the caches, its
      threads still waiting in a busy loop;
    - ``budget``: no round begins that would end after so many seconds, warm-up included, if it took
      as long as the one before it; three rounds are always taken, or all if there are fewer;
    - ``clock``: returns seconds.

    ValueError for no method, or a number that is out of its range.

    >>> ticks = iter(range(100))
    >>> timings = compare({"loop": list, "scan": list}, repeats=3, clock=lambda: next(ticks))
    >>> timings.median
    {'loop': 1.0, 'scan': 1.0}
    >>> print(timings.ratio("loop", "scan"))
    1x [1, 1]
    """
    checks.instance("methods", methods, Mapping)
    if not methods:
        raise ValueError("expected at least one method, got none")
    checks.integer("repeats", repeats, 1)
    checks.integer("warmup", warmup)
    checks.number("min_seconds", min_seconds, 0)
    checks.number("settle", settle, 0)
    if budget is not None:
        checks.number("budget", budget, above=0)
    end = math.inf if budget is None else clock() + budget
    with pinned(threads):
        for _ in range(warmup):
            for method in methods.values():
                method()
        calls = {name: _calls(method, min_seconds, clock) for name, method in methods.items()}
        rounds, lasted = [], 0.0
        while len(rounds) < repeats:
            begin = clock()
            if len(rounds) >= _LEAST and begin + lasted > end:
                break
            rounds.append(_round(methods, calls, len(rounds), settle, clock))
            lasted = clock() - begin
    seconds = {name: np.array([taken[name] for taken in rounds]) for name in methods}
    return Timings(seconds, threads)


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Limit BLAS, OpenMP, torch and numba to ``threads`` threads, as far as they are loaded.

    The former limits return after the ``with`` block; numba keeps its own when it was started with
    fewer. ValueError for ``threads < 1``.
    """
    checks.integer("threads", threads, 1)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):
            from threadpoolctl import threadpool_limits

            stack.enter_context(threadpool_limits(limits=threads))
        # numba starts its threads here and gives OpenMP, and so torch, as many: torch is last
        for module in filter(None, map(sys.modules.get, ("numba", "torch"))):
            before = module.get_num_threads()
            with contextlib.suppress(ValueError):  # numba refuses more than it started
                module.set_num_threads(threads)
                stack.callback(module.set_num_threads, before)
        yield


def _round(methods, calls, turn: int, settle: float, clock) -> dict[str, float]:
    """Time each method once, starting with method number ``turn``."""
    names = list(methods)
    start = turn % len(names)
    taken = {}
    for name in names[start:] + names[:start]:
        begin = clock()
        while clock() - begin < settle:
            methods[name]()
        taken[name] = _time(methods[name], calls[name], clock)
    return taken


def _calls(method, min_seconds: float, clock) -> int:
    """Return how often to call ``method`` between two looks at the clock."""
    if min_seconds <= 0:
        return 1
    return max(1, int(np.ceil(min_seconds / max(_time(method, 1, clock), 1e-9))))


def _time(method, calls: int, clock) -> float:
    """Return the seconds of one call, the mean of ``calls`` of them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        begin = clock()
        for _ in range(calls):
            method()
        return (clock() - begin) / calls
    finally:
        if collecting:
            gc.enable()


def _quartiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(values, [0.25, 0.75])
    return float(low), float(high)
