"""Threshold decoding: commit in one step whatever the model is sure of.  Fast, and not lossless."""

from __future__ import annotations

from dataclasses import replace

from paralg.decoding.randomness import Random
from paralg.decoding.rule import UnmaskingRule
from paralg.decoding.static import static
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["threshold"]


def threshold(model: Model, x, tau: float = 0.95, rule: UnmaskingRule | None = None, *,
              rng: Random | None = None) -> Decoded:  # fmt: skip
    """Commit every masked position whose confidence is at least ``tau``, else the best one.

    The positions of a step are predicted without knowledge of each other: nothing makes their
    *joint* distribution right.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
    tau : float
        Above 1 nothing is ever sure and the rule is the static one.
    rule : UnmaskingRule, optional
        Blocks, caches, order and the rest.
    rng : Random, optional

    Returns
    -------
    Decoded

    Raises
    ------
    ValueError
        If ``tau`` is not positive.

    Cost
    ----
    One call of one row for each round; the number of rounds depends on the data.

    References
    ----------
    [wu-2025-fast], confidence-aware parallel decoding.

    Examples
    --------
    >>> from paralg.decoding.sudoku import Sudoku4
    >>> threshold(Sudoku4(), Sudoku4().puzzle(seed=0), tau=0.7).forwards
    7
    """
    if not tau > 0:
        raise ValueError(f"expected tau above 0, got {tau}")
    return static(model, x, replace(rule or UnmaskingRule(), threshold=tau), rng=rng)
