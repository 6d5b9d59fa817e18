"""A gated recurrent unit as a mixer: a recurrence whose steps do not compose, so no scan."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Gated"]


class Gated(nn.Module):
    """The GRU of Cho et al. (2014), torch's own, with an output projection.

    Parameters
    ----------
    width : int
    """

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
