"""What a tree is worth, how often children are accepted, and what a full batch leaves of it."""

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import residual
from paralg.decoding.trees import DraftTree, without

__all__ = ["acceptance_drawn", "best_value", "expected_accepted", "roofline_speedup"]


def expected_accepted(tree: DraftTree, expand: Callable | None = None, root=None) -> float:
    """Return the mean number of accepted drafts, the sum of the path products, if they are true.

    With ``expand(i, states, tokens) -> (states, q)`` and the state ``root`` of t₀ other
    probabilities take the place of the tree's own.
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


def best_value(dists: Sequence[np.ndarray], m: int) -> float:
    """Return E[accepted] of the best of *all* trees of m drafts, for small cases.

    ``dists`` has the distribution of each level, the same under every parent.

    >>> round(best_value([np.array([0.4, 0.35, 0.25]), np.array([0.95, 0.05])], 3), 12)
    1.13
    """
    checks.instance("dists", dists, Sequence)
    paths = {(): 1.0}
    for depth, dist in enumerate(dists):
        dist = checks.probabilities("a distribution", dist)
        checks.sizes(dist=(dist, "V"))
        paths |= {(*path, v): value * dist[v] for path, value in paths.items()
                  if len(path) == depth for v in range(len(dist))}  # fmt: skip
    del paths[()]
    checks.integer("m", m, 0, len(paths))
    return float(max(sum(paths[path] for path in tree) for tree in combinations(paths, m)
                     if all(len(path) == 1 or path[:-1] in tree for path in tree)))  # fmt: skip


def acceptance_drawn(p: np.ndarray, q: np.ndarray, k: int) -> float:
    """Return the probability that one of k children, drawn from q one by one, is accepted.

    Of chosen children it is their mass under p.

    >>> round(acceptance_drawn(np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.3, 0.2]), 2), 12)
    0.82
    """
    p, q = checks.probabilities("p", p), checks.probabilities("q", q)
    checks.sizes(p=(p, "V"), q=(q, "V"))
    if not checks.integer("k", k):
        return 0.0
    kept = np.minimum(p, q)
    dist, refused = residual(p, q), q - kept  # p = q: nothing is refused
    return float(kept.sum() + sum(refused[x] * acceptance_drawn(dist, without(q, x), k - 1)
                                  for x in np.flatnonzero(refused) if q[x] < 1))  # fmt: skip


def roofline_speedup(batch, tokens: float, m: int, ridge: float) -> np.ndarray:
    r"""Return the speed-up where a call of s slots takes max(1, s / ``ridge``), by batch size."""
    batch = checks.within("batch", batch, 0)
    checks.number("tokens", tokens, 0), checks.number("ridge", ridge, above=0)
    checks.integer("m", m)
    return tokens * np.maximum(1, batch / ridge) / np.maximum(1, batch * (m + 1) / ridge)
