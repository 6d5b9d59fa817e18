"""The tasks on which all decoders are compared, from exact tables to a trained network.

=========  ==========================================  =====================================
tier       model                                       quality
=========  ==========================================  =====================================
tables     conditionals from a formula, twelve tokens  tokens as static decoding has them
sudoku     the exact distribution, four givens         valid grids
grids      a network trained on them, two givens       valid grids
addition   trained on three-digit sums, eight tokens   right sums
text       trained on documentation, 32 characters     nats a character, by a causal network
=========  ==========================================  =====================================
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.baselines import static
from paralg.decoding.sudoku import Sudoku4, is_valid
from paralg.decoding.tables import HashConditional
from paralg.models.protocol import Model

__all__ = ["TIERS", "Tier", "tier"]


@dataclass(frozen=True)
class Tier:
    """Problems of one kind, each a model with a prompt, and the quality of their answers.

    ``quality`` of tokens (problems, L) is in ``measure``: a share (more is better) or nats (less
    is).
    """

    name: str
    problems: tuple[tuple[Model, np.ndarray], ...]
    quality: Callable[[np.ndarray], float]
    measure: str


def tier(name: str, problems: int = 20) -> Tier:
    """Make one of :data:`TIERS`.

    >>> sudoku = tier("sudoku", problems=3)
    >>> len(sudoku.problems), sudoku.measure
    (3, 'valid grids')
    """
    maker = TIERS[checks.one_of("name", name, TIERS)]
    return Tier(name, *maker(checks.integer("problems", problems, 1)))


def _tables(n: int):
    problems = tuple((HashConditional(4, 12, k, eps=0.1), np.full(12, 4)) for k in range(n))
    right = np.stack([static(model, x).tokens for model, x in problems])
    return problems, lambda y: float((y == right).mean()), "tokens as static"


def _sudoku(n: int):
    model = Sudoku4()
    problems = tuple((model, model.puzzle(seed, givens=4)) for seed in range(n))
    return problems, lambda y: float(is_valid(y).mean()), "valid grids"


def _grids(n: int):
    from paralg.models import load

    model, exact = load("sudoku4"), Sudoku4()
    problems = tuple((model, exact.puzzle(seed, givens=2)) for seed in range(n))
    return problems, lambda y: float(is_valid(y).mean()), "valid grids"


def _addition(n: int):
    from paralg.data import addition
    from paralg.models import load

    model = load("addition")
    problems = tuple((model, x) for x in addition.problems(n))
    return problems, lambda y: float(addition.is_correct(y).mean()), "right sums"


def _text(n: int):
    from paralg.data import pydoc_text
    from paralg.models import load
    from paralg.models.scores import nats_of

    model = load("text")
    x, half = pydoc_text.windows(n, model.L, np.random.default_rng(0), split="test"), model.L // 2
    x[:, half:] = model.V
    return (tuple((model, row) for row in x),
            lambda y: float(nats_of(model.causal(y), y)[:, half:].mean()),
            "nats per character")  # fmt: skip


TIERS = {"tables": _tables, "sudoku": _sudoku, "grids": _grids, "addition": _addition,
         "text": _text}  # fmt: skip
"""Name to maker; the last three need torch."""
