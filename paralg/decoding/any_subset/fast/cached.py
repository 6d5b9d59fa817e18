"""The same decoder on a network whose keys and values are kept: a call computes only what is new.

Content i sees contents of lower or equal rank, so the content of a final token never changes.  The
density call has computed the contents of its drafts; those of the accepted ones are kept as well.
"""

import numpy as np

from paralg.decoding.any_subset.decoder import AnySubset
from paralg.decoding.any_subset.streams import TwoStreams
from paralg.decoding.any_subset.variants import with_bigrams
from paralg.decoding.randomness import Random
from paralg.decoding.trace import Decoded
from paralg.models.protocol import AttendingModel

__all__ = ["CachedStreams", "cached_assd", "cached_bigram_assd"]


class CachedStreams(TwoStreams):
    """Answers both masks from slots: contents that are new, then the queries.

    ``held`` says of which positions keys and values are kept, in the order of the slots.
    """

    def __init__(self, model, x, order):
        super().__init__(model, x, order)
        self.past, self.held = None, np.zeros(0, dtype=np.int64)
        self.prompt = np.flatnonzero(self.rank < self.given)
        self.seen, self.new, self.sent = None, self.held, self.held

    def draft(self, x, n, last):
        """Ask with queries that see what is final."""
        logits = self._run(x, self._final(n), self.order[n:last], self.given + n)
        self.keep(x, n)
        return logits

    def density(self, x, n, last):
        """Ask with queries that see the drafts before them; the last draft is seen by none."""
        new = np.concatenate([self._final(n), self.order[n : last - 1]])
        return self._run(x, new, self.order[n:last], self.model.L)

    def keep(self, x, done):
        """Keep, of the contents of the last call, those that are final; not of a refused draft."""
        stays = (self.rank[self.new] < self.given + done) & (x[self.new] == self.sent)
        final = np.flatnonzero(stays)
        if self.seen is not None and len(final):
            kept = self.seen.select(final)
            self.past = kept if self.past is None else self.past.join(kept)
            self.held = np.concatenate([self.held, self.new[final]])
        self.seen, self.new, self.sent = None, self.new[:0], self.sent[:0]

    def _final(self, n):
        """Return the final positions whose contents are not kept yet."""
        final = np.concatenate([self.prompt, self.order[:n]])
        return final[len(self.held) :]

    def _run(self, x, new, at, visible):
        """Compute contents at ``new`` and queries at ``at``; return the queries' logits."""
        slots, S = np.concatenate([new, at]), len(new)
        rank, columns = self.rank, np.concatenate([self.held, new])
        mask = np.zeros((len(slots), len(columns) + len(at)), dtype=bool)
        mask[:S, : len(columns)] = rank[columns] <= rank[new][:, None]
        mask[S:, : len(columns)] = rank[columns] < np.minimum(rank[at], visible)[:, None]
        mask[S:, len(columns) :] = np.eye(len(at), dtype=bool)
        tokens = np.concatenate([x[new], np.full(len(at), self.model.V)])
        logits, self.seen = self.model.extend(tokens[None], slots, mask, self.past)
        self.new, self.sent = new, x[new]
        return logits[0, S:]


class Cached(AnySubset):
    """Reads through kept keys and values."""

    streams = CachedStreams


def cached_assd(model: AttendingModel, x, k: int = 5, *, rng: Random, **options) -> Decoded:
    """Return what :func:`~paralg.decoding.any_subset.assd` returns, with fewer positions computed.

    ``model`` is a network with weights for any order; ``x``, ``k``, ``rng`` and ``options`` are
    those of `assd`. Computed are the prompt once, then at most 3k' positions a round instead of
    2(L + k'). The code of [guo-2026-self] keeps nothing.

    >>> from paralg.decoding import RandomDraws, Sudoku4
    >>> from paralg.models import load
    >>> run = cached_assd(load("sudoku4-anyorder"), Sudoku4().puzzle(0), rng=RandomDraws(0))
    >>> run.forwards <= 12
    True
    """
    return Cached(model, x, k, rng, **options).decode()


def cached_bigram_assd(model: AttendingModel, x, k: int = 5, *, rng: Random, **options) -> Decoded:
    """Return what :func:`~paralg.decoding.any_subset.bigram_assd` returns, computing less.

    ``model``, ``x``, ``k``, ``rng`` and ``options`` are those of `cached_assd`; computed are the
    prompt once, then at most 2k' positions a round.
    """
    return with_bigrams(Cached(model, x, k, rng, **options)).decode()
