"""The tasks on which all decoders are compared, from exact tables to a trained network.

=========  ==========================================  =====================================
tier       model                                       quality
=========  ==========================================  =====================================
tables     conditionals from a formula, twelve tokens  tokens as static decoding has them
sudoku     the exact distribution, four givens         valid grids
addition   trained on three-digit sums, eight tokens   right sums
text       trained on documentation, 32 characters     nats a character, by a causal network
=========  ==========================================  =====================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.decoding.static import static
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional
from paralg.models.protocol import Model

__all__ = ["TIERS", "Tier", "tier"]


@dataclass(frozen=True)
class Tier:
    """Games of one kind.

    Parameters
    ----------
    name : str
    games : tuple of (Model, ndarray of int, shape (L,))
        Model and prompt of each game.
    quality : callable (tokens of shape (games, L)) -> float
    measure : str
        What the quality is, for the head of a column.
    share : bool
        The quality is a share, and more is better; otherwise it is in nats, and less is.
    """

    name: str
    games: tuple[tuple[Model, np.ndarray], ...]
    quality: Callable[[np.ndarray], float]
    measure: str
    share: bool = True

    def show(self, quality: float) -> str:
        """Return a quality as text."""
        return f"{quality:.0%}" if self.share else f"{quality:.2f}"


def tier(name: str, games: int = 20) -> Tier:
    """Make a tier.

    Parameters
    ----------
    name : str
        One of :data:`TIERS`.
    games : int

    Raises
    ------
    ValueError
        If there is no tier of that name, or no game is asked for.

    Examples
    --------
    >>> sudoku = tier("sudoku", games=3)
    >>> len(sudoku.games), sudoku.measure
    (3, 'valid grids')
    """
    if name not in TIERS:
        raise ValueError(f"expected a tier of {tuple(TIERS)}, got {name!r}")
    if games < 1:
        raise ValueError(f"expected at least one game, got {games}")
    return TIERS[name](games)


def _tables(n: int) -> Tier:
    games = tuple((HashConditional(4, 12, k, eps=0.1), np.full(12, 4)) for k in range(n))
    right = np.stack([static(model, x).tokens for model, x in games])
    return Tier("tables", games, lambda y: float((y == right).mean()), "tokens as static")


def _sudoku(n: int) -> Tier:
    model = Sudoku4()
    games = tuple((model, model.puzzle(seed, givens=4)) for seed in range(n))
    return Tier("sudoku", games, lambda y: float(is_valid(y).mean()), "valid grids")


def _addition(n: int) -> Tier:
    from paralg.data import addition
    from paralg.models import load

    model = load("addition")
    games = tuple((model, x) for x in addition.problems(n))
    return Tier("addition", games, lambda y: float(addition.is_correct(y).mean()), "right sums")


def _text(n: int) -> Tier:
    from paralg.data import pydoc_text
    from paralg.models import load
    from paralg.models.score_text import nats_of

    model = load("text")
    x = pydoc_text.windows(n, model.L, np.random.default_rng(0), split="test")
    half = model.L // 2
    x[:, half:] = model.V
    judge = lambda y: float(nats_of(model.causal(y), y)[:, half:].mean())  # noqa: E731
    return Tier("text", tuple((model, row) for row in x), judge, "nats per character", share=False)


TIERS = {"tables": _tables, "sudoku": _sudoku, "addition": _addition, "text": _text}
"""Name to maker; the last two need torch."""
