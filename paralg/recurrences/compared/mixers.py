"""The mixers by name, and one small network in which only they change.

Aaren and local linear attention are the layers of their chapters as they are.
"""

from functools import partial

import torch
from torch import Tensor, nn

from paralg.core import checks
from paralg.recurrences.aaren import Aaren
from paralg.recurrences.local_linear_attention import LocalLinearAttention
from paralg.recurrences.mamba import BlockState, MambaBlock, MambaConfig
from paralg.sequence import CausalAttention, SequenceModel, sinusoidal

__all__ = ["MIXERS", "GRUMixer", "MambaMixer", "network"]

_REACH = 2000.0  # of the positions: the slowest wave turns by about one radian in so many tokens


class GRUMixer(nn.Module):
    """The unit of Cho et al. (2014), torch's own, with an output projection: no step composes."""

    def __init__(self, width: int):
        super().__init__()
        self.unit = nn.GRU(width, width, batch_first=True)
        self.output = nn.Linear(width, width, bias=False)

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), in n dependent steps."""
        return self.output(self.unit(v)[0])

    def begin(self, batch: int) -> Tensor:
        """Return zeros, shape (batch, width)."""
        return self.output.weight.new_zeros(batch, self.unit.hidden_size)

    def step(self, v: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Mix one token, shape (b, width)."""
        unit = self.unit
        weights = (unit.weight_ih_l0, unit.weight_hh_l0, unit.bias_ih_l0, unit.bias_hh_l0)
        state = torch.gru_cell(v, state, *weights)
        return self.output(state), state


class MambaMixer(nn.Module):
    """A Mamba block of the default sizes, its output divided by the root of the layers."""

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.block = MambaBlock(MambaConfig(d_model=width, n_layer=layers))
        self.block.out_proj.weight.data /= layers**0.5

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), by a selective scan."""
        return self.block(v)

    def begin(self, batch: int) -> BlockState:
        """Return an empty window and zero states."""
        return self.block.begin(batch)

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token, shape (b, width)."""
        return self.block.step(v, state)


MIXERS = {
    "softmax": lambda width, layers, heads: CausalAttention(width, heads),
    "lla": lambda width, layers, heads: LocalLinearAttention(width, heads),
    "aaren": lambda width, layers, heads: Aaren(width, heads),
    "mamba": lambda width, layers, heads: MambaMixer(width, layers),
    "gru": lambda width, layers, heads: GRUMixer(width),
}
"""What makes each mixer, in the order in which they are drawn: growing state first."""


def network(
    mixer: str, inputs: int, outputs: int, *, tokens: bool = True, width: int = 64,
    layers: int = 2, heads: int = 4, seed: int = 0,
) -> SequenceModel:  # fmt: skip
    """Return the network of the comparison around a mixer, with fresh weights.

    Parameters
    ----------
    mixer : str
        A key of ``MIXERS``, else ValueError.
    inputs, outputs, tokens, width, layers, seed
        As for `paralg.sequence.SequenceModel`.
    heads : int
        Where a mixer has some.

    Notes
    -----
    All mixers get the same positions, embeddings and perceptrons. A mixer keeps what belongs to it
    by its own paper: Mamba its short convolution, local linear attention its normed keys.

    Examples
    --------
    >>> network("gru", inputs=5, outputs=3, width=16)(torch.tensor([[1, 2, 3, 4]])).shape
    torch.Size([1, 4, 3])
    """
    checks.one_of("mixer", mixer, MIXERS)
    checks.integers(1, width=width, heads=heads)
    make = partial(MIXERS[mixer], width, layers, heads)
    return SequenceModel(make, inputs, outputs, tokens=tokens, width=width, layers=layers,
                         positions=partial(sinusoidal, longest=_REACH), seed=seed)  # fmt: skip
