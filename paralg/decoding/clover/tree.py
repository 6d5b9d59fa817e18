"""Which continuations of t₀ are verified together: trees grown level by level, under a budget.

[xiao-2024-clover]; a level is one call of a head, and a rule says which children are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.trees import DraftTree

__all__ = ["Budgeted", "TreeRule", "best", "ordered"]

DIGITS = 12
TOLERANCE = 1e-9


class TreeRule:
    """Grows a tree level by level; a rule says which children are kept, and perhaps cuts back.

    ``m`` is the most drafts of a tree.
    """

    m: int

    def grow(self, expand: Callable, root, t0: int, depth: int, rng=None) -> DraftTree:
        """Return a tree of at most ``depth`` levels below the token t₀.

        ``expand(i, states, tokens) -> (states, q)`` is head i on n nodes; ``root`` the state that
        it is given for t₀.
        """
        tokens, parents, joint, laws = [int(t0)], [-1], [1.0], [None]
        level, states, left = np.array([0]), root, self.m
        for i in range(1, depth + 1 if left else 1):
            states, q = expand(i, states, np.array(tokens)[level])
            for node, law in zip(level, q, strict=True):
                laws[node] = law
            branch, token = self.choose(i, q, np.array(joint)[level], left, rng)
            if not len(branch):
                break
            weight = np.array(joint)[level][branch] * q[branch, token]
            parents += level[branch].tolist()
            level = np.arange(len(tokens), len(tokens) + len(token))
            tokens, joint = tokens + token.tolist(), joint + weight.tolist()
            laws += [None] * len(token)
            states, left = states[branch], self.left(left, len(token))
            if not left:
                break
        tree = DraftTree(np.array(tokens), np.array(parents), np.array(joint), tuple(laws))
        return self.cut(tree)

    def choose(self, i: int, q: np.ndarray, joint: np.ndarray, left: int, rng):
        """Return branches and tokens of level i, of q (n, V) and the paths' products (n,)."""
        raise NotImplementedError

    def left(self, left: int, kept: int) -> int:
        """Return the budget after a level."""
        return left - kept

    def cut(self, tree: DraftTree) -> DraftTree:
        """Return the tree that is verified."""
        return tree


@dataclass(frozen=True)
class Budgeted(TreeRule):
    """The dynamic tree of the paper: probable tokens of every branch share one budget.

    Of a branch the fewest tokens stay that reach ``mass``, none below ``ratio`` of its best; of all
    branches the largest path products, as many as are left of the budget.

    Parameters
    ----------
    m : int
        Drafts in all; the paper fixes 4.
    mass, ratio : float
        In [0, 1].

    Raises
    ------
    TypeError, ValueError
        If an argument is no such number.

    Cost
    ----
    At most K calls of a head, on at most m nodes each.

    References
    ----------
    [xiao-2024-clover], figure 4; the ratio is described with the released code, where it is off.

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


def ordered(values: np.ndarray) -> np.ndarray:
    """Return the ascending order along the last axis; the lowest index first among equals."""
    return np.argsort(values.round(DIGITS), axis=-1, kind="stable")


def best(branch: np.ndarray, token: np.ndarray, joint: np.ndarray, most: int):
    """Return the children with the largest products; lowest branch, then token, among equals."""
    order = np.lexsort((token, branch, -joint.round(DIGITS)))[: max(most, 0)]
    return branch[order], token[order]
