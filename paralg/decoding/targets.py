"""What a model says after every node of a draft tree: by tree attention, or row by row."""

import numpy as np

from paralg.decoding.randomness import softmax
from paralg.decoding.reading import ranks
from paralg.models.counting import CountingModel

__all__ = ["Attending", "Recomputing", "target_of"]


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
