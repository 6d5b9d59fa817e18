"""The mixers by name, each built at its first use."""

from __future__ import annotations

from torch import nn

__all__ = ["MIXERS", "build"]

MIXERS = ("softmax", "lla", "aaren", "mamba", "gru")
"""In the order in which they are drawn: growing state first."""


def build(name: str, width: int, layers: int, heads: int) -> nn.Module:
    """Return a mixer with fresh weights.

    Parameters
    ----------
    name : str
        One of ``MIXERS``.
    width, layers, heads : int
        Width of the stream, layers of the network, heads where a mixer has some.

    Raises
    ------
    ValueError
        Unknown name.
    """
    if name not in MIXERS:
        raise ValueError(f"mixer must be one of {', '.join(MIXERS)}, got {name!r}")
    return _BUILDERS[name](width, layers, heads)


def _softmax(width: int, layers: int, heads: int) -> nn.Module:
    from paralg.recurrences.aaren.layer import CausalAttention

    return CausalAttention(width, heads)


def _lla(width: int, layers: int, heads: int) -> nn.Module:
    from paralg.models.mixers.local import Local

    return Local(width, heads)


def _aaren(width: int, layers: int, heads: int) -> nn.Module:
    from paralg.recurrences.aaren.layer import Aaren

    return Aaren(width, heads)


def _mamba(width: int, layers: int, heads: int) -> nn.Module:
    from paralg.models.mixers.selective import Selective

    return Selective(width, layers)


def _gru(width: int, layers: int, heads: int) -> nn.Module:
    from paralg.models.mixers.gated import Gated

    return Gated(width)


_BUILDERS = {
    "softmax": _softmax, "lla": _lla, "aaren": _aaren, "mamba": _mamba, "gru": _gru,
}  # fmt: skip
