"""The coordinate signal: where a position is and how many steps have been taken."""

from __future__ import annotations

from torch import Tensor, nn

from paralg.sequence import sinusoidal

__all__ = ["CoordinateSignal"]


class CoordinateSignal(nn.Module):
    r"""Add to each state the sinusoids of its position and of the step, before every step.

    .. math:: P^t_{i,2j} = \sin(i / 10000^{2j/d}) + \sin(t / 10000^{2j/d})

    and the same with cosines in the odd channels.

    Parameters
    ----------
    d_model : int
        Even width d.

    References
    ----------
    [dehghani-2019-universal], equations of the coordinate embeddings (recalled).
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.d_model = d_model

    def forward(self, x: Tensor, position_ids: Tensor, step: int) -> Tensor:
        """Return H + P of a step, counted from 1; ids broadcast to the leading shape of x."""
        for index in (position_ids, float(step)):
            x = x + sinusoidal(index, self.d_model).to(x.dtype)
        return x

    def first_position(self, n: int, step: int, generator=None) -> int:
        """Return the index of the first position at a step."""
        return 0
