"""Counted cost: parameters, multiply-adds of a block, and the rows of the chapter's table."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from paralg.core.cost import Cost
from paralg.recurrences.universal_transformer.config import UTConfig

__all__ = [
    "Operations",
    "block_operations",
    "layers_of_equal_parameters",
    "parameters",
    "rnn_cost",
    "ut_cost",
]


@dataclass(frozen=True)
class Operations:
    """Multiply-adds of one block.

    Parameters
    ----------
    projections, scores, transition : int
        The four maps of attention; products of queries with keys and of weights with values; the
        two maps of the transition.
    """

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
    """Count the multiply-adds of a block with a position-wise transition.

    Parameters
    ----------
    config : UTConfig
    queries : int
        Positions that are computed.
    keys : int
        Positions that they see.
    fresh : int, optional
        Positions whose keys and values are made; all of `keys` by default.

    Examples
    --------
    >>> block_operations(UTConfig(d_model=64, d_ff=128), 100, 100).total
    4556800
    """
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
    r"""Return the width at which that many layers weigh as much as one of width `d_model`.

    A block of width d with :math:`d_{ff} = 2d` has :math:`8 d^2` weights, so the width is
    :math:`d / \sqrt{L}`, rounded to a multiple of `heads`.

    Examples
    --------
    >>> layers_of_equal_parameters(64, 4)
    32
    """
    return max(heads, round(d_model / layers**0.5 / heads) * heads)
