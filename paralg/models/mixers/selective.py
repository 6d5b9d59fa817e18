"""The Mamba block as a mixer."""

from __future__ import annotations

from torch import Tensor, nn

from paralg.recurrences.mamba.block import BlockState, MambaBlock
from paralg.recurrences.mamba.config import MambaConfig

__all__ = ["Selective"]


class Selective(nn.Module):
    """A Mamba block of the default sizes.

    Parameters
    ----------
    width, layers : int
        Width of the stream; number of layers, by whose root the output projection is divided.
    """

    def __init__(self, width: int, layers: int):
        super().__init__()
        self.block = MambaBlock(MambaConfig(d_model=width, n_layer=layers))
        self.block.out_proj.weight.data /= layers**0.5

    def forward(self, v: Tensor) -> Tensor:
        """Mix a whole sequence, shape (b, n, width), by a selective scan."""
        return self.block(v)[0]

    def begin(self, batch: int) -> BlockState:
        """Return an empty window and zero states."""
        return self.block.first_state(batch)

    def step(self, v: Tensor, state: BlockState) -> tuple[Tensor, BlockState]:
        """Mix one token, shape (b, width)."""
        return self.block.step(v, state)
