"""Which drafts of a tree are accepted, and which token follows them.

[xiao-2024-clover]; p (m + 1, V) has what the target says after every node. Two rules sample exactly
and must not be mixed: what is right depends on how the children came about.
"""

from typing import NamedTuple

import numpy as np

from paralg.decoding.clover.tree import DraftTree
from paralg.decoding.randomness import Random

__all__ = ["Verdict", "certain", "verify_chosen", "verify_drawn"]


class Verdict(NamedTuple):
    """Accepted path from t₀ on, drafts that were tried and refused, and the token that follows."""

    path: list[int]
    refused: list[int]
    bonus: int


def certain(p: np.ndarray) -> np.ndarray:
    """Return the one-hot distributions of the likeliest tokens, the lowest among equals.

    Greedy decoding is sampling from these.
    """
    return np.eye(p.shape[-1])[p.round(12).argmax(axis=-1)]


def verify_chosen(tree: DraftTree, p: np.ndarray, rng: Random) -> Verdict:
    """Verify children that were *chosen*, by any rule that looks at the heads alone.

    A child x is accepted with probability p(x); if it is refused, p(x) becomes 0 and the rest is
    normalised for the next child. If none is left, the next token is drawn from what p has become.

    Parameters
    ----------
    tree : DraftTree
        With distinct children at every node.
    p : ndarray, shape (m + 1, V)
        The target's distribution after each node.
    rng : Random

    Returns
    -------
    Verdict

    Cost
    ----
    O(V) for each child that is tried.

    Examples
    --------
    >>> from paralg.decoding.randomness import RandomDraws
    >>> tree = DraftTree(np.array([0, 2, 1]), np.array([-1, 0, 1]), np.ones(3))
    >>> verify_chosen(tree, np.eye(3)[[2, 0, 0]], RandomDraws(0))
    Verdict(path=[0, 1], refused=[2], bonus=0)
    """
    path, refused = [0], []
    law = p[0]
    while (children := tree.children(path[-1])):
        for child in children:
            token = tree.tokens[child]
            if rng.accept(min(float(law[token]), 1.0)):
                path.append(child)
                law = p[child]
                break
            refused.append(child)
            law = without(law, token)
        else:
            break
    return Verdict(path, refused, rng.categorical(law))


def verify_drawn(tree: DraftTree, p: np.ndarray, rng: Random) -> Verdict:
    """Verify children that were *drawn* one after the other without replacement from q.

    A child x is accepted with probability min(1, p(x)/q(x)); if it is refused, p becomes the
    residual, proportional to max(0, p - q), and q loses x.

    Parameters
    ----------
    tree : DraftTree
        With ``q`` of every node that has children, none of which was pruned for its probability.
    p : ndarray, shape (m + 1, V)
    rng : Random

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from paralg.decoding.randomness import RandomDraws
    >>> q = np.array([0.5, 0.5, 0.0])
    >>> tree = DraftTree(np.array([0, 1]), np.array([-1, 0]), np.ones(2), (q, None))
    >>> verify_drawn(tree, np.array([[0.2, 0.8, 0.0], [0.0, 0.0, 1.0]]), RandomDraws(0))
    Verdict(path=[0, 1], refused=[], bonus=2)
    """
    path, refused, law = [0], [], p[0]
    while (children := tree.children(path[-1])):
        q = tree.q[path[-1]]
        for child in children:
            token = tree.tokens[child]
            if law[token] >= q[token] or rng.accept(law[token] / q[token]):
                path.append(child)
                law = p[child]
                break
            refused.append(child)
            excess = np.maximum(law - q, 0)
            law, q = excess / excess.sum(), without(q, token)
        else:
            break
    return Verdict(path, refused, rng.categorical(law))


def without(law: np.ndarray, token: int) -> np.ndarray:
    """Return a distribution given that it is not ``token``."""
    rest = law.copy()
    rest[token] = 0.0
    return rest / rest.sum()
