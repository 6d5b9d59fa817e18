"""Compiled layers in PyTorch Geometric, and searches by networkx."""

import numpy as np
import torch
from torch import nn

from paralg.core import checks
from paralg.rounds.neural_compilation.layer import SLOPE, GATv2Weights

__all__ = ["GeometricLayer", "geometric_operands", "networkx_pointers"]


class GeometricLayer(nn.Module):
    """A compiled layer as a public ``GATv2Conv``, with its two key columns dropped after ReLU.

    One matrix serves keys and values there, so both are stacked: lin_l = [W_1 | W_m], lin_r =
    [W_2 | 0], att = [a | 0], res = [0 | W_s]. Its edge term enters the logit only: a layer with an
    edge in its message does not load, a ValueError.
    """

    def __init__(self, weights: GATv2Weights):
        from torch_geometric.nn import GATv2Conv

        super().__init__()
        checks.instance("weights", weights, GATv2Weights)
        if weights.message_edge.any():
            raise ValueError("message_edge must be zero: GATv2Conv has no edge in its message")
        (keys, columns), width = weights.sender.shape, len(weights.bias)
        self.keys, none = keys, np.zeros
        conv = GATv2Conv(columns, keys + width, edge_dim=weights.edge.shape[1], residual=True,
                         negative_slope=SLOPE, add_self_loops=False).double()  # fmt: skip
        filled = {
            "lin_l.weight": np.vstack([weights.sender, weights.message]),
            "lin_r.weight": np.vstack([weights.receiver, none((width, columns))]),
            "lin_edge.weight": np.vstack([weights.edge, none((width, weights.edge.shape[1]))]),
            "att": np.concatenate([weights.logit, none(width)])[None, None],
            "res.weight": np.vstack([none((keys, columns)), weights.own]),
            "bias": np.concatenate([none(keys), weights.bias]),
            "lin_l.bias": none(keys + width), "lin_r.bias": none(keys + width),
        }  # fmt: skip
        conv.load_state_dict({name: torch.as_tensor(value) for name, value in filled.items()})
        self.conv = conv

    def forward(self, z: torch.Tensor, index: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
        """Return new columns; ``index`` (2, m) has senders and receivers, ``edges`` (m, E)."""
        return torch.relu(self.conv(z, index, edges))[:, self.keys :]


def geometric_operands(edges: np.ndarray, mask: np.ndarray):
    """Return index (2, m) and features (m, E) of the pairs that attend."""
    receiver, sender = np.nonzero(mask)
    return (torch.from_numpy(np.stack([sender, receiver])),
            torch.from_numpy(edges[receiver, sender]))  # fmt: skip


def networkx_pointers(graph, source: int) -> dict[int, int]:
    """Return predecessors of a breadth-first search by networkx, in the order of ids."""
    import networkx as nx

    return dict(nx.bfs_predecessors(graph, source, sort_neighbors=sorted))
