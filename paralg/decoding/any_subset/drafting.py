"""Where the drafts come from: the network's own draft mask, or counts of pairs of tokens.

[guo-2026-self]
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import softmax

__all__ = ["BigramCounts", "BigramDrafts", "SelfDrafts"]


class BigramCounts:
    """Counts of tokens and of neighbouring pairs in a sequence that fills up, each place once.

    Parameters
    ----------
    x : array_like of int, shape (L,)
        The prompt: given tokens, and the mask V elsewhere.
    V : int
        Tokens of the alphabet.

    Raises
    ------
    ValueError, TypeError
        If x is not one row of integers in 0..V, or a place is written twice.

    Cost
    ----
    No call of a model.

    References
    ----------
    [guo-2026-self], n-gram drafts.

    Examples
    --------
    >>> counts = BigramCounts([0, 1, 0, 1, 2, 3], V=3)
    >>> counts.after(1), counts.after(2)
    (array([0.5, 0. , 0.5]), array([0.4, 0.4, 0.2]))
    >>> counts.write(5, 0)
    >>> counts.after(2)
    array([1., 0., 0.])
    """

    def __init__(self, x, V: int):
        x, self.V = checks.array("x", x, "i", least=0), checks.integer("V", V, 1)
        checks.sizes(x=(x, "L"))
        self.x = np.full(len(x), V)
        self.single, self.pairs = np.zeros(V), np.zeros((V, V))
        for i in np.flatnonzero(x != V):
            self.write(i, int(x[i]))

    def write(self, i: int, token: int) -> None:
        """Count a token, and the pairs that it completes with its left and its right neighbour."""
        i = checks.integer("i", i, 0, len(self.x) - 1)
        if self.x[i] != self.V:
            raise ValueError(f"expected a place that is counted once, got {i} again")
        self.x[i] = checks.integer("token", token, 0, self.V - 1)
        self.single[token] += 1
        for left in (i - 1, i):
            if left >= 0 and left + 1 < len(self.x):
                a, b = self.x[left], self.x[left + 1]
                if a < self.V and b < self.V:
                    self.pairs[a, b] += 1

    def after(self, token: int) -> np.ndarray:
        """Return the distribution of what follows a token, (V,); of all tokens if nothing did."""
        row = self.pairs[checks.integer("token", token, 0, self.V - 1)]
        row = row if row.any() else self.single
        if not row.any():
            raise ValueError("expected a token that was counted, got none")
        return row / row.sum()


class SelfDrafts:
    """The network under its draft mask: independent draws, given what is final.

    ``draft_shape`` acts on the logits of the drafts *after the first*; the first one must be drawn
    from what the density mask says of it, or it could not be accepted unseen.
    """

    certain = True

    def __init__(self, read, rng, draft_shape=None):
        self.read, self.rng, self.draft_shape = read, rng, draft_shape

    def __call__(self, x: np.ndarray, n: int, last: int) -> np.ndarray:
        """Write drafts at ``order[n:last]``; return what they were drawn from, (last - n, V)."""
        at, logits = self.read.order[n:last], self.read.draft(x, n, last)
        if self.draft_shape is not None and len(at) > 1:
            logits = np.concatenate([logits[:1], self.draft_shape(logits[None, 1:], at[1:])[0]])
        q = softmax(logits)
        x[at] = [self.rng.categorical(one) for one in q]
        return q

    def write(self, i: int, token: int) -> None:
        """Hear of a final token."""


class BigramDrafts(SelfDrafts):
    """Pairs counted in the sequence itself: no call, and no draft is certain.

    A draft needs a left neighbour that is known or was drafted just before. The window ends where
    there is none; where its first position has none, the network drafts this window.
    """

    def __init__(self, read, rng, x, draft_shape=None):
        super().__init__(read, rng, draft_shape)
        self.counts = BigramCounts(x, read.model.V)
        self.write = self.counts.write

    def __call__(self, x, n, last):
        """Write drafts; return what they were drawn from, for as many as there are."""
        q = []
        for i in self.read.order[n:last]:
            if i == 0 or x[i - 1] == self.counts.V:
                break
            q.append(self.counts.after(int(x[i - 1])))
            x[i] = self.rng.categorical(q[-1])
        self.certain = not q
        return np.array(q) if q else super().__call__(x, n, last)
