"""Counts of operations, the halting rule in pure Python, and rule 110 with weights set by hand."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from paralg.core import checks
from paralg.core.cost import Cost
from paralg.recurrences.universal_transformer.variants import Recurrence, UTConfig

__all__ = [
    "Halted", "automaton", "block_operations", "coefficients", "decode", "encode", "halt",
    "layers_of_equal_parameters", "parameters", "rnn_cost", "rule_steps", "table_of", "ut_cost",
]  # fmt: skip


def block_operations(config: UTConfig, queries: int, keys: int, fresh: int | None = None) -> int:
    """Count the multiply-adds of a block: projections, scores and mixing, transition."""
    d, fresh = config.d_model, keys if fresh is None else fresh
    return 2 * d * (d * (queries + fresh) + queries * keys + config.d_ff * queries)


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


class Halted(NamedTuple):
    """How one position halted: N, R (0 if the rule never fired), mass, w of each step."""

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

    Examples
    --------
    >>> halt([0.25, 0.5, 0.5])
    Halted(steps=3, remainder=0.25, mass=1.0, weights=(0.25, 0.5, 0.25))
    >>> halt([0.1, 0.1])
    Halted(steps=2, remainder=0.0, mass=0.2, weights=(0.1, 0.1))
    """
    p, epsilon = checks.floats(p=(p, "T"))[0].tolist(), checks.number("epsilon", epsilon)
    mass, weights = 0.0, []
    for step, probability in enumerate(p, 1):
        if mass + probability > 1 - epsilon or (close and step == len(p)):
            left = 1 - mass
            return Halted(step, left, 1.0, (*weights, left))
        mass += probability
        weights.append(probability)
    return Halted(len(weights), 0.0, mass, tuple(weights))


def coefficients(weights: Sequence[float]) -> list[float]:
    r"""Return what each state counts in a blend by weights, :math:`w_t \prod_{u > t} (1 - w_u)`.

    >>> [round(c, 3) for c in coefficients([0.3, 0.4, 0.3])]
    [0.126, 0.28, 0.3]
    """
    found, later = [], 1.0
    for w in reversed(checks.floats(weights=(weights, "T"))[0].tolist()):
        found.append(w * later)
        later *= 1 - w
    return found[::-1]


def table_of(rule: int) -> NDArray[np.int64]:
    """Return the new cell for each value 4 left + 2 centre + right of a rule, shape (8,)."""
    return checks.integer("rule", rule, 0, 255) >> np.arange(8) & 1


def rule_steps(cells: ArrayLike, steps: int, rule: int = 110) -> NDArray[np.int64]:
    """Run an elementary cellular automaton with zeros beyond both ends, cell by cell."""
    table, rows = table_of(rule), [np.asarray(cells, dtype=np.int64)]
    for _ in range(steps):
        left, centre, right = (np.pad(rows[-1], 1)[k : k + len(rows[-1])] for k in range(3))
        rows.append(table[4 * left + 2 * centre + right])
    return np.stack(rows)


def encode(cells: ArrayLike) -> Tensor:
    """Return cells as states, shape (1, n, 6): three times the cell, three times its complement."""
    bits = torch.as_tensor(np.asarray(cells), dtype=torch.float64)
    return torch.stack([bits] * 3 + [1 - bits] * 3, dim=-1)[None]


def decode(states: Tensor) -> NDArray[np.int64]:
    """Return the cells of states, shape (n,)."""
    return (states[0, :, 0] > 0.5).long().numpy()


@torch.no_grad()
def automaton(rule: int = 110) -> Recurrence:
    """Return a recurrence whose step is one step of an elementary cellular automaton."""
    values = np.flatnonzero(table_of(rule)).tolist()
    config = UTConfig(
        d_model=6, heads=1, d_ff=4 * len(values) + 1, norm="pre", transition="sepconv",
        position="none", step_signal="none",
    )  # fmt: skip
    core = Recurrence(config).double().eval()
    layer = core.layers[0]
    for norm in (*layer.norms, core.last_norm):  # the identity at mean 1/2 and variance 1/4
        norm.weight.fill_((0.25 + norm.eps) ** 0.5)
        norm.bias.fill_(0.5)
    for part in layer.attention.o.parameters():
        part.zero_()
    first, second = (part.weight.zero_() for part in layer.transition.window)
    for channel in range(3):  # 0 looks left, 1 at the centre, 2 right; the others are not used
        first[channel, 0, channel] = 1.0
    second[:, 0, 2] = 1.0
    _plateaus(layer.transition, values)
    return core


def _plateaus(transition, values: list[int]) -> None:
    """Around each value u a bump: 0 up to u - 3/4, 1 from u - 1/4 to u + 1/4, 0 from u + 3/4."""
    inner, outer = transition.mix
    for part in transition.mix.parameters():
        part.zero_()
    edges = torch.tensor(values)[:, None] + torch.tensor([-0.75, -0.25, 0.25, 0.75])
    inner.weight[:-1, :3] = 2 * torch.tensor([4.0, 2.0, 1.0])
    inner.bias[:-1] = -2 * edges.flatten()
    inner.weight[-1, 1] = 1.0  # the old cell, to be taken away
    outer.weight[:] = torch.tensor([*[1.0, -1.0, -1.0, 1.0] * len(values), -1.0])
    outer.weight[3:] *= -1
