"""Drafts that cost no call; and what the guarantee is worth: a lenient test, and none.

================  ===================================================  ============
function          what is different                                    distribution
================  ===================================================  ============
`bigram_assd`     drafts from counts of pairs; the first may fail      exact
`lenient_assd`    a draft is kept more often than the ratio allows     **biased**
`independent`     every draft is kept, there is no density call        **biased**
================  ===================================================  ============
"""

from paralg.core import checks
from paralg.decoding.any_subset.decoder import AnySubset
from paralg.decoding.any_subset.drafting import BigramDrafts
from paralg.decoding.randomness import Random
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["bigram_assd", "independent", "lenient_assd"]


class Lenient(AnySubset):
    """Adds a constant to the ratio of the test."""

    tolerance = 0.0

    def accepts(self, j, ratio):
        """Add the tolerance to the ratio."""
        return super().accepts(j, ratio + self.tolerance)


class Independent(AnySubset):
    """Believes every draft."""

    def judge(self, q):
        """Make no density call."""
        return q


def with_bigrams(run: AnySubset) -> AnySubset:
    """Let a decoding that has not begun draft from pairs."""
    run.drafts = BigramDrafts(run.read, run.rng, run.x, run.drafts.draft_shape)
    return run


def bigram_assd(model: Model, x, k: int = 5, *, rng: Random, **options) -> Decoded:
    """Do what :func:`~.decoder.assd` does with drafts from pairs counted in the sequence itself.

    A draft costs no call, so a round is one call for at least one token, and a run at most u calls.
    Where the next position has no known left neighbour, the network drafts that round.

    ``model``, ``x``, ``k``, ``rng`` and ``options`` are those of `assd`; ``draft_shape`` acts where
    the network drafts. [guo-2026-self], n-gram drafts.

    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.tables import HashConditional
    >>> run = bigram_assd(HashConditional(3, 8), [0, 1, 0, 1, 3, 3, 3, 3], k=3, rng=RandomDraws(0))
    >>> run.tokens, run.forwards
    (array([0, 1, 0, 1, 2, 2, 0, 2]), 4)
    """
    return with_bigrams(AnySubset(model, x, k, rng, **options)).decode()


def lenient_assd(
    model: Model, x, k: int = 5, *, tolerance: float, rng: Random, **options
) -> Decoded:  # fmt: skip
    r"""Accept a draft with probability :math:`\min(1, p/q + \text{tolerance})`: faster, and biased.

    ``model``, ``x``, ``k``, ``rng`` and ``options`` are those of `assd`; a tolerance of 0 is exact.
    It is ``r_atol`` of the code of [guo-2026-self].

    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.tables import HashConditional
    >>> lenient_assd(HashConditional(2, 6), [2] * 6, tolerance=1.0, rng=RandomDraws(0)).forwards
    3
    """
    run = Lenient(model, x, k, rng, **options)
    run.tolerance = checks.number("tolerance", tolerance, 0)
    return run.decode()


def independent(model: Model, x, k: int = 5, *, rng: Random, **options) -> Decoded:
    r"""Commit k drafts a call unchecked, as diffusion with k tokens a step does: biased.

    ``model``, ``x``, ``k``, ``rng`` and ``options`` are those of `assd`; there are
    :math:`\lceil u/k \rceil` calls.

    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.tables import HashConditional
    >>> independent(HashConditional(2, 6), [2] * 6, rng=RandomDraws(0)).forwards
    2
    """
    return Independent(model, x, k, rng, **options).decode()
