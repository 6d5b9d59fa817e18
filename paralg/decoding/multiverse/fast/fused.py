"""The same network in half as many operations: they are what a call of few slots costs."""

import torch
import torch.nn.functional as F

from paralg.models import Network
from paralg.models.slots import NetworkSlots, to_numpy
from paralg.models.transformer import rotate

__all__ = ["FusedNetwork"]


class FusedNetwork(Network):
    """A causal network that runs one row without its modules; equal up to rounding.

    It needs rotary positions; query and key are turned together.
    """

    def __init__(self, network: Network):
        super().__init__(network.transformer, network.mode, network.name, network.config)
        net = self.transformer
        turn = net.turn[:, None, None]  # a row for each position
        self.turn = turn.real.to(net.token.weight), turn.imag.to(net.token.weight)
        parts = ((b.norm1, b.attention.qkv, b.attention.out, b.norm2, b.mlp[0], b.mlp[2])
                 for b in net.blocks)  # fmt: skip
        self.parts = [[(p.weight.detach(), p.bias.detach()) for p in row] for row in parts]

    def _run(self, tokens, position_ids, mask=None, past=None):
        """Run the slots of one row."""
        if len(tokens) != 1 or mask is None or not self.transformer.config.rotary:
            raise ValueError(f"expected one row, a mask and rotary positions, got {self!r}")
        net, at, sees = self.transformer, torch.tensor(position_ids), torch.tensor(mask)
        h = net.token.weight[torch.tensor(tokens[0])] + net.position.weight[at]
        turn, shape, kept = [part[at] for part in self.turn], (len(at), 3, net.config.heads, -1), []
        for m, (norm1, qkv, out, norm2, up, down) in enumerate(self.parts):
            x = F.linear(F.layer_norm(h, h.shape[1:], *norm1), *qkv).view(shape)
            q, k = rotate(x[:, :2], turn).permute(1, 2, 0, 3)[:, None]
            own = keys, values = k, x[None, :, 2].transpose(1, 2)
            if past is not None:
                keys, values = (torch.cat(two, 2) for two in zip(past.layers[m], own, strict=True))
            x = F.scaled_dot_product_attention(q, keys, values, attn_mask=sees)
            h = h + F.linear(x[0].transpose(0, 1).reshape(h.shape), *out)
            x = F.gelu(F.linear(F.layer_norm(h, h.shape[1:], *norm2), *up))
            h = h + F.linear(x, *down)
            kept.append(own)
        return to_numpy(net.head(net.norm(h)))[None], NetworkSlots(self, tuple(kept), h[None])
