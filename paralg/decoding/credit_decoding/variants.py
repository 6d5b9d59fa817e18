"""What the paper varies: the reward, the constants, and the selector that reads the logits."""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.credit_decoding.account import TraceCredit
from paralg.decoding.credit_decoding.decoder import CreditSession
from paralg.decoding.prediction import Prediction
from paralg.decoding.session import Session

__all__ = ["AdaptiveCredit", "CreditMargin", "CreditNearTies", "FullCredit", "MarginSession",
           "NearTieSession"]  # fmt: skip

NEAR = 1e-5
"""Distance from the maximum within which a shipped selector commits together."""


@dataclass(frozen=True)
class FullCredit(TraceCredit):
    """Reward *every* token by p^γ (Eq. 13); parameters as for :class:`TraceCredit`.

    With a small γ all tokens earn nearly the same, and equal factors cancel in the fusion.

    Examples
    --------
    >>> FullCredit(0.7, 0.8, 1.0).observe(np.zeros(3), [0.5, 0.3, 0.2])
    array([0.5, 0.3, 0.2])
    """

    def reward(self, p: np.ndarray, winner: np.ndarray) -> np.ndarray:
        """Return p^γ."""
        return p**self.gamma


@dataclass(frozen=True)
class AdaptiveCredit(TraceCredit):
    """No constants to tune (§4.3): γ = 1 and α = β = 1 - share of the block that is masked.

    The share is that *before* this round's commits, so there is no credit in a block's first round.

    Examples
    --------
    >>> AdaptiveCredit().at(masked=0.25)
    TraceCredit(alpha=0.75, beta=0.75, gamma=1.0)
    """

    def at(self, masked: float) -> TraceCredit:
        """Return little trust while much is masked, and full trust at the end."""
        masked = checks.number("masked", masked, 0, 1)
        return TraceCredit(1 - masked, min(1 - masked, np.nextafter(1, 0)), 1.0)


class NearTieSession(Session):
    """Commit together what lies within 1e-5 of the surest, when nothing reaches the threshold.

    As the released selectors do; on exact models, where equals abound, it commits them all.
    """

    def predict(self, rows: np.ndarray, logits: np.ndarray) -> list[Prediction]:
        """Lift what is nearly the surest to the threshold."""
        found, tau = super().predict(rows, logits), self.rule.threshold
        inside = self.steps.block_of == self.steps.current(rows[0])
        for prediction in found:
            c = prediction.confidence
            most = c[inside].max(initial=-np.inf)
            if tau is not None and most < tau:
                prediction.confidence = np.where(inside & (c >= most - NEAR), tau, c)
        return found


class MarginSession(Session):
    """Rank positions by the margin between the two likeliest tokens, not by the likeliest alone."""

    def predict(self, rows: np.ndarray, logits: np.ndarray) -> list[Prediction]:
        """Replace each confidence by the margin."""
        found = super().predict(rows, logits)
        for prediction in found:
            second, first = np.sort(prediction.distribution, axis=-1)[:, -2:].T
            margin = (first - second).round(self.rule.digits)
            prediction.confidence = np.where(prediction.confidence >= 0, margin, -np.inf)
        return found


class CreditNearTies(CreditSession, NearTieSession):
    """Credit, and the near ties of the fused confidences; operands as for `CreditSession`."""


class CreditMargin(CreditSession, MarginSession):
    """Credit, and the margin of the fused distribution; operands as for `CreditSession`."""
