"""The update as it was published, in torch: a table of one credit for every token and position.

Buffers are reused, as an accelerator's allocator would: fresh pages cost more than the arithmetic.
"""

import numpy as np
import torch

from paralg.decoding.credit_decoding.account import PAPER, TraceCredit

__all__ = ["DENSE_ARRAYS", "DenseCredit"]

DENSE_ARRAYS = 13
"""Arrays of V numbers a position that `DenseCredit.look` reads or writes; one pass reads one."""


class DenseCredit:
    """The table of n positions over V tokens; :meth:`look` is a round."""

    def __init__(self, n: int, V: int, credit: TraceCredit = PAPER):
        self.credit = credit
        self.C, self.p, self.q = (torch.zeros(n, V) for _ in range(3))

    def look(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Observe logits (n, V) of float32; return fused winners and their probabilities."""
        logits = torch.from_numpy(logits)
        torch.softmax(logits, -1, out=self.p)  # reads logits, writes p: 2
        top, winner = self.p.max(-1, keepdim=True)  # reads p: 1
        self.C.mul_(self.credit.beta)  # reads and writes C: 2
        self.C.scatter_add_(-1, winner, top**self.credit.gamma)
        torch.log1p(self.C, out=self.q)  # reads C, writes q: 2
        torch.add(logits, self.q, alpha=self.credit.alpha, out=self.p)  # 3
        torch.softmax(self.p, -1, out=self.q)  # 2
        q, token = self.q.max(-1)  # 1
        return token.numpy(), q.numpy()
