"""Trained or compiled models with their weights A computed once, and nodes on the first axis.

A has no batch axis, so that a head mixes all rows of a batch by one product of matrices.
"""

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.rounds.positional_attention.layer import PositionalAttention, PositionalTransformer

__all__ = ["FrozenMixing", "FrozenTransformer"]


class FrozenMixing(nn.Module):
    """One attention with fixed weights, of positions (nodes, n + 1), on states (nodes, rows, d)."""

    def __init__(self, attention: PositionalAttention, positions: Tensor):
        checks.instance("attention", attention, PositionalAttention)
        if type(attention) is not PositionalAttention:
            raise TypeError(f"attention must not depend on values, got {type(attention).__name__}")
        super().__init__()
        h = attention.heads
        with torch.no_grad():
            self.register_buffer("weights", attention.mixing(positions, positions))
            values, out = attention.value, attention.out
            self.register_buffer("value", values.weight.unflatten(0, (h, -1)).mT.contiguous())
            self.register_buffer("out", out.weight.T.contiguous())
            # rows of A sum to 1, so that the bias of the values goes through to the end
            constant = None if values.bias is None else out.weight @ values.bias + out.bias
            self.register_buffer("constant", constant)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the nodes read, shape (nodes, rows, d)."""
        nodes, rows, d = x.shape
        h, _, dh = self.value.shape
        values = torch.matmul(x.reshape(1, nodes * rows, d), self.value)  # (h, nodes · rows, d / h)
        mixed = torch.bmm(self.weights, values.view(h, nodes, rows * dh))
        mixed = mixed.view(h, nodes * rows, dh).transpose(0, 1).reshape(nodes * rows, d)
        made = mixed @ self.out
        return (made if self.constant is None else made + self.constant).view(nodes, rows, d)


class FrozenTransformer(nn.Module):
    """A model of full length whose attention is computed once.

    Parameters
    ----------
    model : PositionalTransformer
        Later changes of its attention are not seen.

    Examples
    --------
    >>> from paralg.rounds.positional_attention import PositionalTransformer, Shape
    >>> model = PositionalTransformer(Shape(8))
    >>> x = torch.ones(5, 8, 1)
    >>> torch.allclose(FrozenTransformer(model)(x), model(x), atol=1e-5)
    True
    """

    def __init__(self, model: PositionalTransformer):
        checks.instance("model", model, PositionalTransformer)
        super().__init__()
        self.encoder, self.decoder, self.locals = model.encoder, model.decoder, model.locals
        self.mixers = nn.ModuleList(FrozenMixing(one, model.positions) for one in model.mixers)
        self.nodes, self.inputs = model.shape.nodes, model.shape.inputs

    @torch.no_grad()
    def forward(self, values: Tensor) -> Tensor:
        """Return the outputs of rows (rows, n, inputs)."""
        checks.tensors(values=(values, "rows n inputs"), weights=(self.encoder.weight, "d e"))
        if values.shape[1:] != (self.nodes, self.inputs):
            raise ValueError(f"values must have the shape (rows, {self.nodes}, {self.inputs}), got "
                             f"{tuple(values.shape)}")  # fmt: skip
        x = self.encoder(nn.functional.pad(values, (0, 0, 0, 1)).transpose(0, 1))
        for mixer, local in zip(self.mixers, self.locals, strict=True):
            x = local(torch.cat([x, mixer(x)], dim=-1))
        return self.decoder(x[:-1]).transpose(0, 1)
