"""How a step makes the new state: highway and skip gates, attention over depth, GRU and LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.config import UTConfig

__all__ = ["Update"]


class Update(nn.Module):
    r"""The rule around the block, by ``config.recurrence``.

    Parameters
    ----------
    config : UTConfig

    Notes
    -----
    With S the old state (and signal), T the transformed one, X the input of the recurrence:

    =========  ==========================================================================
    basic      :math:`T`
    highway    :math:`g T + (1 - g) S, \; g = \sigma(W [\ldots])`
    skip       :math:`g T + (1 - g) X`
    depth      :math:`T` of :math:`\sum_{u < t} a_u H^u`, a the softmax over depth of a linear score
    gru        :math:`\text{GRU}(A, S)`, A the attention sublayer's output
    lstm       the same with an LSTM cell, whose memory starts at 0
    =========  ==========================================================================

    The two cells are simplified: in the released code the gates of a cell read the state and the
    input of the recurrence, and attention acts inside it, on candidate, state or memory.

    The released code takes its depth-wise softmax over the channels and leaves the state of step t
    out at step t, so that its first step sees zeros; both look like slips, and here the softmax
    runs over depth and includes the latest state.
    """

    def __init__(self, config: UTConfig):
        super().__init__()
        self.config, d = config, config.d_model
        self.cell = None
        if config.recurrence in ("highway", "skip"):
            self.gate = nn.Linear(len(config.gates) * d, d)
            nn.init.constant_(self.gate.bias, -1.0)  # begin by carrying
        elif config.recurrence == "depth":
            self.score = nn.Linear(d, 1)
        elif config.recurrence == "gru":
            self.cell = nn.GRUCell(d, d)
        elif config.recurrence == "lstm":
            self.cell = nn.LSTMCell(d, d)

    def start(self, x: Tensor):
        """Return what is remembered besides the state before the first step."""
        if self.config.recurrence == "depth":
            return (x,)
        return torch.zeros_like(x) if self.config.recurrence == "lstm" else None

    def enter(self, state: Tensor, memory) -> Tensor:
        """Return what the step begins with: the state, or a mixture of all states so far."""
        if self.config.recurrence != "depth":
            return state
        past = torch.stack(memory)
        return (self.score(past).softmax(dim=0) * past).sum(dim=0)

    def leave(self, new: Tensor, old: Tensor, x: Tensor) -> Tensor:
        """Return the gated mixture of the transformed state with the old one or the input."""
        if self.config.recurrence not in ("highway", "skip"):
            return new
        parts = {"s": old, "t": new, "i": x}
        g = self.gate(torch.cat([parts[name] for name in self.config.gates], dim=-1)).sigmoid()
        carried = old if self.config.recurrence == "highway" else x
        return g * new + (1 - g) * carried

    def cell_step(self, a: Tensor, state: Tensor, memory) -> tuple[Tensor, Tensor | None]:
        """Return state and memory after the cell, each of the states' shape."""
        flat, old = a.flatten(0, 1), state.flatten(0, 1)
        if self.config.recurrence == "gru":
            return self.cell(flat, old).view_as(state), memory
        new, kept = self.cell(flat, (old, memory.flatten(0, 1)))
        return new.view_as(state), kept.view_as(state)

    def hold(self, new, old, moves: Tensor):
        """Keep the LSTM memory of positions that do not move."""
        if self.config.recurrence != "lstm":
            return new
        return torch.where(moves[..., None], new, old)

    def remember(self, state: Tensor, memory):
        """Add a state to the list that depth-wise attention reads."""
        return (*memory, state) if self.config.recurrence == "depth" else memory
