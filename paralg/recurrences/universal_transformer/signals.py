"""Coordinate signals: where a position is and how many steps it has taken."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from paralg.recurrences.universal_transformer.config import UTConfig

__all__ = ["CoordinateSignal", "sinusoid"]

_LONGEST = 10_000.0


def sinusoid(index: Tensor | float, channels: int, layout: str = "interleaved") -> Tensor:
    r"""Return the sinusoids of an index.

    .. math:: P_{2j} = \sin(i / 10000^{2j/d}), \quad P_{2j+1} = \cos(i / 10000^{2j/d})

    Parameters
    ----------
    index : Tensor, any shape, or float
        Position, or step counted from 1.
    channels : int
        Even width d.
    layout : {"interleaved", "split"}
        Sines and cosines in turn, as above; or all sines before all cosines, with the rates
        :math:`10000^{-j / (d/2 - 1)}`, as in the released code.

    Returns
    -------
    Tensor, shape (\*index.shape, channels)

    References
    ----------
    [dehghani-2019-universal], equations of the coordinate embeddings (recalled).

    Examples
    --------
    >>> sinusoid(0, 4).tolist(), sinusoid(0, 4, "split").tolist()
    ([0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    """
    index = torch.as_tensor(index, dtype=torch.get_default_dtype())
    pairs = channels // 2
    intervals = max(pairs - 1, 1) if layout == "split" else pairs
    rates = torch.exp(torch.arange(pairs) * (-math.log(_LONGEST) / intervals))
    angles = index[..., None] * rates
    if layout == "split":
        return torch.cat([angles.sin(), angles.cos()], dim=-1)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2)


class CoordinateSignal(nn.Module):
    """Add to each state the signal of its position and of the step, or set it beside the state.

    Parameters
    ----------
    config : UTConfig

    Notes
    -----
    The paper adds both sinusoids before every application of the block, not at the input alone.
    With ``combine="concat"`` the three parts of width d are projected back to d without bias.
    """

    def __init__(self, config: UTConfig):
        super().__init__()
        self.config = config
        d = config.d_model
        if config.step_signal == "learned":
            self.table = nn.Parameter(torch.randn(config.steps, d) * d**-0.5)
        if config.combine == "concat":
            parts = 1 + (config.position != "none") + (config.step_signal != "none")
            self.project = nn.Linear(parts * d, d, bias=False)

    def forward(self, x: Tensor, positions: Tensor, step: int) -> Tensor:
        """Return the states with their signal.

        Parameters
        ----------
        x : Tensor, shape (..., d)
        positions : Tensor
            Position index of each state; shape such that it broadcasts to the leading shape of x.
        step : int
            Counted from 1.
        """
        if step > 1 and self.config.signal_at == "first":
            return x
        signals = self._signals(x, positions, step)
        if self.config.combine == "concat":
            wide = [signal.to(x.dtype).expand(x.shape) for signal in signals]
            return self.project(torch.cat([x, *wide], dim=-1))
        for signal in signals:
            x = x + signal.to(x.dtype)
        return x

    def _signals(self, x: Tensor, positions: Tensor, step: int) -> list[Tensor]:
        config, found = self.config, []
        if config.position != "none":
            found.append(sinusoid(positions, config.d_model, config.layout))
        if config.step_signal == "sinusoid":
            found.append(sinusoid(float(step), config.d_model, config.layout))
        elif config.step_signal == "learned":
            found.append(self._row(step))
        return found

    def _row(self, step: int) -> Tensor:
        known = len(self.table)
        if step > known and not (self.config.extend and known):
            raise ValueError(
                f"the learned step table has {known} rows, got step {step}; "
                "use step_signal='sinusoid' or extend=True"
            )
        return self.table[min(step, known) - 1]

    def first_position(self, n: int, step: int, generator: torch.Generator | None) -> int:
        """Return the index of the first position at a step: the released position_start_index."""
        start = self.config.position_start
        if start == "random" and self.training:
            return int(torch.randint(max(n, 1), (), generator=generator))
        if start == "step":
            return n * (step - 1) // max(self.config.steps, 1)
        return 0
