"""The dynamic tree: which continuations of t₀ are worth a place [xiao-2024-clover]."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.trees import TreeRule, best, ordered

__all__ = ["TOLERANCE", "Budgeted"]

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Budgeted(TreeRule):
    """The dynamic tree of the paper: probable tokens of every branch share one budget.

    Of a branch the fewest tokens stay that reach ``mass``, none below ``ratio`` of its best; of all
    branches the largest path products, as many as are left of the budget.

    Parameters
    ----------
    m : int
        Drafts in all, at least 0; the paper fixes 4.
    mass, ratio : float
        In [0, 1].

    Cost
    ----
    At most K calls of a head, on at most m nodes each.

    References
    ----------
    [xiao-2024-clover]; rule, example and ratio as described with its successor's code, where the
    ratio is off.

    Examples
    --------
    >>> heads = {1: [[0.5, 0.3, 0.1, 0.05, 0.05]],
    ...          2: [[0.8, 0.1, 0.05, 0.05, 0], [0.3, 0.3, 0.2, 0.1, 0.1]]}
    >>> tree = Budgeted(m=4).grow(lambda i, s, tokens: (s, np.array(heads[i])), np.zeros(2), 0, 2)
    >>> tree.tokens[1:], tree.parents[1:], tree.joint[1:].round(3)
    (array([0, 1, 0, 0]), array([0, 0, 1, 2]), array([0.5 , 0.3 , 0.4 , 0.09]))
    """

    m: int = 4
    mass: float = 0.8
    ratio: float = 0.25

    def __post_init__(self):
        checks.integer("m", self.m)
        checks.number("mass", self.mass, 0, 1), checks.number("ratio", self.ratio, 0, 1)

    def choose(self, i, q, joint, left, rng):
        """Return the probable tokens of the best paths."""
        order = ordered(-q)
        ranked = np.take_along_axis(q, order, axis=1)
        before = np.cumsum(ranked, axis=1) - ranked
        keep = (before < self.mass - TOLERANCE) | (np.arange(q.shape[1]) == 0)
        keep &= ranked >= self.ratio * ranked[:, :1] - TOLERANCE
        branch, place = np.nonzero(keep & (ranked > 0))
        return best(branch, order[branch, place], joint[branch] * ranked[branch, place], left)
