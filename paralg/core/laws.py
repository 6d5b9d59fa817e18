"""Four laws that turn counts into predictions: Brent, Amdahl, Gustafson and the roofline.

In all of them ``p`` is a number of workers, at least 1, or an array of such; what is returned has
its shape, and is a float for a single number. In Amdahl's and Gustafson's ``serial_fraction`` is a
float f in [0, 1]. A number out of its range is a ValueError.

References: [brent-1974-parallel], lemma 2, and [graham-1969-bounds] for list schedules;
[amdahl-1967-validity]; [gustafson-1988-reevaluating]; [williams-2009-roofline].
"""

from typing import NamedTuple

import numpy as np

from paralg.core import checks

__all__ = ["Bounds", "amdahl", "brent", "gustafson", "roofline"]


class Bounds(NamedTuple):
    """Interval in which a time must lie: ``lower <= T <= upper``."""

    lower: float | np.ndarray
    upper: float | np.ndarray

    def holds(self, time: float, slack: float = 1e-9) -> bool:
        """Tell whether ``time`` lies within the bounds, up to ``slack * max(1, time)``."""
        checks.number("time", time)
        margin = slack * max(1.0, abs(time))
        return bool(np.all(self.lower - margin <= time) and np.all(time <= self.upper + margin))


def brent(work, span: float | None = None, p=1) -> Bounds:
    r"""Bound the time of a greedy schedule by work and span.

    .. math:: \max(W/p, S) \le T_p \le (W - S)/p + S

    ``work`` is the number :math:`W`, with ``span`` :math:`S`, 0 <= S <= W, or a `Cost`, which has
    both; else TypeError.

    >>> brent(100, 10, p=4)
    Bounds(lower=25.0, upper=32.5)
    >>> from paralg.core.cost import Cost
    >>> brent(Cost(work=100, span=10), p=1000)
    Bounds(lower=10.0, upper=10.09)
    """
    work, span = _work_and_span(work, span)
    p = _workers(p)
    return Bounds(_plain(np.maximum(work / p, span)), _plain((work - span) / p + span))


def amdahl(serial_fraction: float, p):
    """Return the speed-up of a fixed problem, :math:`1 / (f + (1 - f)/p)`.

    f is the share of the one-worker time that cannot be divided; the speed-up is at most 1/f.

    >>> amdahl(0.1, 9)
    5.0
    """
    f, p = _fraction(serial_fraction), _workers(p)
    return _plain(1.0 / (f + (1.0 - f) / p))


def gustafson(serial_fraction: float, p):
    """Return the speed-up of a problem that grows with the machine, :math:`p - f (p - 1)`.

    f is the serial share of the *parallel* run's time; one worker would do the grown problem.

    >>> gustafson(0.1, 9)
    8.2
    """
    f, p = _fraction(serial_fraction), _workers(p)
    return _plain(p - f * (p - 1.0))


def roofline(intensity, peak: float, bandwidth: float):
    r"""Return the attainable rate :math:`\min(\text{peak}, I \cdot \text{bandwidth})`.

    ``intensity`` :math:`I`, a float or an array, is operations per byte moved, ``peak`` operations
    per second when nothing is fetched, ``bandwidth`` bytes per second: the ridge is at their ratio.

    >>> roofline(0.25, peak=64e9, bandwidth=16e9)
    4000000000.0
    """
    peak = checks.number("peak", peak, above=0)
    bandwidth = checks.number("bandwidth", bandwidth, above=0)
    intensity = checks.array("intensity", intensity, least=0)
    return _plain(np.minimum(peak, intensity * bandwidth))


def _work_and_span(work, span) -> tuple[float, float]:
    """Unpack a `Cost`, or check a pair of numbers."""
    if hasattr(work, "span"):
        if span is not None:
            raise TypeError(f"span comes with the Cost, got span={span!r} as well")
        work, span = work.work, work.span
    if span is None:
        raise TypeError("span must be given when work is a number, got None")
    work = checks.number("work", work, 0)
    return work, checks.number("span", span, 0, most=work)


def _workers(p) -> np.ndarray:
    """Check a number of workers, or an array of them."""
    return checks.array("p", p, least=1).astype(float)


def _fraction(f: float) -> float:
    return checks.number("serial_fraction", f, 0, 1)


def _plain(values: np.ndarray):
    """Return a Python float for a single value, the array otherwise."""
    return float(values) if np.ndim(values) == 0 else values
