r"""Keep a draft or repair it: the result has distribution p, whatever the draft was drawn from.

A draft :math:`x \sim q` is kept with probability :math:`\min(1, p(x)/q(x))`; a refused one is
replaced by a draw from the residual, proportional to :math:`\max(0, p - q)`.
[leviathan-2023-fast]; in [teng-2025-accelerating] q is the distribution of the round before.
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import Random, residual

__all__ = ["distributions", "keeps", "overlap", "residual"]


def distributions(**operands) -> list[np.ndarray]:
    """Check that operands are distributions over the same tokens."""
    found = {name: checks.probabilities(name, value) for name, value in operands.items()}
    checks.sizes(**{name: (value, "V") for name, value in found.items()})
    return list(found.values())


def overlap(p: np.ndarray, q: np.ndarray) -> float:
    r"""Return the probability that a draft is kept, :math:`\sum_v \min(p(v), q(v))`.

    Parameters
    ----------
    p, q : ndarray, shape (V,)
        What the token should follow, and what the draft was drawn from.

    Returns
    -------
    float
        1 minus their total variation.

    Examples
    --------
    >>> round(overlap(np.array([0.6, 0.4]), np.array([0.3, 0.7])), 12)
    0.7
    """
    return float(np.minimum(*distributions(p=p, q=q)).sum())


def keeps(rng: Random, p: np.ndarray, q: np.ndarray, token: int) -> bool:
    """Decide whether ``token``, drawn from ``q``, is kept."""
    return bool(p[token] >= q[token]) or rng.accept(p[token] / q[token])
