r"""A positional transformer: the attention of a layer depends on positions, never on values.

With one-hot positions :math:`P`, shape (n + 1, n + 1), and states :math:`X`, shape (n + 1, d), a
layer is [backdeluca-2025-positional]

.. math:: A^{(k)} = \operatorname{softmax}\left((P W_Q^{(k)} + b_Q)(P W_K^{(k)} + b_K)^\top
          / \sqrt m\right), \qquad
          F(X) = \mathrm{MLP}\left(\left[X,\ \big\Vert_k A^{(k)} X W_V^{(k)}\; W_O\right]\right),

with :math:`m` entries in a query. There is no residual connection and no layer norm. Node n is a
*scratch node*: its input is zero and its output is dropped.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from paralg.core import checks

__all__ = ["PositionalAttention", "PositionalTransformer", "Shape"]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model.

    Parameters
    ----------
    nodes : int
        Most values of an input, n; the scratch node is not counted.
    inputs, outputs : int
        Numbers that a node is given, and that it returns.
    width, heads : int
        Length d of a state; heads, of d / heads numbers each.
    layers : int
    hidden : tuple of int
        Units of the hidden layers of each MLP.
    bias : bool
        Whether the maps of values have biases, as the official models do; without them the model is
        positively homogeneous. Queries and keys always have one.
    """

    nodes: int
    inputs: int = 1
    outputs: int = 1
    width: int = 32
    heads: int = 2
    layers: int = 4
    hidden: tuple[int, ...] = (32,)
    bias: bool = True

    def __post_init__(self):
        checks.integers(1, nodes=self.nodes, inputs=self.inputs, outputs=self.outputs,
                        width=self.width, heads=self.heads, layers=self.layers)  # fmt: skip
        checks.instance("hidden", self.hidden, tuple)
        for units in self.hidden:
            checks.integer("hidden", units, 1)
        checks.instance("bias", self.bias, bool)
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, got {self.width}, {self.heads}")


class PositionalAttention(nn.Module):
    """Heads whose weights come from positions; the values they mix come from the states."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.heads, self.size = shape.heads, self.query_size(shape)
        self.query_key = nn.Linear(self.size, 2 * self.size * shape.heads)
        self.value = nn.Linear(shape.width, shape.width, bias=shape.bias)
        self.out = nn.Linear(shape.width, shape.width, bias=shape.bias)

    @staticmethod
    def query_size(shape: Shape) -> int:
        """Numbers in a query: as many as in a position."""
        return shape.nodes + 1

    def source(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return what queries and keys are made from."""
        return positions

    def mixing(self, x: Tensor, positions: Tensor) -> Tensor:
        """Return the weights A, shape (heads, nodes, nodes): rows sum to 1, no batch axis."""
        made = self.query_key(self.source(x, positions))
        query, key = made.unflatten(-1, (2, self.heads, self.size)).movedim(-2, -4).unbind(-2)
        return (query @ key.mT / self.size**0.5).softmax(dim=-1)

    def forward(self, x: Tensor, positions: Tensor) -> Tensor:
        """Mix states (..., nodes, d) by the weights; return the same shape."""
        values = self.value(x).unflatten(-1, (self.heads, -1)).movedim(-2, -3)
        mixed = self.mixing(x, positions) @ values
        return self.out(mixed.movedim(-3, -2).flatten(-2))


def perceptron(sizes: list[int], bias: bool) -> nn.Sequential:
    """Return linear maps with ReLUs between them."""
    maps = [nn.Linear(a, b, bias=bias) for a, b in zip(sizes, sizes[1:], strict=False)]
    return nn.Sequential(*[part for one in maps for part in (one, nn.ReLU())][:-1])


class PositionalTransformer(nn.Module):
    """Numbers at n nodes to numbers at n nodes, through layers that are rounds of communication.

    Parameters
    ----------
    shape : Shape
        Sizes; the weights are Xavier-uniform and the biases zero, drawn by torch's generator.

    Notes
    -----
    Calling it takes values (..., k, inputs) with k ≤ n, for which the first k rows of P and the
    scratch node's are used, and returns (..., k, outputs). Work of a layer: n² · d multiplications
    for mixing (and heads · n³ for A, once a call), O(n d²) for the rest; span: one round.
    Paper → here: n → ``nodes``, d → ``width``, h → ``heads``, L → ``layers``.

    References
    ----------
    [backdeluca-2025-positional], Section 4 and the authors' ``model.py``.

    Examples
    --------
    >>> model = PositionalTransformer(Shape(8, width=4, layers=3))
    >>> model(torch.ones(5, 8, 1)).shape, model.weights().shape
    (torch.Size([5, 8, 1]), torch.Size([3, 2, 9, 9]))
    """

    attention = PositionalAttention

    def __init__(self, shape: Shape):
        checks.instance("shape", shape, Shape)
        super().__init__()
        self.shape, d, bias = shape, shape.width, shape.bias
        self.encoder = nn.Linear(self.encoded(shape), d, bias=bias)
        self.mixers = nn.ModuleList(self.attention(shape) for _ in range(shape.layers))
        sizes = [2 * d, *shape.hidden, d]
        self.locals = nn.ModuleList(perceptron(sizes, bias) for _ in range(shape.layers))
        self.decoder = nn.Linear(d, shape.outputs, bias=bias)
        self.register_buffer("positions", torch.eye(shape.nodes + 1), persistent=False)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.xavier_uniform_(parameter)

    @staticmethod
    def encoded(shape: Shape) -> int:
        """Numbers that the encoder sees of a node."""
        return shape.inputs

    def begin(self, values: Tensor, positions: Tensor) -> Tensor:
        """Return what the encoder sees: the values, and zeros at the scratch node."""
        return nn.functional.pad(values, (0, 0, 0, 1))

    def weights(self, values: Tensor | None = None) -> Tensor:
        """Return A of all layers, (layers, heads, n + 1, n + 1); a batch of values changes nothing.

        Models whose attention sees values need them, and return (layers, ..., heads, n + 1, n + 1).
        """
        if values is None:
            values = self.positions.new_zeros(self.shape.nodes, self.shape.inputs)
        pairs, positions = self._run(values)
        return torch.stack([mixer.mixing(x, positions)
                            for mixer, (x, _) in zip(self.mixers, pairs, strict=True)])  # fmt: skip

    def forward(self, values: Tensor) -> Tensor:
        """Return the outputs of the nodes."""
        return self.decoder(self._run(values)[0][-1][1])[..., :-1, :]

    def _run(self, values: Tensor) -> tuple[list[tuple[Tensor, Tensor]], Tensor]:
        checks.tensors(values=(values, "... n inputs"), weights=(self.encoder.weight, "d e"))
        n, given, inputs = self.shape.nodes, values.shape[-2], values.shape[-1]
        if not 1 <= given <= n or inputs != self.shape.inputs:
            expected = f"(..., 1 to {n}, {self.shape.inputs})"
            raise ValueError(f"values must have the shape {expected}, got {tuple(values.shape)}")
        positions = torch.cat([self.positions[:given], self.positions[-1:]])
        x, pairs = self.encoder(self.begin(values, positions)), []
        for mixer, local in zip(self.mixers, self.locals, strict=True):
            after = local(torch.cat([x, mixer(x, positions)], dim=-1))
            pairs.append((x, after))
            x = after
        return pairs, positions
