"""What a tree is worth, how often children are accepted, and what a step may cost.

[xiao-2024-clover]; shapes: p, q (V,), trees of m drafts.
"""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from paralg.core import checks
from paralg.decoding.trees import DraftTree, without

__all__ = [
    "Roofline", "acceptance_chosen", "acceptance_drawn", "best_value", "expected_accepted",
]  # fmt: skip


def expected_accepted(tree: DraftTree, expand: Callable | None = None, root=None) -> float:
    r"""Return the sum of the path products, :math:`\sum_v \prod_{u \le v} q_u = E`[accepted].

    A draft is accepted if its whole path is; so the mean number of accepted drafts is the sum of
    these probabilities, if the heads are right.

    Parameters
    ----------
    tree : DraftTree
    expand : callable, optional
        ``expand(i, states, tokens) -> (states, q)``: probabilities to use in place of the tree's
        own, with ``root`` as the state of t₀.
    root : optional

    Returns
    -------
    float

    Cost
    ----
    O(m); with ``expand`` one call a level.

    Examples
    --------
    >>> tree = DraftTree(np.array([0, 1, 2]), np.array([-1, 0, 1]), np.array([1.0, 0.5, 0.4]))
    >>> expected_accepted(tree)
    0.9
    """
    checks.instance("tree", tree, DraftTree)
    if expand is None:
        return float(tree.joint[1:].sum())
    value, states, level, joint = 0.0, root, np.array([0]), np.ones(1)
    for i in range(1, tree.depth.max() + 1):
        states, q = expand(i, states, tree.tokens[level])
        below = np.flatnonzero(tree.depth == i)
        branch = np.searchsorted(level, tree.parents[below])
        joint = joint[branch] * q[branch, tree.tokens[below]]
        states, level, value = states[branch], below, value + float(joint.sum())
    return value


def best_value(laws: Sequence[np.ndarray], m: int) -> float:
    """Return E[accepted] of the best tree of m drafts, found by trying all trees.

    Parameters
    ----------
    laws : sequence of ndarray, each of shape (V,)
        The distribution of each level, the same under every parent.
    m : int

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are not as many nodes.

    Cost
    ----
    Every set of m nodes out of V + V² + …: for small cases.

    Examples
    --------
    >>> round(best_value([np.array([0.4, 0.35, 0.25]), np.array([0.95, 0.05])], 3), 12)
    1.13
    """
    paths = {(): 1.0}
    for depth, law in enumerate(laws):
        law = checks.probabilities("a law", law)
        checks.sizes(law=(law, "V"))
        paths |= {(*path, v): value * law[v] for path, value in paths.items()
                  if len(path) == depth for v in range(len(law))}  # fmt: skip
    del paths[()]
    checks.integer("m", m, 0, len(paths))
    return float(max(sum(paths[path] for path in tree) for tree in combinations(paths, m)
                     if all(len(path) == 1 or path[:-1] in tree for path in tree)))  # fmt: skip


def acceptance_chosen(p: np.ndarray, children: Sequence[int]) -> float:
    """Return the probability that one of the chosen children is accepted: their mass under p.

    Parameters
    ----------
    p : ndarray, shape (V,)
    children : sequence of int
        Distinct tokens.

    Returns
    -------
    float

    Examples
    --------
    >>> acceptance_chosen(np.array([0.2, 0.3, 0.5]), [0, 1])
    0.5
    """
    p = checks.probabilities("p", p)
    children = checks.array("children", children, "i", least=0)
    checks.sizes(p=(p, "V"), children=(children, "k"))
    if len(set(children.tolist())) < children.size or (children >= len(p)).any():
        raise ValueError(f"expected distinct tokens below {len(p)}, got {children.tolist()}")
    return float(p[children].sum())


def acceptance_drawn(p: np.ndarray, q: np.ndarray, k: int) -> float:
    """Return the probability that one of k children, drawn from q one by one, is accepted.

    Parameters
    ----------
    p, q : ndarray, shape (V,)
    k : int
        Distinct children.

    Returns
    -------
    float

    Cost
    ----
    O(V^k): every sequence of children.

    Examples
    --------
    >>> round(acceptance_drawn(np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.3, 0.2]), 2), 12)
    0.82
    """
    p, q = checks.probabilities("p", p), checks.probabilities("q", q)
    checks.sizes(p=(p, "V"), q=(q, "V"))
    if not checks.integer("k", k) or not q.sum():
        return 0.0
    kept = float(np.minimum(p, q).sum())
    excess = np.maximum(p - q, 0)
    if not excess.sum():
        return kept
    law = excess / excess.sum()
    refused = q - np.minimum(p, q)
    return float(kept + sum(refused[x] * acceptance_drawn(law, without(q, x), k - 1)
                            for x in np.flatnonzero(refused) if q[x] < 1))  # fmt: skip


class Roofline:
    """A target whose call takes max(1, slots/ridge) units: weights are read, or arithmetic is done.

    Parameters
    ----------
    ridge : float
        Slots of a call at which arithmetic takes as long as reading the weights.

    Raises
    ------
    TypeError, ValueError
        If the ridge is no positive number.

    References
    ----------
    [xiao-2024-clover], figure 2, draws such a speed-up against the batch.

    Examples
    --------
    >>> Roofline(153).speedup(batch=[1, 153], tokens=1.66, m=5).round(2)
    array([1.66, 0.28])
    """

    def __init__(self, ridge: float):
        self.ridge = checks.number("ridge", ridge, above=0)

    def time(self, slots) -> np.ndarray:
        """Return the time of a call of so many slots."""
        return np.maximum(1.0, np.asarray(slots, dtype=float) / self.ridge)

    def speedup(self, batch, tokens: float, m: int) -> np.ndarray:
        """Return the speed-up of so many tokens a call and m drafts, at every batch size."""
        batch = np.asarray(batch)
        return tokens * self.time(batch) / self.time(batch * (m + 1))
