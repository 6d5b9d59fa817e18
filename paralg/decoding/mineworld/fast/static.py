"""A static cache: keys and values of all slots in two arrays, written where they belong.

The released decoder keeps such arrays, too. Nothing is copied from call to call, and operands are
not checked again in each layer; a slot is written once, in the order of arrival.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from paralg.core import checks
from paralg.models import Network
from paralg.models.slots import to_numpy, without_gradients

__all__ = ["Filled", "StaticNetwork"]


class Filled(NamedTuple):
    """How many slots of a static cache are filled."""

    used: int

    def join(self, later: "Filled") -> "Filled":
        """Return the state after later slots, which are behind these already."""
        return later


class StaticNetwork:
    """A causal network for one run at a time: the same logits as :class:`~paralg.models.Network`.

    The network must be a causal one with rotary positions.

    >>> from paralg.decoding.mineworld import StreamShape, decode
    >>> from paralg.models import TransformerConfig
    >>> plain = Network.untrained(TransformerConfig(V=5, L=40, rotary=True), "causal")
    >>> one, two = (decode(model, [0, 1, 2, 3, 0, 1, 4], StreamShape(2, 3), 2)
    ...             for model in (plain, StaticNetwork(plain)))
    >>> one.trace == two.trace
    True
    """

    lag = 1

    def __init__(self, network: Network):
        checks.instance("network", network, Network)
        self.net = network.transformer
        if network.mode != "causal" or not self.net.config.rotary:
            raise ValueError(f"expected a causal network with rotary positions, got {network!r}")
        self.V, self.L, self.used = network.V, network.L, 0
        self.cos, self.sin = (part.to(self.net.token.weight)[:, None, None]
                              for part in (self.net.turn.real, self.net.turn.imag))  # fmt: skip

    def extend(self, tokens: np.ndarray, position_ids: np.ndarray, mask: np.ndarray,
               past: Filled | None = None) -> tuple[np.ndarray, Filled]:  # fmt: skip
        """Run S slots behind those of the last call, or as the first ones of a new run."""
        if past is None:
            config, B = self.net.config, len(tokens)
            shape = (config.layers, 2, B, config.heads, 2 * self.L, config.width // config.heads)
            self.cache, self.used = torch.empty(shape, dtype=self.net.token.weight.dtype), 0
        elif past.used != self.used:
            raise ValueError(f"expected the state after {self.used} slots, got {past}")
        with without_gradients():
            at, sees = torch.from_numpy(position_ids), torch.from_numpy(mask)
            h = self.net.token.weight[torch.from_numpy(tokens)] + self.net.position.weight[at]
            turn = self.cos[at], self.sin[at]
            for block, kept in zip(self.net.blocks, self.cache, strict=True):
                h = self._block(block, kept, h, turn, sees)
            self.used += len(position_ids)
            return to_numpy(self.net.head(self.net.norm(h))), Filled(self.used)

    def _block(self, block, kept: Tensor, h: Tensor, turn: tuple[Tensor, Tensor], sees: Tensor):
        """Run one block; write the keys and values of its slots behind the earlier ones."""
        B, S, width = h.shape
        attention, (cos, sin) = block.attention, turn
        y = F.layer_norm(h, (width,), block.norm1.weight, block.norm1.bias)
        y = F.linear(y, attention.qkv.weight, attention.qkv.bias)
        y = y.view(B, S, 3, attention.heads, -1)
        a, b = y[:, :, :2].chunk(2, dim=-1)  # queries and keys are turned together
        q, k = torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1).transpose(1, 3).unbind(2)
        end = self.used + S
        kept[0, :, :, self.used : end] = k
        kept[1, :, :, self.used : end] = y[:, :, 2].transpose(1, 2)
        mixed = F.scaled_dot_product_attention(q, kept[0, :, :, :end], kept[1, :, :, :end],
                                               attn_mask=sees)  # fmt: skip
        mixed = mixed.transpose(1, 2).reshape(B, S, width)
        h = h + F.linear(mixed, attention.out.weight, attention.out.bias)
        y = F.layer_norm(h, (width,), block.norm2.weight, block.norm2.bias)
        up, _, down = block.mlp
        return h + F.linear(F.gelu(F.linear(y, up.weight, up.bias)), down.weight, down.bias)
