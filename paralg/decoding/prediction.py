"""What one row of logits says about the masked positions: a token and how sure the model is."""

from typing import NamedTuple

import numpy as np

from paralg.core.random import uniform
from paralg.decoding.randomness import Random, softmax

__all__ = ["Prediction", "TieKeys", "predictions", "tie_keys"]


class TieKeys(NamedTuple):
    """Which wins among equals: the lowest key; of positions, shape (L,), and tokens, (L, V)."""

    position: np.ndarray
    token: np.ndarray


def tie_keys(seed: int | None, L: int, V: int) -> TieKeys:
    """Return keys that prefer the lowest index, or a random order when a seed is given."""
    i, v = np.arange(L), np.arange(V)
    if seed is None:
        return TieKeys(i, np.broadcast_to(v, (L, V)))
    return TieKeys(uniform(seed, 0, i), uniform(seed, 1 + i[:, None], v))


class Prediction:
    """Tokens x̂, -1 where to be drawn, and confidences c of one row, -inf where none is wanted.

    With "maximum" confidence a token is drawn when it is first asked for and then kept: draws that
    are not needed are not made, and a prediction used twice says the same thing twice.
    Rows of the distribution (L, V) at positions that are not asked for are unused. Confidence ranks
    the positions: a method that ranks differently changes it.
    """

    def __init__(self, distribution, confidence, token, rng: Random | None = None):
        self.distribution, self.confidence = distribution, confidence
        self._token, self._rng = token, rng

    def tokens(self, positions) -> np.ndarray:
        """Return the predicted tokens at ``positions``, drawing those not drawn yet."""
        if self._rng is not None:
            for i in positions:
                if self._token[i] < 0:
                    self._token[i] = self._rng.categorical(self.distribution[i])
        return self._token[positions]

    def after(self, x: np.ndarray, positions) -> np.ndarray:
        """Return a copy of ``x`` with the predicted tokens at ``positions``."""
        y = x.copy()
        y[positions] = self.tokens(positions)
        return y


def predictions(rows, at, logits, rule, keys: TieKeys, V: int, rng=None) -> list[Prediction]:
    """Turn the logits of B ``rows``, shape (B, L), into B predictions."""
    B, L = rows.shape
    distribution = np.zeros((B, L, V))
    distribution[:, at] = softmax(logits)
    rounded = distribution.round(rule.digits)
    top = rounded.max(axis=-1)
    wanted = (rows == V) & np.isin(np.arange(L), at)
    if rng is None:
        token = np.where(rounded == top[..., None], -keys.token, -np.inf).argmax(axis=-1)
    else:
        token = np.full((B, L), -1)
        if rule.confidence == "sampled":
            for b, i in np.argwhere(wanted):
                token[b, i] = rng.categorical(distribution[b, i])
                top[b, i] = rounded[b, i, token[b, i]]
    confidence = np.where(wanted, top, -np.inf)
    return [Prediction(distribution[b], confidence[b], token[b], rng) for b in range(B)]
