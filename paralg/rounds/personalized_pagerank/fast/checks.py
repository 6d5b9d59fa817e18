"""Checks of arguments that several modules share: each returns what it was given, or ValueError."""

from paralg.core.checks import instance, integer, number, one_of

__all__ = [
    "DANGLING", "LEAST_ALPHA", "check_alpha", "check_dangling", "check_kept", "check_partitions",
    "check_sizes", "check_sources",
]  # fmt: skip

LEAST_ALPHA = 1e-6
"""A walk has room for 2**26 hops; at this alpha one in exp(67) is longer."""

DANGLING = ("stop", "source")  # at a node without out-arcs: stop there, or jump back


def check_alpha(alpha: float) -> float:
    """Refuse what is no stopping probability, and walks too long for their clock of 26 bits."""
    if not 0.0 < number("alpha", alpha) <= 1.0:
        raise ValueError(f"alpha must lie in (0, 1], got {alpha!r}")
    if alpha < LEAST_ALPHA:
        raise ValueError(f"alpha must be at least {LEAST_ALPHA:g}, got {alpha!r}")
    return float(alpha)


def check_dangling(dangling: str) -> str:
    """Refuse what names no convention for nodes without out-arcs."""
    return one_of("dangling", dangling, DANGLING)


def check_sizes(largest: int | None, hops: int) -> None:
    """Refuse records and moves of sizes that cannot be."""
    if largest is not None:
        integer("largest", largest, 2)
    if integer("hops", hops, 1, 255) > 1 and largest is None:
        raise ValueError("big moves need a bound on the record: give largest, got None")


def check_sources(n: int, sources: range | None, omega: int = 1) -> range:
    """Return the sources, all ``n`` by default; refuse others, and more walks than records hold."""
    integer("omega", omega, 1, 2**31 - 1)
    sources = range(n) if sources is None else sources
    instance("sources", sources, range)
    if sources.step != 1 or sources.start < 0 or sources.stop > n:
        raise ValueError(f"sources must be a range of 0..{n - 1} of step 1, got {sources}")
    return sources


def check_partitions(partitions: int) -> int:
    """Refuse none, and more than the 16-bit numbers by which a round sorts its walks can name."""
    return integer("partitions", partitions, 1, 2**15 - 1)


def check_kept(top: int | None, least: float, seed: int = 0) -> None:
    """Refuse a number of entries to keep that is none, a least value below 0, a seed too long."""
    if top is not None:
        integer("top", top, 1)
    number("least", least, 0)
    integer("seed", seed, -(2**63), 2**64 - 1)
