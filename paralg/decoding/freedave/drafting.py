"""Drafts: what static decoding would look like after 1, 2, …, d more steps, guessed at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from paralg.decoding.prediction import Prediction
from paralg.decoding.rule import BoundRule

__all__ = ["Drafts", "draft"]

class Drafts(NamedTuple):
    """Drafts y_1 … y_m of a state.

    Attributes
    ----------
    rows : ndarray of int, shape (m, L)
        Row j-1 is y_j; m ≤ d.
    steps : list of ndarray of int
        Positions that y_j adds to y_{j-1}, in the order of the stale confidences.
    sent : int
        How many of them are worth a forward: a draft with nothing left to predict is not sent.
    """

    rows: np.ndarray
    steps: list[np.ndarray]
    sent: int


def draft(g: BoundRule, x, prediction: Prediction, d: int, last: int, *, until: int,
          fresh: bool = False) -> Drafts:  # fmt: skip
    """Apply the rule up to ``d`` times to the *same stale* prediction of ``x``.

    y_1 = g(x) exactly; the others are guesses.

    Parameters
    ----------
    g : BoundRule
    x : ndarray of int, shape (L,)
    prediction : Prediction
        Of ``x``.
    d : int
    last : int
        Last block a draft may reach into.
    until : int
        Last block whose masks a forward on a draft could predict.
    fresh : bool
        The prediction comes from the forward that made the cache.

    Returns
    -------
    Drafts

    Cost
    ----
    One ranking of the masked positions; no model call.

    Examples
    --------
    >>> from paralg.decoding.rule import UnmaskingRule
    >>> from paralg.decoding.session import Session
    >>> from paralg.decoding.tables import HashConditional
    >>> run = Session(HashConditional(4, 5, eps=0.1), [4] * 5, UnmaskingRule())
    >>> [prediction] = run.forward(run.x[None])
    >>> draft(run.steps, run.x, prediction, d=3, last=0, until=0).rows
    array([[1, 4, 4, 4, 4],
           [1, 4, 2, 4, 4],
           [1, 4, 2, 4, 3]])
    """
    steps = g.path(x, prediction, d, last, fresh)
    rows = np.tile(x, (len(steps), 1))
    for j, positions in enumerate(steps):
        rows[j:, positions] = prediction.tokens(positions)
    readable = ((rows == g.V) & (g.block_of <= until)).any(axis=1)
    ended = len(steps) > 0 and g.finished(rows[-1]) is not None
    return Drafts(rows, steps, int(readable.sum()) - int(ended and readable[-1]))
