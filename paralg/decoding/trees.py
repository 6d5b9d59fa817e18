"""Draft trees, and what a model says after every node of one: by tree attention, or row by row."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import softmax
from paralg.decoding.reading import ranks
from paralg.models.counting import CountingModel

__all__ = ["Attending", "DraftTree", "Recomputing", "Verdict", "certain", "of_nodes", "target_of",
           "without"]  # fmt: skip


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


def of_nodes(tree: DraftTree, p: np.ndarray) -> np.ndarray:
    """Check that there is a distribution for every node of a tree."""
    checks.instance("tree", tree, DraftTree)
    p = checks.probabilities("p", p)
    checks.sizes(p=(p, f"{len(tree)} V"))
    return p


def without(law: np.ndarray, token: int) -> np.ndarray:
    """Return a distribution given that it is not ``token``."""
    rest = law.copy()
    rest[token] = 0.0
    return rest / rest.sum()


def target_of(model: CountingModel, x: np.ndarray, order):
    """Return a network that keeps keys and values, or whatever recomputes."""
    masked = np.flatnonzero(x == model.V)
    if order is not None:
        return Recomputing(model, np.asarray(order), ranks(x, model.V, order))
    if len(masked) and masked[0] != model.L - len(masked):
        raise ValueError("expected the given tokens to be a prefix, or an order, got no order")
    if hasattr(model.model, "extend"):
        return Attending(model, masked)
    return Recomputing(model, masked)


class Attending:
    """A causal network as target: slot i carries x_{i-1}, so t₀ at place i has slot i + 1."""

    def __init__(self, model: CountingModel, order):
        self.model, self.order, self.past, self.tree = model, order, None, None

    def read(self, x):
        """Send the prompt; return the distribution of the first token, and the slots."""
        n = self.order[0]
        tokens = np.concatenate([[self.model.V], x[:n]])[None]
        logits, self.past = self.model.extend(tokens, np.arange(n + 1), np.tri(n + 1, dtype=bool))
        return softmax(logits[0, -1]), self.past

    def verify(self, tree, x, n):
        """Return the distributions after t₀ and after every draft."""
        mask = np.concatenate([np.ones((len(tree), len(self.past)), bool), tree.mask], axis=1)
        places = self.order[n] + 1 + tree.depth
        logits, self.tree = self.model.extend(tree.tokens[None], places, mask, self.past)
        return softmax(logits[0])

    def keep(self, path):
        """Keep keys and values of the accepted path alone; return its slots."""
        final = self.tree.select(path)
        self.past = self.past.join(final)
        return final


class Recomputing:
    """A model without memory as target: one row for each leaf of the tree."""

    def __init__(self, model: CountingModel, order, rank=None):
        self.model, self.order, self.rank = model, order, rank

    def read(self, x):
        """Return the distribution of the first token."""
        return self.ask(x[None], self.order[:1])[0, 0], None

    def verify(self, tree, x, n):
        """Return the distributions after t₀ and after every draft."""
        leaves = np.setdiff1d(np.arange(len(tree)), tree.parents)
        rows = np.tile(np.where(x == self.model.V, 0, x), (len(leaves), 1))
        for row, leaf in zip(rows, leaves, strict=True):
            path = tree.path(leaf)
            row[self.order[n : n + len(path)]] = tree.tokens[path]
        p = self.ask(rows, self.order[n + 1 : n + 2 + tree.depth.max()])
        under = tree.mask[leaves].argmax(axis=0)
        return p[under, tree.depth]

    def ask(self, rows, at):
        """Return distributions (B, len(at), V) in the order of decoding."""
        if self.rank is None:
            return softmax(self.model.causal(rows, at=at))
        sort = np.argsort(at)
        return softmax(self.model.anyorder(rows, self.rank, at=at[sort]))[:, np.argsort(sort)]

    def keep(self, path):
        """Keep nothing."""
