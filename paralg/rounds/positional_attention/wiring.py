r"""From a table of sources to the queries and keys of a positional layer, as sharp as asked.

Head k of node i is to read node :math:`\sigma_k(i)`. Queries are :math:`c\sqrt m\, e_{\sigma_k(i)}`
and keys :math:`e_j`, so that one logit is c and all others are 0: the *gap*. The scratch node n
reads itself. A head that points a node to the scratch node, whose state is 0, reads nothing: that
is how one MLP, shared by all nodes, behaves in different ways at different nodes.
"""

from math import exp

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from paralg.core import checks
from paralg.rounds.positional_attention.layer import PositionalAttention

__all__ = ["GAP", "leak", "sources_of", "wire"]

GAP = 800.0
"""Logit gap of compiled layers: e^-800 is 0 in double precision, so rows are exactly one-hot."""


def leak(n: int, gap: float) -> float:
    r"""Return the weight that a row of A loses to the n wrong nodes, at most :math:`n e^{-c}`.

    ``gap`` is c, how far the right logit is above the others.

    >>> [float(f"{leak(8, c):.1g}") for c in (7, 14, 20)]
    [0.007, 7e-06, 2e-08]
    """
    checks.integer("n", n, 1), checks.number("gap", gap)
    wrong = n * exp(-gap)
    return wrong / (1 + wrong)


def sources_of(n: int, sources: ArrayLike) -> NDArray[np.int64]:
    """Return sources (heads, n) with the scratch node's own, (heads, n + 1); ValueError if bad."""
    table = checks.array("sources", sources, "i", least=0)
    checks.sizes(sources=(table, "heads n"))
    if table.shape[1] != n or not table.size or table.max() > n:
        raise ValueError(f"sources must have the shape (heads, {n}) and entries up to {n}, got "
                         f"{table.shape} up to {table.max(initial=0)}")  # fmt: skip
    return np.concatenate([table, np.full((len(table), 1), n)], axis=1)


def wire(attention: PositionalAttention, sources: ArrayLike, gap: float = GAP) -> None:
    """Write queries and keys that read the sources of each head.

    Parameters
    ----------
    attention : PositionalAttention
        Changed in place.
    sources : array_like of int, shape (heads, n), entries 0 to n
        Whom each node reads; n is the scratch node.
    gap : float
        The logit gap.

    Examples
    --------
    >>> from paralg.rounds.positional_attention import PositionalTransformer, Shape
    >>> model = PositionalTransformer(Shape(3, width=1, heads=1, layers=1)).double()
    >>> wire(model.mixers[0], [[3, 0, 1]])
    >>> model.weights()[0, 0].round().int().tolist()
    [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    """
    checks.instance("attention", attention, PositionalAttention)
    checks.number("gap", gap, above=0)
    heads, m = attention.heads, attention.size
    table = sources_of(m - 1, sources)
    if len(table) != heads:
        raise ValueError(f"sources must have a row a head, {heads}, got {len(table)}")
    made = torch.zeros(2, heads, m, m, dtype=torch.float64)
    for head, row in enumerate(table):
        made[0, head, torch.from_numpy(row), torch.arange(m)] = gap * m**0.5
    made[1] = torch.eye(m)
    with torch.no_grad():
        attention.query_key.weight.copy_(made.flatten(0, 2))
        attention.query_key.bias.zero_()
