"""Draft trees: how they are grown level by level, and which of their paths is accepted.

What a model says after every node is in :mod:`~paralg.decoding.targets`; which children are worth
a place is a chapter's own rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import Random

__all__ = ["DraftTree", "TreeRule", "TreeVerdict", "best", "certain", "first_accepted",
           "ordered", "verify_chosen", "without"]  # fmt: skip

DIGITS = 12


@dataclass(frozen=True, eq=False)
class DraftTree:
    """Node 0 is the last final token t₀, the others are drafts, every parent before its children.

    ``tokens``, ``parents`` (-1 at t₀) and ``joint``, the products of probabilities along the paths,
    have m + 1 entries; ``q`` has the distribution of the children of every node that was expanded.

    >>> tree = DraftTree(np.array([5, 1, 2, 1]), np.array([-1, 0, 0, 2]), np.ones(4))
    >>> tree.depth, tree.children(0), tree.mask.astype(int)[3]
    (array([0, 1, 1, 2]), [1, 2], array([1, 0, 1, 1]))
    """

    tokens: np.ndarray
    parents: np.ndarray
    joint: np.ndarray
    q: tuple = ()

    def __post_init__(self):
        found = {"tokens": checks.array("tokens", self.tokens, "i", least=0),
                 "parents": checks.array("parents", self.parents, "i", least=-1),
                 "joint": checks.probabilities("joint", self.joint, None)}  # fmt: skip
        checks.sizes(**{name: (value, "n") for name, value in found.items()})
        for name, value in found.items():
            object.__setattr__(self, name, value)
        if not (self.parents < np.arange(len(self))).all():
            raise ValueError(f"expected every parent before its child, got {self.parents}")

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def depth(self) -> np.ndarray:
        """Edges between each node and t₀."""
        return self.mask.sum(axis=1) - 1

    @cached_property
    def mask(self) -> np.ndarray:
        """Which node sees which: itself and its ancestors, (m + 1, m + 1)."""
        sees = np.eye(len(self), dtype=bool)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                sees[node] |= sees[parent]
        return sees

    def children(self, node: int) -> list[int]:
        """Return the children of a node, in the order in which they are tried."""
        return np.flatnonzero(self.parents == node).tolist()

    def path(self, node: int) -> list[int]:
        """Return the nodes from t₀ to a node."""
        return np.flatnonzero(self.mask[node]).tolist()

    def select(self, nodes: np.ndarray) -> "DraftTree":
        """Return the tree of some nodes, ascending, with all of their ancestors."""
        new = np.full(len(self) + 1, -1)
        new[nodes] = np.arange(len(nodes))
        q = tuple(self.q[node] for node in nodes) if self.q else ()
        return DraftTree(self.tokens[nodes], new[self.parents[nodes]], self.joint[nodes], q)


class TreeRule:
    """Grows a tree level by level; a rule says which children are kept, and perhaps cuts back.

    ``m`` is the most drafts of a tree.
    """

    m: int

    def grow(self, expand: Callable, root, t0: int, depth: int, rng=None) -> DraftTree:
        """Return a tree of at most ``depth`` levels below t₀, whose state is ``root``.

        ``expand(i, states, tokens) -> (states, q)`` is head i on n nodes.
        """
        tokens, parents, joint, dists = [int(t0)], [-1], [1.0], [None]
        level, states, left = np.array([0]), root, self.m
        for i in range(1, depth + 1 if left else 1):
            states, q = expand(i, states, np.array(tokens)[level])
            for node, dist in zip(level, q, strict=True):
                dists[node] = dist
            branch, token = self.choose(i, q, np.array(joint)[level], left, rng)
            if not len(branch):
                break
            weight = np.array(joint)[level][branch] * q[branch, token]
            parents += level[branch].tolist()
            level = np.arange(len(tokens), len(tokens) + len(token))
            tokens, joint = tokens + token.tolist(), joint + weight.tolist()
            dists += [None] * len(token)
            states, left = states[branch], self.left(left, len(token))
            if not left:
                break
        tree = DraftTree(np.array(tokens), np.array(parents), np.array(joint), tuple(dists))
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


def ordered(values: np.ndarray) -> np.ndarray:
    """Return the ascending order along the last axis; the lowest index first among equals."""
    return np.argsort(values.round(DIGITS), axis=-1, kind="stable")


def best(branch: np.ndarray, token: np.ndarray, joint: np.ndarray, most: int):
    """Return the children with the largest products; lowest branch, then token, among equals."""
    order = np.lexsort((token, branch, -joint.round(DIGITS)))[: max(most, 0)]
    return branch[order], token[order]


class TreeVerdict(NamedTuple):
    """Accepted path from t₀ on, drafts that were tried and refused, and the token that follows."""

    path: list[int]
    refused: list[int]
    bonus: int


def certain(p: np.ndarray) -> np.ndarray:
    """Return the one-hot distributions of the likeliest tokens, the lowest among equals.

    Greedy decoding is sampling from these.
    """
    return np.eye(p.shape[-1])[p.round(12).argmax(axis=-1)]


def verify_chosen(tree: DraftTree, p: np.ndarray, rng: Random) -> TreeVerdict:
    """Verify children that were *chosen*, by any rule that looks at the heads alone.

    A child x is accepted with probability p(x); if it is refused, p(x) becomes 0 and the rest is
    normalised for the next child. If none is left, the next token is drawn from what p has become.
    There is a row of ``p``, (m + 1, V), for every node.

    >>> from paralg.decoding.randomness import RandomDraws
    >>> tree = DraftTree(np.array([0, 2, 1]), np.array([-1, 0, 1]), np.ones(3))
    >>> verify_chosen(tree, np.eye(3)[[2, 0, 0]], RandomDraws(0))
    TreeVerdict(path=[0, 1], refused=[2], bonus=0)
    """
    return first_accepted(tree, p, rng, lambda p, q, token: min(p[token], 1.0),
                          lambda p, q, token: (without(p, token), q))  # fmt: skip


def first_accepted(tree: DraftTree, p: np.ndarray, rng: Random, accepts, refused) -> TreeVerdict:
    """Walk down: at every node try the children in order, and follow the first accepted one.

    ``accepts(p, q, token)`` is a probability, ``refused(p, q, token)`` what p and q become.
    """
    checks.instance("tree", tree, DraftTree)
    p = checks.probabilities("p", p)
    checks.sizes(p=(p, f"{len(tree)} V"))
    path, tried, dist = [0], [], p[0]
    while (children := tree.children(path[-1])):
        q = tree.q[path[-1]] if tree.q else None
        for child in children:
            token = tree.tokens[child]
            if rng.accept(float(accepts(dist, q, token))):
                path.append(child)
                dist = p[child]
                break
            tried.append(child)
            dist, q = refused(dist, q, token)
        else:
            break
    return TreeVerdict(path, tried, rng.categorical(dist))


def without(dist: np.ndarray, token: int) -> np.ndarray:
    """Return a distribution given that it is not ``token``."""
    rest = dist.copy()
    rest[token] = 0.0
    return rest / rest.sum()
