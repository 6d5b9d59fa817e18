r"""Prices of loops as they were measured, cycles of a team, a closed form.

.. math:: T_p = F + \sum_{\text{phases}} \Big( \max_i C_i + B \Big), \qquad S_p = T_1 / T_p

with the fork F and a barrier B only where more than one core runs, and C_i the cycles of core i:
steps of its loops times the price of a step. Prices were measured by
``benchmarks.rv32_instructions``; fork, barrier, banks and powers are model inputs.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from paralg.core import checks
from paralg.core.schedule import Schedule, Task
from paralg.kernels.pulp_kernels.team import REDUCTIONS, Phase

__all__ = ["BACKENDS", "LOADS", "Cluster", "counted_steps", "instructions", "prices"]

BACKENDS = ("native", "fast", "generic", "fast, no subnormals")
LOADS = {"dot": 2, "distance": 2, "gauss": 3, "sum": 1, "largest": 1, "walk": 4}
"""Words that a step of a loop reads."""
_PARTS = {"dot": ("mul", "add"), "distance": ("sub", "mul", "add"), "sum": ("add",),
          "gauss": ("sub", "mul", "mul", "add"), "largest": ("lt",), "walk": ("lt",)}  # fmt: skip


@cache
def instructions() -> dict:
    """Return the record: instructions and cycles of calls and of loops, by library."""
    path = Path(__file__).parent / "experiments" / "instructions.json"
    return json.loads(path.read_text(encoding="utf-8"))


def prices(backend: str = "native", unit: str = "cycles", bare: bool = False) -> dict[str, float]:
    """Return the price of one step of each loop, measured on compiled code.

    ``backend`` is one of `BACKENDS`: a floating-point unit, RVfplib, GCC's soft-fp, RVfplib that
    flushes subnormals. ``unit`` is cycles, of an in-order core, or instructions. ``bare`` leaves
    the loop out, as hardware loops do: the calls as measured, 1 for each word that is read, 4 for
    each call; native operations 1, and 1 for a multiply-add.

    >>> prices("native")["dot"], prices("native", "instructions")["dot"]
    (8.0, 6.0)
    """
    checks.one_of("backend", backend, BACKENDS)
    checks.one_of("unit", unit, ("cycles", "instructions"))
    checks.instance("bare", bare, bool)
    what = "cycles" if unit == "cycles" else "all"
    if not bare:
        return {name: loop[what] for name, loop in instructions()["loops"][backend].items()}
    what, found = what.replace("all", "mean"), {}
    for loop, parts in _PARTS.items():
        reads = {"sum": 2, "largest": 0}.get(loop, LOADS[loop]) + (loop == "largest")
        if backend == "native":
            found[loop] = max(1, len(parts) - 1) + reads
        else:
            calls = instructions()["calls"][backend]
            found[loop] = sum(calls[part]["normal"][what] + 4 for part in parts) + reads
    return found


@dataclass(frozen=True)
class Cluster:
    """p cores in a cluster with one price list, by default ``prices("native")``.

    ``fork`` and ``barrier`` are cycles; of ``banks`` of the shared memory, p cores that read a word
    wait 1 + (p - 1) / (2 banks) cycles for it, and 0 leaves conflicts out.
    """

    price: Mapping[str, float] = field(default_factory=prices)
    fork: float = 60
    barrier: float = 25
    banks: int = 0

    def __post_init__(self):
        checks.instance("price", self.price, Mapping)
        if set(LOADS) - {*self.price}:
            raise ValueError(f"price must have {', '.join(LOADS)}, got {', '.join(self.price)}")
        for name, value in (*self.price.items(), ("fork", self.fork), ("barrier", self.barrier)):
            checks.number(f"price of {name}", value, 0)
        checks.integer("banks", self.banks)

    def cycles(self, counts: Mapping[str, int], p: int = 1) -> float:
        """Return the cycles of one core of p that all read."""
        wait = (p - 1) / (2 * self.banks) if self.banks else 0.0
        return sum(n * (self.price[loop] + wait * LOADS[loop]) for loop, n in counts.items())

    def schedule(self, phases: Sequence[Phase]) -> Schedule:
        """Return who does what when; ``work`` and ``span`` are without fork and barriers."""
        for one in phases:
            checks.instance("each of phases", one, Phase)
        p = max((len(phase.counts) for phase in phases), default=1)
        tasks, now, work, span = [], self.fork if p > 1 else 0, 0.0, 0.0
        for phase in phases:
            times = [self.cycles(one, len(phase.counts)) for one in phase.counts]
            tasks += [Task(phase.name, i, now, now + time) for i, time in enumerate(times) if time]
            now += max(times) + (self.barrier if len(times) > 1 else 0)
            work, span = work + sum(times), span + max(times)
        return Schedule(tuple(tasks), p, work, span)

    def time(self, phases: Sequence[Phase]) -> float:
        """Return T_p in cycles, all barriers included."""
        plan, barriers = self.schedule(phases), sum(len(phase.counts) > 1 for phase in phases)
        return plan.span + (self.fork if plan.p > 1 else 0) + barriers * self.barrier

    def energy(self, phases: Sequence[Phase], base: float = 1.0, idle: float = 0.1) -> float:
        """Return energy in busy core cycles: a base power of the chip, idle and busy cores."""
        plan, time = self.schedule(phases), self.time(phases)
        return base * time + plan.work + idle * (plan.p * time - plan.work)


def counted_steps(c: int, d: int, p: int, cut: str = "vertical", how: str = "dealt") -> int:
    """Return the span in steps of `linear` of shape c, d on p, by ``cut`` and ``how``, undecided.

    >>> [counted_steps(10, 64, 8, how=how) for how in ("core 0", "tree", "dealt")]
    [150, 110, 94]
    >>> counted_steps(10, 64, 8, "horizontal")
    128
    """
    checks.integers(1, c=c, d=d, p=p)
    checks.one_of("cut", cut, ("vertical", "horizontal"))
    if cut == "horizontal":
        return -(-c // p) * d
    width = -(-d // p)
    used = -(-d // width)  # a last core may have no features
    added = {"core 0": (used - 1) * c, "tree": math.ceil(math.log2(used)) * c,
             "dealt": (used - 1) * -(-c // p)}  # fmt: skip
    return c * width + added[checks.one_of("how", how, REDUCTIONS)]
