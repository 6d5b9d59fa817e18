"""Checks of arguments that several modules share: each returns what it was given, or ValueError."""

from __future__ import annotations

import numpy as np

__all__ = [
    "DANGLING", "check_alpha", "check_arcs", "check_at_least", "check_dangling", "check_nodes",
    "check_partitions", "check_sizes", "check_sources",
]  # fmt: skip

DANGLING = ("stop", "source")  # at a node without out-arcs: stop there, or jump back


def check_at_least(name: str, value, least: int = 1):
    """Refuse a value below ``least``."""
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return value


def check_alpha(alpha: float) -> float:
    """Refuse what is no stopping probability in (0, 1]."""
    if not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha!r}")
    return float(alpha)


def check_dangling(dangling: str) -> str:
    """Refuse what names no convention for nodes without out-arcs."""
    if dangling not in DANGLING:
        raise ValueError(f"dangling must be one of {', '.join(DANGLING)}, got {dangling!r}")
    return dangling


def check_sizes(largest: int | None, hops: int) -> None:
    """Refuse records and moves of sizes that cannot be."""
    if largest is not None:
        check_at_least("largest", largest, 2)
    if not 1 <= hops <= 255:
        raise ValueError(f"hops must lie in 1..255, got {hops}")
    if hops > 1 and largest is None:
        raise ValueError("big moves need a bound on the record: give largest, got None")


def check_sources(n: int, sources: range | None, omega: int = 1) -> range:
    """Return the sources, all ``n`` by default; refuse others, and more walks than records hold."""
    if not 1 <= omega < 1 << 31:
        raise ValueError(f"omega must lie in 1..2**31 - 1, got {omega}")
    sources = range(n) if sources is None else sources
    if sources.step != 1 or sources.start < 0 or sources.stop > n:
        raise ValueError(f"sources must be a range of 0..{n - 1} of step 1, got {sources}")
    return sources


def check_partitions(partitions: int) -> int:
    """Refuse none, and more than the 16-bit numbers by which a round sorts its walks can name."""
    if not 1 <= partitions < 1 << 15:
        raise ValueError(f"partitions must lie in 1..32767, got {partitions}")
    return partitions


def check_arcs(sources, targets, weights):
    """Return ends and weights of arcs as arrays of the same length."""
    tail, head = _integers("sources", sources), _integers("targets", targets)
    weight = np.ones(len(tail)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(tail) == len(head) == len(weight):
        raise ValueError(
            "sources, targets and weights must have the same length, "
            f"got {len(tail)}, {len(head)} and {len(weight)}"
        )
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(f"weights must be positive and finite, got {weight[first]} at arc {first}")
    return tail, head, weight


def _integers(name, values):
    array = np.asarray(values)
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, shape (k,), got {array.dtype}, {array.shape}")
    return array.astype(np.int64)


def check_nodes(n, names, tail, head) -> int:
    """Return the number of nodes, after checking the ends against it."""
    ends = np.concatenate([tail, head])
    if n is None:
        n = int(ends.max(initial=-1)) + 1 if names is None else len(names)
    if names is not None and len(names) != n:
        raise ValueError(f"expected {n} names, got {len(names)}")
    outside = ends[(ends < 0) | (ends >= n)]
    if len(outside):
        raise ValueError(f"nodes must lie in 0..{n - 1}, got {outside.min()}")
    return n
