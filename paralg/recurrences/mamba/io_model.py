"""What the ways to run a selective scan move between fast and slow memory, array by array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log2

__all__ = ["SCHEMES", "Traffic", "traffic"]


@dataclass(frozen=True)
class Traffic:
    """Numbers read and written, by array.

    Parameters
    ----------
    scheme : str
        One of ``SCHEMES``.
    items : dict of str to int
        Array to numbers moved, reads and writes together.
    operations : int
        Floating-point operations of the recurrence, the exponential as one.
    itemsize : int
        Bytes of a number.
    """

    scheme: str
    items: Mapping[str, int]
    operations: int
    itemsize: int

    @property
    def bytes(self) -> int:
        """Bytes moved."""
        return self.itemsize * sum(self.items.values())

    @property
    def intensity(self) -> float:
        """Operations for each byte moved, the abscissa of the roofline."""
        return self.operations / self.bytes if self.bytes else 0.0


def _fused(b, L, D, N, chunk) -> dict[str, int]:
    return {
        "u, delta, y": 3 * b * L * D,
        "B, C": 2 * b * L * N,
        "A, D, bias": D * N + 2 * D,
        "states at chunk starts": b * ceil(L / chunk) * D * N,
    }


def _unfused(b, L, D, N, chunk) -> dict[str, int]:
    states = b * L * D * N
    return {
        "u, delta, y": 4 * b * L * D,
        "B, C": 2 * b * L * N,
        "coefficients written": 2 * states,
        "coefficients read by the scan": 2 * states,
        "states written and read": 2 * states,
    }


def _kogge_stone(b, L, D, N, chunk) -> dict[str, int]:
    rounds = ceil(log2(L)) if L > 1 else 0
    pairs = b * D * N * (L * rounds - (2**rounds - 1))
    return {
        "u, delta, y": 4 * b * L * D,
        "B, C": 2 * b * L * N,
        "coefficients written": 2 * b * L * D * N,
        "pairs read and written": 6 * pairs,
        "states read": b * L * D * N,
    }


_ITEMS: dict[str, Callable[..., dict[str, int]]] = {
    "fused": _fused,
    "unfused": _unfused,
    "kogge-stone": _kogge_stone,
}
SCHEMES = tuple(_ITEMS)


def traffic(
    scheme: str, *, batch: int, length: int, channels: int, states: int, chunk: int = 32,
    itemsize: int = 4,
) -> Traffic:  # fmt: skip
    """Count the bytes that a forward pass moves between slow and fast memory.

    Parameters
    ----------
    scheme : {"fused", "unfused", "kogge-stone"}
        States never leave fast memory; coefficients and states of the whole sequence are arrays
        in slow memory; the same with a log-depth scan over them, round by round.
    batch, length, channels, states : int
        b, L, D, N.
    chunk : int
        Steps between two stored states ("fused").
    itemsize : int
        Bytes of a number.

    Returns
    -------
    Traffic
        Unfused over fused tends to 2 N as N grows for long chunks: 6 b L D N against 3 b L D.

    Raises
    ------
    ValueError
        Unknown scheme, or a size that is not positive.

    References
    ----------
    [gu-2023-mamba], section 3.3.2 and appendix D; the itemisation is ours.

    Examples
    --------
    >>> sizes = dict(batch=1, length=1024, channels=64, states=16)
    >>> fused, unfused = traffic("fused", **sizes), traffic("unfused", **sizes)
    >>> round(unfused.bytes / fused.bytes, 1)
    25.0
    """
    if scheme not in _ITEMS:
        raise ValueError(f"scheme must be one of {SCHEMES}, got {scheme!r}")
    sizes = {"batch": batch, "length": length, "channels": channels, "states": states,
             "chunk": chunk, "itemsize": itemsize}  # fmt: skip
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    items = _ITEMS[scheme](batch, length, channels, states, chunk)
    operations = 7 * batch * length * channels * states  # exp, 2 products, 2 multiply-adds
    return Traffic(scheme, items, operations, itemsize)
