r"""The same decisions without a table of V numbers a position.

Only a token that was once likeliest has credit, so a position keeps as many entries of C as it had
different winners, at most one a round. With the raw log-partition Z and, for the kept tokens c,
:math:`X_c = (1+C_c)^\alpha`,

.. math:: \log \tilde Z = Z + \log\Bigl(1 + \sum_c p_c\,(X_c - 1)\Bigr),

and the fused winner is the best of the kept tokens and the raw winner.
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.baselines import static_run
from paralg.decoding.credit_decoding.account import PAPER, TraceCredit
from paralg.decoding.credit_decoding.decoder import CreditSession
from paralg.decoding.credit_decoding.fast.compiled import row_statistics
from paralg.decoding.prediction import Prediction
from paralg.decoding.rule import UnmaskingRule, with_threshold
from paralg.decoding.trace import Decoded

__all__ = ["SparseCredit", "SparseSession", "decode_sparsely"]


class SparseCredit:
    """Ids and credits of n positions; :meth:`look` is a round.

    Parameters
    ----------
    n : int
        Positions.
    credit : TraceCredit
        Constants; a variant that rewards every token has no sparse form.
    slots : int
        Ids kept a position at the start; more are made as needed.

    Raises
    ------
    ValueError
        If the reward is not that of the likeliest token alone.

    Cost
    ----
    One pass over n rows of V logits a round; 12 bytes a slot.

    Examples
    --------
    >>> account = SparseCredit(1, TraceCredit(0.7, 0.8, 0.2))
    >>> token, q = account.look(np.log([[0.5, 0.3, 0.2]]))
    >>> token, q.round(4)
    (array([0]), array([0.6079]))
    """

    def __init__(self, n: int, credit: TraceCredit = PAPER, slots: int = 4):
        checks.integer("n", n), checks.integer("slots", slots, 1)
        checks.instance("credit", credit, TraceCredit)
        if type(credit).reward is not TraceCredit.reward:
            raise ValueError("expected a reward of the likeliest token alone, got "
                             f"{type(credit).__name__}")  # fmt: skip
        self.credit, self.rows = credit, np.arange(n)
        self.ids = np.full((n, slots), -1, dtype=np.int32)
        self.C = np.zeros((n, slots))

    @property
    def nbytes(self) -> int:
        """Size of ids and credits."""
        return self.ids.nbytes + self.C.nbytes

    def look(self, logits: np.ndarray, masked: np.ndarray | None = None, share: float = 0.0):
        """Observe logits (n, V); return fused winners (n,) and their probabilities (n,).

        Positions that are not ``masked`` earn nothing; ``share`` of the block is masked.
        """
        credit = self.credit.at(checks.number("share", share, 0, 1))
        logits = checks.array("logits", logits, "f")
        checks.sizes(logits=(logits, f"{len(self.rows)} V"))
        top, winner, log_z = row_statistics(logits)
        chosen = self.rows if masked is None else np.flatnonzero(
            checks.mask("masked", masked, self.rows.shape))  # fmt: skip
        self.C *= credit.beta
        at = self._slot(chosen, winner[chosen])
        self.C[chosen, at] += np.exp(top - log_z)[chosen] ** credit.gamma
        log_p = np.where(self.ids < 0, -np.inf, logits[self.rows[:, None], self.ids]
                         - log_z[:, None])  # fmt: skip
        boost = credit.alpha * np.log1p(self.C)
        log_extra = np.log1p((np.exp(log_p) * np.expm1(boost)).sum(axis=1))
        log_q = np.column_stack([log_p + boost, top - log_z]) - log_extra[:, None]
        token = np.column_stack([self.ids, winner])
        q = np.exp(log_q).round(12)
        most = q.max(axis=1)
        return np.where(q == most[:, None], token, np.iinfo(np.int64).max).min(axis=1), most

    def _slot(self, chosen: np.ndarray, winner: np.ndarray) -> np.ndarray:
        """Return the slot of each winner, a free one for a new id."""
        ids = self.ids[chosen]
        hit, free = ids == winner[:, None], ids < 0
        full = ~(hit | free).any(axis=1)
        if full.any():
            wider = ((0, 0), (0, self.ids.shape[1]))
            self.ids = np.pad(self.ids, wider, constant_values=-1)
            self.C = np.pad(self.C, wider)
            return self._slot(chosen, winner)
        at = np.where(hit.any(axis=1), hit.argmax(axis=1), free.argmax(axis=1))
        self.ids[chosen, at] = winner
        return at


class SparseSession(CreditSession):
    """A credit session that keeps ids instead of a table; for the likeliest tokens only."""

    def enter(self, block, last, carried=None):
        """Open a block with no credit."""
        self.account = None
        return super().enter(block, last, carried)

    def predict(self, rows, logits):
        """Observe, and predict winners and confidences without their distributions."""
        masked, share = self._masked(rows)
        if self.account is None:
            self.account = SparseCredit(len(self.at), self.credit)
        token, q = np.zeros(len(self.x), np.int64), np.full(len(self.x), -np.inf)
        token[self.at], q[self.at] = self.account.look(logits[0], masked, share)
        q = np.where(rows[0] == self.V, q.round(self.rule.digits), -np.inf)
        return [Prediction(None, q, token)]


def decode_sparsely(model, x, tau: float = 0.95, rule: UnmaskingRule | None = None, *,
                    credit: TraceCredit = PAPER) -> Decoded:  # fmt: skip
    """Decode as `decode_with_credit` does, with the same trace and no table; ties: lowest index.

    >>> from paralg.decoding.credit_decoding.decoder import decode_with_credit
    >>> from paralg.decoding.tables import HashConditional
    >>> model, x = HashConditional(4, 12, k=1, eps=0.4), [4] * 12
    >>> decode_sparsely(model, x, 0.8).trace == decode_with_credit(model, x, 0.8).trace
    True
    """
    rule = with_threshold(rule, tau)
    if rule.ties is not None:
        raise ValueError(f"expected ties to go to the lowest index, got seed {rule.ties}")
    return static_run(SparseSession(model, x, rule, credit=credit))
