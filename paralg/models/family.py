"""Networks of several modes over the same data, joined into one model of the protocol."""

from __future__ import annotations

from typing import Any

import numpy as np

from paralg.models.network import Network, NetworkCache
from paralg.models.protocol import UnsupportedCall

__all__ = ["Family"]


class Family:
    """Networks of several modes over the same data, answering all their calls as one model.

    Parameters
    ----------
    networks : Network
        At least one; equal V and L, distinct modes.

    Raises
    ------
    ValueError
        If sizes differ or a mode occurs twice.

    Notes
    -----
    The distributions of different modes are *different models*: nothing makes their joints agree.
    """

    def __init__(self, *networks: Network) -> None:
        sizes = {(network.V, network.L) for network in networks}
        modes = [network.mode for network in networks]
        if len(sizes) != 1 or len(set(modes)) != len(modes):
            raise ValueError(f"expected one size and distinct modes, got {networks}")
        ((self.V, self.L),) = sizes
        self.networks = dict(zip(modes, networks, strict=True))

    def __repr__(self) -> str:
        return f"<Family {', '.join(network.name for network in self.networks.values())}>"

    def _of(self, mode: str) -> Network:
        if mode not in self.networks:
            raise UnsupportedCall(f"this call needs {mode} weights, got {', '.join(self.networks)}")
        return self.networks[mode]

    def denoise(self, x: np.ndarray, **options: Any) -> np.ndarray:
        """Ask the bidirectional network."""
        return self._of("bidirectional").denoise(x, **options)

    def snapshot(self, x: np.ndarray) -> tuple[np.ndarray, NetworkCache]:
        """Ask the bidirectional network."""
        return self._of("bidirectional").snapshot(x)

    def causal(self, x: np.ndarray, **options: Any) -> np.ndarray:
        """Ask the causal network."""
        return self._of("causal").causal(x, **options)

    def anyorder(
        self, x: np.ndarray, rank: np.ndarray, visible: int | None = None, **options: Any
    ) -> np.ndarray:
        """Ask the any-order network."""
        return self._of("anyorder").anyorder(x, rank, visible, **options)
