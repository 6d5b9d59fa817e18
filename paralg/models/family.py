"""Networks of several modes over the same data, joined into one model of the protocol."""

from typing import Any

from paralg.core import checks
from paralg.models.network import CALLS, Network
from paralg.models.protocol import UnsupportedCall

__all__ = ["Family"]


class Family:
    """Networks of several modes over the same data, answering all their calls as one model.

    The distributions of different modes are *different models*: nothing makes their joints agree.

    Parameters
    ----------
    *networks : Network
        At least one; equal V and L, distinct modes.

    Examples
    --------
    >>> from paralg.models import TransformerConfig
    >>> shape = TransformerConfig(V=4, L=16)
    >>> family = Family(*(Network.untrained(shape, mode) for mode in ("causal", "anyorder")))
    >>> sorted(family.networks), family.V, family.L
    (['anyorder', 'causal'], 4, 16)
    """

    def __init__(self, *networks: Network) -> None:
        for network in networks:
            checks.instance("a network", network, Network)
        sizes = {(network.V, network.L) for network in networks}
        modes = [network.mode for network in networks]
        if len(sizes) != 1 or len(set(modes)) != len(modes):
            raise ValueError(f"expected one size and distinct modes, got {networks}")
        ((self.V, self.L),) = sizes
        self.networks = dict(zip(modes, networks, strict=True))

    def __repr__(self) -> str:
        return f"<Family {', '.join(network.name for network in self.networks.values())}>"

    def _ask(self, call: str, *args: Any, **options: Any) -> Any:
        mode = next(mode for mode, calls in CALLS.items() if call in calls)
        if mode not in self.networks:
            raise UnsupportedCall(f"this call needs {mode} weights, got {', '.join(self.networks)}")
        return getattr(self.networks[mode], call)(*args, **options)

    def denoise(self, x, **options):
        """Ask the bidirectional network."""
        return self._ask("denoise", x, **options)

    def snapshot(self, x):
        """Ask the bidirectional network."""
        return self._ask("snapshot", x)

    def causal(self, x, **options):
        """Ask the causal network."""
        return self._ask("causal", x, **options)

    def anyorder(self, x, rank, visible=None, **options):
        """Ask the any-order network."""
        return self._ask("anyorder", x, rank, visible, **options)
