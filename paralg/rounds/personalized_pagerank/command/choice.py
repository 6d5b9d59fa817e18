r"""Which method a user gets: the exact blocks where they fit and are faster, the walks elsewhere.

The decision is a function of the graph's size and of what was asked, never of the clock, so a
command gives the same numbers on every machine and at every load.
"""

import math
from dataclasses import dataclass

from paralg.rounds.personalized_pagerank.fast.exact import BLOCK
from paralg.rounds.personalized_pagerank.theory import least_l1, sweeps_needed, walks_needed

__all__ = [
    "FINE", "METHODS", "PER_ARC", "PER_JOIN", "AccuracyRequest", "MethodChoice", "choose_method",
    "in_bytes",
]  # fmt: skip

METHODS = ("auto", "exact", "walks")

PER_ARC = 0.35e-9
"""Seconds to multiply one arc with one value in a block of sources, on one core of about 2024."""

PER_JOIN = 70e-9
"""Seconds of one look-up of one walk, counting included, on the same core."""

FINE = 1e-6
"""L1 error of the exact method where it costs nothing to speak of."""

_SMALLEST_BLOCK = 8  # one cache line of a node's values


@dataclass(frozen=True)
class AccuracyRequest:
    """What the user asked for, as a number of walks and as a bound on the L1 error."""

    omega: int
    error: float
    asked: str
    strict: bool = False

    @classmethod
    def of(cls, n, *, omega=None, epsilon=None, delta=None, p_fail=None, error=None):
        """Translate what was given; a relative error of 0.5 on values above 1/n by default."""
        ways = [omega is not None, error is not None, (epsilon or delta or p_fail) is not None]
        if sum(ways) > 1:
            raise ValueError("give one of omega, error, or epsilon with delta; got several")
        if omega is not None:
            return cls(omega, least_l1(_positive("omega", omega)), f"{omega:,} walks per source")
        if error is not None:
            if not error < 2:
                raise ValueError(f"error must be below 2, where any distribution is, got {error}")
            walks = math.ceil(n / _positive("error", error, 1e-15) ** 2)
            return cls(walks, error, f"L1 error {error:g}", True)
        epsilon, small = 0.5 if epsilon is None else epsilon, min(0.5, 1.0 / max(n, 1))
        _positive("epsilon", epsilon, 1e-15)
        delta, p_fail = (small if value is None else value for value in (delta, p_fail))
        walks = walks_needed(epsilon, delta, p_fail, pairs=max(1, n * n))
        asked = f"relative error {epsilon:g} on values above {delta:.3g}"
        return cls(walks, epsilon * delta, asked)


@dataclass(frozen=True)
class MethodChoice:
    """The method chosen, and why."""

    method: str
    error: float
    block: int
    seconds: dict[str, float]
    bytes: dict[str, int]
    why: str


def choose_method(
    n: int, m: int, alpha: float, accuracy: AccuracyRequest, *, memory: int, method: str = "auto"
) -> MethodChoice:
    """Choose between blocked power iteration and random walks."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    block, need = _block_that_fits(n, m, memory)
    walks = n * accuracy.omega / alpha * PER_JOIN
    error = accuracy.error
    fine = min(error, FINE)
    if not accuracy.strict and (method == "exact" or _exact_seconds(n, m, alpha, fine) <= walks):
        error = fine
    seconds = {"exact": _exact_seconds(n, m, alpha, error), "walks": walks}
    room = {"exact": need, "walks": _walks_bytes(n, m, accuracy.omega)}
    if not block and method == "exact":
        raise ValueError(_too_large(room, memory))
    best = "exact" if block and seconds["exact"] <= seconds["walks"] else "walks"
    why = "as asked" if method != "auto" else _why(best, bool(block), seconds, room, memory)
    return MethodChoice(best if method == "auto" else method, error, block, seconds, room, why)


def in_bytes(text: str) -> int:
    """Read an amount of memory such as ``800M``, ``2G`` or ``1073741824``."""
    digits, unit = text.strip().upper().removesuffix("B"), 1
    if digits and digits[-1] in "KMGT":
        unit, digits = 1024 ** ("KMGT".index(digits[-1]) + 1), digits[:-1]
    try:
        amount = int(float(digits) * unit)
    except (ValueError, OverflowError):
        amount = 0
    if amount < 1:
        raise ValueError(f"expected an amount of memory such as 800M or 2G, got {text!r}")
    return amount


def _positive(name: str, value, least: float = 1):
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be positive, got {value}")
    if value < least:
        raise ValueError(f"{name} must be at least {least:g}, got {value}")
    return value


def _block_that_fits(n: int, m: int, memory: int) -> tuple[int, int]:
    """Return the sources of one block, 0 for none, and the bytes it (or the smallest) needs."""
    arcs = 20 * m + 16 * n
    block = min(BLOCK, (memory - arcs) // max(16 * n, 1) // _SMALLEST_BLOCK * _SMALLEST_BLOCK)
    block = max(0, block)
    return block, arcs + 16 * n * max(block, _SMALLEST_BLOCK)


def _walks_bytes(n: int, m: int, omega: int) -> int:
    """Return about what the walks need with the default schedule: table, walks, open rows."""
    cap = 1 << 16
    open_rows = min(n, 2 + 20 * cap // omega)
    return 24 * m + 16 * n + 64 * cap + 4 * open_rows * min(n, omega)


def _exact_seconds(n: int, m: int, alpha: float, error: float) -> float:
    return n * m * sweeps_needed(alpha, error) * PER_ARC


def _too_large(room, memory) -> str:
    return (
        f"{_SMALLEST_BLOCK} sources at a time need {_amount(room['exact'])}, "
        f"more than the {_amount(memory)} allowed"
    )


def _why(best, fits, seconds, room, memory) -> str:
    """Say in one sentence why, with the numbers that decided."""
    if not fits:
        return f"exact does not fit: {_too_large(room, memory)}"
    exact, walks = (_time(seconds[name]) for name in ("exact", "walks"))
    if best == "exact":
        need = _amount(room["exact"])
        return f"its blocks need {need}; predicted {exact} against {walks} for walks"
    return f"predicted {walks} against {exact} for the exact method"


def _amount(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.0f} h"
