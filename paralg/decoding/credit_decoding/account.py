"""Trace credit: a decaying account of past top-1 predictions, added to the logits.

[wang-2026-creditdecoding]  Letters, beside those of the part:

=========  ================================================================================
``p``      distributions of one round, shape (..., V)
``C``      credit before or after it, same shape; zero at the start of a block
``winner`` the likeliest token of each distribution, shape (...)
``X``      what credit multiplies the odds of a token by, :math:`(1+C)^\\alpha`
=========  ================================================================================
"""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks

__all__ = ["PAPER", "RELEASED", "TraceCredit"]


@dataclass(frozen=True)
class TraceCredit:
    r"""The three constants of trace credit, with the update and the fusion.

    .. math::
        C_t^v = \beta\, C_{t-1}^v + [v = v^*]\,(p_t^v)^\gamma, \qquad
        \tilde\ell^v = \ell^v + \alpha \log(1 + C_t^v)

    *Every* entry decays, only the likeliest token :math:`v^*` is rewarded, and the observation of
    a round counts before its logits are fused.

    Parameters
    ----------
    alpha : float
        Weight of the credit in the logits, at least 0; 0 is plain decoding.
    beta : float
        Decay, 0 ≤ β < 1; 0 is credit without memory.
    gamma : float
        Exponent of the reward, positive; below 1 it lifts weak confidences.

    Raises
    ------
    ValueError
        If a constant is out of its range; TypeError if it is no number.

    Cost
    ----
    A round: V multiplications, logarithms and additions a position, and a table of V numbers.

    References
    ----------
    [wang-2026-creditdecoding], Equations 6 and 7

    Examples
    --------
    >>> credit = TraceCredit(alpha=0.7, beta=0.8, gamma=0.2)
    >>> p = np.array([0.5, 0.3, 0.2])
    >>> C = credit.observe(np.zeros(3), p)
    >>> C.round(4), credit.fuse(np.log(p), C).round(4)
    (array([0.8706, 0.    , 0.    ]), array([-0.2548, -1.204 , -1.6094]))
    """

    alpha: float = 0.65
    beta: float = 0.7
    gamma: float = 0.2

    def __post_init__(self):
        checks.number("alpha", self.alpha, 0)
        checks.number("gamma", self.gamma, above=0)
        if not checks.number("beta", self.beta, 0) < 1:
            raise ValueError(f"beta must be below 1, got {self.beta}")

    def at(self, masked: float) -> "TraceCredit":
        """Return the constants of a round that starts with this share of the block ``masked``."""
        return self

    def reward(self, p: np.ndarray, winner: np.ndarray) -> np.ndarray:
        """Return what each token earns: p^γ for the winner, nothing for the others."""
        earned, at = np.zeros_like(p), winner[..., None]
        np.put_along_axis(earned, at, np.take_along_axis(p, at, -1) ** self.gamma, -1)
        return earned

    def observe(self, C: np.ndarray, p: np.ndarray, winner=None, masked=None) -> np.ndarray:
        """Return the credit after a round; only positions that are ``masked`` (...) are rewarded.

        The winner is the first of equals where none is given.
        """
        p, C = checks.array("p", p, least=0), checks.array("C", C, least=0)
        winner = p.argmax(axis=-1) if winner is None else checks.array("winner", winner, "i")
        checks.sizes(p=(p, "... V"), C=(C, "... V"), winner=(winner, "..."))
        if winner.size and not 0 <= winner.min() <= winner.max() < p.shape[-1]:
            raise ValueError(f"winner must lie in 0..{p.shape[-1] - 1}, got {winner}")
        earned = self.reward(p, winner)
        if masked is not None:
            earned = earned * checks.mask("masked", masked, winner.shape)[..., None]
        return self.beta * C + earned

    def fuse(self, logits: np.ndarray, C: np.ndarray) -> np.ndarray:
        """Return the logits with the credit added: the odds of each token times X."""
        logits, C = checks.array("logits", logits, "f"), checks.array("C", C, least=0)
        checks.sizes(logits=(logits, "... V"), C=(C, "... V"))
        return logits + self.alpha * np.log1p(C)


PAPER = TraceCredit()
"""The constants that the paper tuned."""

RELEASED = TraceCredit(0.7, 0.8, 0.2)
"""Those of the decoder that its authors' group released."""
