"""Other trees, the other exact rule of verification and a wrong one, and drafts without heads."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import Random, residual, softmax
from paralg.decoding.tables import TableModel
from paralg.decoding.trees import (
    DraftTree,
    TreeRule,
    TreeVerdict,
    best,
    first_accepted,
    ordered,
    without,
)

__all__ = ["BestFirst", "Drawn", "Ranked", "TableDrafter", "UniformDrafter", "verify_drawn",
           "verify_ratio"]  # fmt: skip


@dataclass(frozen=True)
class BestFirst(TreeRule):
    """The m drafts with the largest path products: the best tree, if the heads are right.

    Parameters
    ----------
    m : int, at least 0

    Cost
    ----
    K calls of a head, on at most m nodes each: no other node of a level can be among the best.

    Examples
    --------
    >>> dists = {1: [0.4, 0.35, 0.25], 2: [0.95, 0.05, 0.0], 3: [0.95, 0.05, 0.0]}
    >>> tree = BestFirst(3).grow(
    ...     lambda i, s, tokens: (s, np.tile(dists[i], (len(tokens), 1))), np.zeros(9), 0, 3)
    >>> tree.joint[1:].round(3)
    array([0.4  , 0.38 , 0.361])
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
    """A tree of fixed shape: each path is a tuple of ranks, 0 the likeliest, with its beginnings.

    >>> Ranked.product(2, 2).paths
    ((0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1))
    """

    paths: tuple[tuple[int, ...], ...]

    def __post_init__(self):
        checks.instance("paths", self.paths, tuple)
        paths = sorted({tuple(path) for path in self.paths}, key=lambda path: (len(path), path))
        object.__setattr__(self, "paths", tuple(paths))
        for path in self.paths:
            if not path or (path[:-1] and path[:-1] not in self.paths):
                raise ValueError(f"expected every beginning of a path, got {path} without one")

    @property
    def m(self) -> int:
        """Number of drafts."""
        return len(self.paths)

    @classmethod
    def product(cls, *widths: int) -> "Ranked":
        """Return the full tree: under every node of a level the same number of children."""
        Drawn(widths)  # checks them
        shapes = [np.ndindex(*widths[:depth]) for depth in range(1, len(widths) + 1)]
        return cls(tuple(path for shape in shapes for path in shape))

    def choose(self, i, q, joint, left, rng):
        """Return the tokens of the ranks; ranks beyond the alphabet are left out."""
        inside = [path for path in ((), *self.paths) if max(path, default=0) < q.shape[1]]
        parents, level = ([path for path in inside if len(path) == n] for n in (i - 1, i))
        branch = np.array([parents.index(path[:-1]) for path in level], dtype=int)
        rank = np.array([path[-1] for path in level], dtype=int)
        return branch, ordered(-q)[branch, rank]


@dataclass(frozen=True)
class Drawn(TreeRule):
    """Draw ``widths`` distinct children of every node from q, level by level; all paths go on.

    >>> Drawn((2, 1, 1)).m
    6
    """

    widths: tuple[int, ...] = (2, 1, 1)

    def __post_init__(self):
        checks.instance("widths", self.widths, tuple)
        for width in self.widths:
            checks.integer("a width", width, 1)

    @property
    def m(self) -> int:
        """Most drafts of a tree."""
        return int(np.cumprod(self.widths).sum())

    def choose(self, i, q, joint, left, rng):
        """Draw without replacement."""
        drawn = []
        for branch, dist in enumerate(q if i <= len(self.widths) else ()):
            for _ in range(min(self.widths[i - 1], np.count_nonzero(dist))):
                token = rng.categorical(dist)
                drawn.append((branch, token))
                dist = without(dist, token) if dist[token] < 1 else dist
        return tuple(np.array(drawn, dtype=int).reshape(-1, 2).T)


def verify_drawn(tree: DraftTree, p: np.ndarray, rng: Random) -> TreeVerdict:
    """Verify children that were *drawn* one after the other without replacement from q.

    A child x is accepted with probability min(1, p(x)/q(x)); if it is refused, p becomes the
    residual, proportional to max(0, p - q), and q loses x.

    None of the children may have been pruned for its probability.
    """
    return first_accepted(tree, p, rng, *_ratio(loses=True))


def verify_ratio(tree: DraftTree, p: np.ndarray, rng: Random) -> TreeVerdict:
    """Accept with p(x)/q(x) although the children were chosen: **not** the right distribution."""
    return first_accepted(tree, p, rng, *_ratio(loses=False))


def _ratio(*, loses: bool):
    """Return the probability of acceptance, and what p and q become after a refusal."""

    def accepts(p, q, token):
        return p[token] / q[token] if p[token] < q[token] else 1.0

    def refused(p, q, token):
        return residual(p, q), without(q, token) if loses else q

    return accepts, refused


class TableDrafter:
    """Drafts by a table's own ``causal``, of t₀ and what was drafted, for a table as target."""

    def __init__(self, table: TableModel, K: int = 3):
        checks.instance("table", table, TableModel)
        self.table, self.K = table, checks.integer("K", K, 1)

    def start(self) -> "TableDrafter":
        """Return itself: it remembers nothing."""
        return self

    def read(self, final, x):
        """Return the known tokens as the one state, (1, n)."""
        return np.asarray(x)[None]

    def expand(self, i, states, tokens):
        """Return the known tokens with the nodes' own, and the table's distributions after them."""
        states = np.concatenate([states, np.asarray(tokens)[:, None]], axis=1)
        n = states.shape[1]
        rows = np.pad(states, ((0, 0), (0, self.table.L - n)), constant_values=self.table.V)
        return states, softmax(self.table.causal(rows, at=[n])[:, 0])


class UniformDrafter(TableDrafter):
    """Drafts every one of V tokens with the same probability, on any model."""

    def __init__(self, V: int, K: int = 3):
        self.V, self.K = checks.integer("V", V, 1), checks.integer("K", K, 1)

    def read(self, final, x):
        """Return an empty state."""
        return np.zeros(1)

    def expand(self, i, states, tokens):
        """Return uniform distributions."""
        return np.zeros(len(tokens)), np.full((len(tokens), self.V), 1 / self.V)
