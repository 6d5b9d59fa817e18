"""Rule 110 in a Universal Transformer whose weights are set by hand: T steps, exact for any T."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from paralg.recurrences.universal_transformer.config import UTConfig
from paralg.recurrences.universal_transformer.recurrence import Recurrence

__all__ = ["automaton", "decode", "encode", "rule_steps", "table_of"]

_CHANNELS = 6  # the cell three times, its complement three times: mean 1/2 and variance 1/4 always


def table_of(rule: int) -> NDArray[np.int64]:
    """Return the new cell for each value 4 left + 2 centre + right of a rule, shape (8,).

    Raises
    ------
    ValueError
        The number is not in 0 … 255.

    Examples
    --------
    >>> table_of(110).tolist()
    [0, 1, 1, 1, 0, 1, 1, 0]
    """
    if not 0 <= rule < 256:
        raise ValueError(f"rule must lie in 0 … 255, got {rule}")
    return rule >> np.arange(8) & 1


def rule_steps(cells: ArrayLike, steps: int, rule: int = 110) -> NDArray[np.int64]:
    """Run an elementary cellular automaton with zeros beyond both ends, cell by cell.

    Parameters
    ----------
    cells : array_like of {0, 1}, shape (n,)
    steps : int
    rule : int

    Returns
    -------
    ndarray, shape (steps + 1, n)

    Examples
    --------
    >>> rule_steps([0, 0, 0, 1], 2).tolist()
    [[0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 1, 1]]
    """
    table, rows = table_of(rule), [np.asarray(cells, dtype=np.int64)]
    for _ in range(steps):
        left, centre, right = (np.pad(rows[-1], 1)[k : k + len(rows[-1])] for k in range(3))
        rows.append(table[4 * left + 2 * centre + right])
    return np.stack(rows)


def encode(cells: ArrayLike) -> Tensor:
    """Return cells as states, shape (1, n, 6): each cell three times and its complement."""
    bits = torch.as_tensor(np.asarray(cells), dtype=torch.float64)
    return torch.stack([bits] * 3 + [1 - bits] * 3, dim=-1)[None]


def decode(states: Tensor) -> NDArray[np.int64]:
    """Return the cells of states, shape (n,)."""
    return (states[0, :, 0] > 0.5).long().numpy()


@torch.no_grad()
def automaton(rule: int = 110) -> Recurrence:
    r"""Return a recurrence whose step is one step of an elementary cellular automaton.

    Parameters
    ----------
    rule : int
        0 … 255.

    Returns
    -------
    Recurrence
        In double precision, with pre-norm, separable convolutions, no signal and no halting.

    Notes
    -----
    1. Attention is switched off: its output projection is zero, so :math:`A = X`.
    2. The first convolution's window of 3 puts left, centre and right cell into three channels.
    3. With the value :math:`v = 4l + 2c + r`, two hidden units
       :math:`[2(v - u) + \tfrac32]_+ - \ldots` make a plateau around each u; see `_plateaus`.
    4. The second convolution reads its centre only and returns the new cell minus the old one,
       which the residual sum turns into the new cell.
    5. A state has mean 1/2 and variance 1/4 whatever its cell, so a layer norm whose scale and
       shift undo both is the identity.

    Plateaus are flat around the values that occur, so that a rounding error of one step does not
    reach the next, whatever T.

    References
    ----------
    [dehghani-2019-universal], section on universality (recalled); the construction is ours.
    """
    table = table_of(rule)
    values = [u for u in range(8) if table[u]]
    config = UTConfig(
        d_model=_CHANNELS, heads=1, d_ff=4 * len(values) + 1, norm="pre", transition="sepconv",
        position="none", step_signal="none",
    )  # fmt: skip
    core = Recurrence(config).double().eval()
    _identity_norms(core)
    layer = core.layers[0]
    torch.nn.init.zeros_(layer.attention.o.weight)
    torch.nn.init.zeros_(layer.attention.o.bias)
    _window(layer.transition)
    _plateaus(layer.transition, values)
    return core


def _identity_norms(core: Recurrence) -> None:
    """Make every norm undo what it does to a vector of mean 1/2 and variance 1/4."""
    for norm in (*core.layers[0].norms, core.last_norm):
        norm.weight.fill_((0.25 + norm.eps) ** 0.5)
        norm.bias.fill_(0.5)


def _window(transition) -> None:
    """Channel 0 looks left, 1 at the centre, 2 right; the other channels are not used."""
    first, second = (part.weight.zero_() for part in transition.window)
    for channel in range(3):
        first[channel, 0, channel] = 1.0
    second[:, 0, 2] = 1.0


def _plateaus(transition, values: list[int]) -> None:
    """Around each value u a bump: 0 up to u - 3/4, 1 from u - 1/4 to u + 1/4, 0 from u + 3/4."""
    inner, outer = transition.mix
    for part in (inner.weight, inner.bias, outer.weight, outer.bias):
        part.zero_()
    for k, u in enumerate(values):
        for j, (edge, sign) in enumerate(((-0.75, 1), (-0.25, -1), (0.25, -1), (0.75, 1))):
            row = 4 * k + j
            inner.weight[row, :3] = 2 * torch.tensor([4.0, 2.0, 1.0], dtype=torch.float64)
            inner.bias[row] = -2 * (u + edge)
            outer.weight[:3, row], outer.weight[3:, row] = sign, -sign
    inner.weight[-1, 1] = 1.0  # the old cell, to be taken away
    outer.weight[:3, -1], outer.weight[3:, -1] = -1.0, 1.0
