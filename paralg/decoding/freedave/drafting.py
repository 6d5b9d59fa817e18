"""Drafts: what static decoding would look like after 1, 2, …, d more steps, guessed at once."""

from typing import NamedTuple

import numpy as np

from paralg.decoding.prediction import Prediction
from paralg.decoding.rule import BoundRule

__all__ = ["Drafts", "draft"]


class Drafts(NamedTuple):
    """Drafts y_1 … y_m of a state, m ≤ d.

    ``rows[j-1]`` is y_j, ``steps[j-1]`` the positions that it adds, in the order of the stale
    confidences; the first ``sent`` are worth a forward: the others leave nothing to predict.
    """

    rows: np.ndarray
    steps: list[np.ndarray]
    sent: int


def draft(g: BoundRule, x, prediction: Prediction, d: int, last: int = 0, *,
          until: int | None = None, fresh: bool = False) -> Drafts:  # fmt: skip
    """Apply the rule up to ``d`` times to the *same stale* prediction of ``x``.

    y_1 = g(x) exactly; the others are guesses.  They reach into block ``last`` at most, and a
    forward on them could predict masks up to block ``until``.

    Examples
    --------
    >>> from paralg.decoding.session import Session
    >>> from paralg.decoding.tables import HashConditional
    >>> run = Session(HashConditional(4, 5, eps=0.1), [4] * 5)
    >>> [prediction] = run.forward(run.x[None])
    >>> draft(run.steps, run.x, prediction, d=3).rows
    array([[1, 4, 4, 4, 4],
           [1, 4, 2, 4, 4],
           [1, 4, 2, 4, 3]])
    """
    steps = g.path(x, prediction, d, last, fresh)
    rows = np.tile(x, (len(steps), 1))
    for j, positions in enumerate(steps):
        rows[j:, positions] = prediction.tokens(positions)
    until = last if until is None else until
    readable = ((rows == g.V) & (g.block_of <= until)).any(axis=1)
    ended = len(steps) > 0 and g.finished(rows[-1]) is not None
    return Drafts(rows, steps, int(readable.sum()) - int(ended and readable[-1]))
