"""Draft trees: which continuations of t₀ are verified together.

[xiao-2024-clover]; a tree is grown level by level, so that a level is one call of a head, and a
rule says which children of a level are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paralg.core import checks

__all__ = ["BestFirst", "Budgeted", "DraftTree", "Ranked", "TreeRule", "ordered"]

DIGITS = 12
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class DraftTree:
    """Node 0 is t₀, the others are drafts, every parent before its children.

    Parameters
    ----------
    tokens, parents : ndarray of int, shape (m + 1,)
        The parent of t₀ is -1.
    joint : ndarray, shape (m + 1,)
        Product of the heads' probabilities along the path, 1 at t₀.
    q : tuple of ndarray, shape (V,)
        Of each node that was expanded, what its children were drawn from; only where they were
        drawn.

    Examples
    --------
    >>> tree = DraftTree(np.array([5, 1, 2, 1]), np.array([-1, 0, 0, 2]), np.ones(4))
    >>> tree.depth, tree.children(0), tree.mask.astype(int)[3]
    (array([0, 1, 1, 2]), [1, 2], array([1, 0, 1, 1]))
    """

    tokens: np.ndarray
    parents: np.ndarray
    joint: np.ndarray
    q: tuple = ()

    def __post_init__(self):
        checks.sizes(tokens=(np.asarray(self.tokens), "n"), parents=(np.asarray(self.parents), "n"),
                     joint=(np.asarray(self.joint), "n"))  # fmt: skip
        if not (np.asarray(self.parents) < np.arange(len(self))).all():
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

    Of each branch the fewest tokens stay whose mass reaches ``mass``, without those below ``ratio``
    of the branch's best; over the branches the largest path products stay, as many as the budget
    still allows.

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
    [xiao-2024-clover], figure 4; the ratio is that of the released text, in whose code it is
    commented out.

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


@dataclass(frozen=True)
class BestFirst(TreeRule):
    """The m drafts with the largest path products: the best tree, if the heads are right.

    Parameters
    ----------
    m : int

    Raises
    ------
    TypeError, ValueError
        If m is no integer of at least 0.

    Cost
    ----
    K calls of a head, on at most m nodes each: no other node of a level can be among the best.

    Examples
    --------
    >>> laws = {1: [0.4, 0.35, 0.25], 2: [0.95, 0.05, 0.0], 3: [0.95, 0.05, 0.0]}
    >>> tree = BestFirst(3).grow(
    ...     lambda i, s, tokens: (s, np.tile(laws[i], (len(tokens), 1))), np.zeros(9), 0, 3)
    >>> tree.tokens[1:], tree.joint[1:].round(3)
    (array([0, 0, 0]), array([0.4  , 0.38 , 0.361]))
    """

    m: int

    def __post_init__(self):
        checks.integer("m", self.m)

    def choose(self, i, q, joint, left, rng):
        """Return the m best paths of a level."""
        branch, token = np.nonzero(q > 0)
        return best(branch, token, joint[branch] * q[branch, token], self.m)

    def left(self, left, kept):
        """Leave the budget alone: it is spent at the end."""
        return left

    def cut(self, tree):
        """Return the m best of all nodes; a child never exceeds its parent."""
        return tree.select(np.sort(ordered(-tree.joint)[: self.m + 1]))


@dataclass(frozen=True)
class Ranked(TreeRule):
    """A tree of fixed shape, as Medusa has it: each path is a tuple of ranks, 0 the likeliest.

    Parameters
    ----------
    paths : sequence of tuple of int
        With each path its beginnings.

    Raises
    ------
    ValueError
        If the beginning of a path is missing.

    Examples
    --------
    >>> Ranked.product(2, 2).paths
    ((0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1))
    """

    paths: tuple[tuple[int, ...], ...]

    def __post_init__(self):
        paths = sorted({tuple(path) for path in self.paths}, key=lambda path: (len(path), path))
        object.__setattr__(self, "paths", tuple(paths))
        for path in self.paths:
            if not path or (path[:-1] and path[:-1] not in self.paths):
                raise ValueError(f"expected every beginning of a path, got {path} without one")
        checks.array("paths", [rank for path in self.paths for rank in path] or [0], "i", least=0)

    @property
    def m(self) -> int:
        """Number of drafts."""
        return len(self.paths)

    @classmethod
    def product(cls, *widths: int) -> "Ranked":
        """Return the full tree: under every node of a level the same number of children."""
        checks.integers(1, **{f"width {i}": width for i, width in enumerate(widths)})
        shapes = [np.ndindex(*widths[:depth]) for depth in range(1, len(widths) + 1)]
        return cls(tuple(path for shape in shapes for path in shape))

    def choose(self, i, q, joint, left, rng):
        """Return the tokens of the ranks; ranks beyond the alphabet are left out."""
        V = q.shape[1]
        parents = [path for path in self.paths if len(path) == i - 1 and max(path, default=0) < V]
        parents = parents or [()]
        level = [path for path in self.paths if len(path) == i and max(path) < V]
        branch = np.array([parents.index(path[:-1]) for path in level], dtype=int)
        rank = np.array([path[-1] for path in level], dtype=int)
        return branch, ordered(-q)[branch, rank]


def ordered(values: np.ndarray) -> np.ndarray:
    """Return the ascending order along the last axis; the lowest index first among equals."""
    return np.argsort(values.round(DIGITS), axis=-1, kind="stable")


def best(branch: np.ndarray, token: np.ndarray, joint: np.ndarray, most: int):
    """Return the children with the largest products; lowest branch, then token, among equals."""
    order = np.lexsort((token, branch, -joint.round(DIGITS)))[: max(most, 0)]
    return branch[order], token[order]
