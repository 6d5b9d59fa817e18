r"""A graph attention layer GATv2 with one head, in float64, as the CLRS benchmark has it.

Receiver i, sender j; plain GATv2 where ``message_edge`` is zero, for it cannot carry the weight of
an edge to a node:

    u_ij   = a · LeakyReLU(W_1 z_j + W_2 z_i + W_e e_ij)
    alpha  = softmax of u_ij over j
    out_i  = ReLU(sum_j alpha_ij (W_m z_j + W_me e_ij) + W_s z_i + b)

Shapes: n nodes, C columns, K key units, E edge features, H outputs [saldyt-2025-mind].
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks

__all__ = ["GATv2Output", "GATv2Weights", "gatv2_layer"]

SLOPE = 0.2
_FORMS = ("K C", "K C", "K E", "K", "H C", "H E", "H C", "H")


@dataclass(frozen=True, eq=False)
class GATv2Weights:
    """Weights of one layer.

    Parameters
    ----------
    sender, receiver : ndarray, shape (K, C), W_1 and W_2 of the logit
    edge : ndarray, shape (K, E), W_e of the logit
    logit : ndarray, shape (K,), the vector a
    message, own : ndarray, shape (H, C), W_m and W_s
    message_edge : ndarray, shape (H, E), W_me, zero in plain GATv2
    bias : ndarray, shape (H,)
    """

    sender: NDArray[np.float64]
    receiver: NDArray[np.float64]
    edge: NDArray[np.float64]
    logit: NDArray[np.float64]
    message: NDArray[np.float64]
    message_edge: NDArray[np.float64]
    own: NDArray[np.float64]
    bias: NDArray[np.float64]

    def __post_init__(self):
        forms = dict(zip(vars(self), _FORMS, strict=True))
        found = checks.floats(**{name: (vars(self)[name], form) for name, form in forms.items()})
        for name, value in zip(forms, found, strict=True):
            object.__setattr__(self, name, value)


class GATv2Output(NamedTuple):
    """New columns (..., n, H) and attention (..., n, n), a row for each receiver."""

    z: NDArray[np.float64]
    attention: NDArray[np.float64]


def gatv2_layer(
    weights: GATv2Weights, z: ArrayLike, edges: ArrayLike, mask: ArrayLike
) -> GATv2Output:  # fmt: skip
    """Apply one layer to a graph, or to a stack of graphs of one size.

    Parameters
    ----------
    weights : GATv2Weights
    z : array_like, shape (..., n, C), columns of each node
    edges : array_like, shape (..., n, n, E), features of the edge to receiver i from sender j
    mask : array_like of bool, shape (..., n, n), whether i attends to j; a True in each row

    Returns
    -------
    GATv2Output
        ValueError for shapes that do not fit, or a node that attends to none.

    Cost
    ----
    Work O(n² (K E + H) + n K C) a graph, span O(log n): all edges are independent.

    Examples
    --------
    >>> eye, none = np.eye(1), np.zeros((1, 1))
    >>> mean = GATv2Weights(none, none, none, [0.0], eye, none, none, [0.0])
    >>> out = gatv2_layer(mean, [[1.0], [3.0]], np.zeros((2, 2, 1)), np.ones((2, 2), bool))
    >>> out.z.ravel().tolist()
    [2.0, 2.0]
    """
    checks.instance("weights", weights, GATv2Weights)
    z, edges = checks.floats(z=(z, "... n C"), edges=(edges, "... n n E"))
    mask = checks.mask("mask", mask, edges.shape[:-1])
    expected, got = (weights.own.shape[1], weights.edge.shape[1]), (z.shape[-1], edges.shape[-1])
    if got != expected:
        raise ValueError(f"z and edges must have {expected} columns and features, got {got}")
    if not mask.any(axis=-1).all():
        raise ValueError("mask must let every node attend to one node at least, got an empty row")
    return apply_layer(weights, z, edges, mask)


def apply_layer(w: GATv2Weights, z: NDArray, edges: NDArray, mask: NDArray) -> GATv2Output:
    """Apply a layer to operands that are checked."""
    u = (z @ w.sender.T)[..., None, :, :] + (z @ w.receiver.T)[..., :, None, :] + edges @ w.edge.T
    logits = np.where(mask, np.where(u > 0, u, SLOPE * u) @ w.logit, -np.inf)
    alpha = np.exp(logits - logits.max(axis=-1, keepdims=True, initial=-np.inf))
    alpha /= alpha.sum(axis=-1, keepdims=True)
    heard = alpha @ (z @ w.message.T)
    if w.message_edge.any():
        heard = heard + np.einsum("...ij,...ije->...ie", alpha, edges) @ w.message_edge.T
    return GATv2Output(np.maximum(heard + z @ w.own.T + w.bias, 0.0), alpha)
