"""Scores of a trained network: distance to the exact distribution, exact match, nats per character.

Every score is deterministic: its states are drawn with a fixed seed.
"""

from __future__ import annotations

import numpy as np

from paralg.data import addition
from paralg.models.filling import fill, greedy
from paralg.models.network import Network
from paralg.models.score_sudoku4 import sudoku4_scores
from paralg.models.score_text import text_scores

__all__ = ["addition_scores", "score"]

_SEED = 2025


def score(network: Network, task: str) -> dict[str, float]:
    """Measure a network on its task.

    Parameters
    ----------
    network : Network
    task : {"sudoku4", "addition", "text"}

    Returns
    -------
    dict of str to float
        Rounded to six digits.
    """
    found = {"sudoku4": sudoku4_scores, "addition": addition_scores, "text": text_scores}[task]
    return {key: round(float(value), 6) for key, value in found(network).items()}


def addition_scores(network: Network) -> dict[str, float]:
    """Share of 1,000 held-out problems whose eight answer tokens are all right, decoded greedily.

    Returns
    -------
    dict
        ``exact_match``: by confidence, one token per call (bidirectional), else in reading order;
        for any-order weights also ``exact_match_reversed``, in the opposite order.
    """
    x = addition.problems(1000, seed=_SEED)
    found = {"exact_match": addition.is_correct(greedy(network, x)).mean()}
    if network.mode == "anyorder":
        backwards = fill(network, x, np.arange(addition.LENGTH - 1, addition.PROMPT - 1, -1))
        found["exact_match_reversed"] = addition.is_correct(backwards).mean()
    return found
