"""Counts of operations, the halting rule in pure Python, and rule 110 with weights set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from paralg.core.cost import Cost
from paralg.recurrences.universal_transformer.variants import Recurrence, UTConfig

__all__ = [
    "Halted", "Operations", "automaton", "block_operations", "coefficients", "decode", "encode",
    "halt", "layers_of_equal_parameters", "parameters", "rnn_cost", "rule_steps", "table_of",
    "ut_cost",
]  # fmt: skip

@dataclass(frozen=True)
class Operations:
    """Multiply-adds of one block."""

    projections: int
    scores: int
    transition: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.projections + self.scores + self.transition


def block_operations(
    config: UTConfig, queries: int, keys: int, fresh: int | None = None
) -> Operations:
    """Count the multiply-adds of a block with a position-wise transition."""
    d, fresh = config.d_model, keys if fresh is None else fresh
    return Operations(
        2 * d * d * (queries + fresh), 2 * d * queries * keys, 2 * d * config.d_ff * queries
    )


def ut_cost(n: int, steps: int) -> Cost:
    """Cost of `steps` steps on n positions, in applications of the block to a position."""
    return Cost(work=n * steps, span=steps)


def rnn_cost(n: int) -> Cost:
    """Cost of a recurrence in time on n positions, in applications of its cell."""
    return Cost(work=n, span=n)


def parameters(module: nn.Module) -> int:
    """Count the parameters of a module."""
    return sum(part.numel() for part in module.parameters())


def layers_of_equal_parameters(d_model: int, layers: int, heads: int = 4) -> int:
    """Return the width at which that many layers weigh as much as one of width `d_model`."""
    return max(heads, round(d_model / layers**0.5 / heads) * heads)


@dataclass(frozen=True)
class Halted:
    """How one position halted.

    Parameters
    ----------
    steps : int
        N.
    remainder : float
        R; 0 if the rule never fired.
    mass : float
        1 after halting, less if the steps ran out.
    weights : tuple of float
        w of each step.
    """

    steps: int
    remainder: float
    mass: float
    weights: tuple[float, ...]


def halt(p: Sequence[float], *, epsilon: float = 0.01, close: bool = False) -> Halted:
    """Run the halting rule on the probabilities of one position.

    Parameters
    ----------
    p : sequence of float
        Halting probability of each permitted step.
    epsilon : float
    close : bool
        Whether the last permitted step takes all that is left.

    Returns
    -------
    Halted

    Examples
    --------
    >>> halt([0.25, 0.5, 0.5])
    Halted(steps=3, remainder=0.25, mass=1.0, weights=(0.25, 0.5, 0.25))
    >>> halt([0.1, 0.1])
    Halted(steps=2, remainder=0.0, mass=0.2, weights=(0.1, 0.1))
    """
    mass, weights = 0.0, []
    for step, probability in enumerate(p, 1):
        if mass + probability > 1 - epsilon or (close and step == len(p)):
            left = 1 - mass
            return Halted(step, left, 1.0, (*weights, left))
        mass += probability
        weights.append(probability)
    return Halted(len(weights), 0.0, mass, tuple(weights))


def coefficients(weights: Sequence[float], output: str = "blend") -> list[float]:
    r"""Return what each step's state counts in the output.

    Parameters
    ----------
    weights : sequence of float
    output : {"blend", "accumulated"}
        :math:`w_t \prod_{u > t} (1 - w_u)`, or :math:`w_t`.

    Raises
    ------
    ValueError
        Another rule.

    Examples
    --------
    >>> [round(c, 3) for c in coefficients([0.3, 0.4, 0.3])]
    [0.126, 0.28, 0.3]
    """
    if output == "accumulated":
        return list(weights)
    if output != "blend":
        raise ValueError(f"output must be 'blend' or 'accumulated', got {output!r}")
    found, later = [], 1.0
    for w in reversed(weights):
        found.append(w * later)
        later *= 1 - w
    return found[::-1]


_CHANNELS = 6  # the cell three times, its complement three times: mean 1/2 and variance 1/4 always


def table_of(rule: int) -> NDArray[np.int64]:
    """Return the new cell for each value 4 left + 2 centre + right of a rule, shape (8,)."""
    if not 0 <= rule < 256:
        raise ValueError(f"rule must lie in 0 … 255, got {rule}")
    return rule >> np.arange(8) & 1


def rule_steps(cells: ArrayLike, steps: int, rule: int = 110) -> NDArray[np.int64]:
    """Run an elementary cellular automaton with zeros beyond both ends, cell by cell."""
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
    """Return a recurrence whose step is one step of an elementary cellular automaton."""
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
