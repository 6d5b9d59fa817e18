"""Threshold decoding on logits that carry trace credit.  [wang-2026-creditdecoding]"""

import numpy as np

from paralg.core import checks
from paralg.decoding.baselines import static_run
from paralg.decoding.credit_decoding.account import PAPER, TraceCredit
from paralg.decoding.prediction import Prediction
from paralg.decoding.randomness import Random, softmax
from paralg.decoding.rule import UnmaskingRule, with_threshold
from paralg.decoding.session import Session
from paralg.decoding.trace import Decoded
from paralg.models.protocol import Model

__all__ = ["CreditSession", "decode_with_credit"]


class CreditSession(Session):
    """One sequence decoded with credit: a table C for the current block, zero at its start.

    ``static_run(CreditSession(model, x, rule))`` decodes by the rule, whatever its selector:
    so many tokens a step, a threshold, blocks, a cache. Tokens are drawn, if at all, from the
    fused distribution.

    Parameters
    ----------
    model, x, rule, rng
        As for the part.
    credit : TraceCredit
        Constants, or a variant.

    Examples
    --------
    >>> from paralg.decoding.tables import HashConditional
    >>> run = CreditSession(HashConditional(4, 6), [4] * 6, UnmaskingRule(tokens=2))
    >>> static_run(run).forwards
    3
    """

    def __init__(self, model: Model, x, rule: UnmaskingRule | None = None,
                 rng: Random | None = None, credit: TraceCredit = PAPER):  # fmt: skip
        super().__init__(model, x, rule, rng)
        checks.instance("credit", credit, TraceCredit)
        self.credit, self.block = credit, 0
        self.C = np.zeros((model.L, model.V))

    def enter(self, block: int, last: int, carried: Prediction | None = None) -> Prediction:
        """Open a block with no credit; its first prediction is an observation already."""
        self.block, self.C = block, np.zeros_like(self.C)
        return super().enter(block, last)

    def predict(self, rows: np.ndarray, logits: np.ndarray) -> list[Prediction]:
        """Observe the masked positions of the block, then predict from the fused logits."""
        masked, share = self._masked(rows)
        credit = self.credit.at(share)
        p = softmax(logits[0])
        C = credit.observe(self.C[self.at], p, self._winner(p), masked)
        self.C[self.at] = C
        return super().predict(rows, credit.fuse(logits, C[None]))

    def _masked(self, rows: np.ndarray) -> tuple[np.ndarray, float]:
        """Return where the one row has a mask of the block, by place in ``at``, and their share."""
        if len(rows) != 1:
            raise ValueError(f"expected one row, whose credit this is, got {len(rows)}")
        inside = self.steps.block_of[self.at] == self.block
        masked = inside & (rows[0, self.at] == self.V)
        return masked, masked.sum() / max(inside.sum(), 1)

    def _winner(self, p: np.ndarray) -> np.ndarray:
        """Return the likeliest tokens; among equals the one that a prediction would take."""
        rounded = p.round(self.rule.digits)
        first = np.where(rounded == rounded.max(axis=-1, keepdims=True), self.steps.keys.token[
            self.at], np.inf)  # fmt: skip
        return first.argmin(axis=-1)


def decode_with_credit(model: Model, x, tau: float = 0.95, rule: UnmaskingRule | None = None, *,
                       credit: TraceCredit = PAPER,
                       rng: Random | None = None) -> Decoded:  # fmt: skip
    r"""Commit every masked position whose fused confidence is at least ``tau``, else the best one.

    Each round adds its top-1 predictions to the credit :math:`C` and commits by
    :math:`q \propto p\,(1+C)^\alpha`. A change of what is decoded, not only of its cost: nothing
    makes the *joint* distribution right, as with :func:`~paralg.decoding.baselines.threshold`.

    Parameters
    ----------
    model : Model
    x : ndarray of int, shape (L,)
        The prompt: given tokens, and the mask ``V`` where one is wanted.
    tau : float
        Fused confidence from which a position is committed, positive; above 1 one position a
        forward.
    rule : UnmaskingRule, optional
        Blocks, cache, end tokens and ties; its threshold is replaced by ``tau``.
    credit : TraceCredit
        Constants, or a variant of :mod:`~paralg.decoding.credit_decoding.variants`.
    rng : Random, optional
        Draw tokens, from the fused distribution.

    Returns
    -------
    Decoded

    Cost
    ----
    At most one forward for each mask, of one row; O(L V) numbers of credit.

    Notes
    -----
    Without memory, ``beta=0``, this *is* threshold decoding, at the threshold that
    :func:`~paralg.decoding.credit_decoding.theory.first_look` returns.

    References
    ----------
    [wang-2026-creditdecoding], Equations 6 and 7

    Examples
    --------
    >>> from paralg.decoding.baselines import threshold
    >>> from paralg.decoding.sudoku import Sudoku4
    >>> model, x = Sudoku4(), Sudoku4().puzzle(seed=0)
    >>> threshold(model, x, 0.7).forwards, decode_with_credit(model, x, 0.7).forwards
    (7, 5)
    """
    return static_run(CreditSession(model, x, with_threshold(rule, tau), rng, credit))
