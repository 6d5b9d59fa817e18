"""Models that speak another dialect, made to speak the protocol.

Models *adapted from next-token prediction* put the distribution of x_{i+1} in row i:
:class:`Shifted` moves the rows, and a rule with ``first=True`` takes care of the one row that a
cache then lacks.
*Block-causal* models never look beyond the current block, so finished blocks never change and a
prefix cache is exact: :class:`BlockCausal` for tables, :class:`BlockCausalNetwork` for a network.
"""

from dataclasses import dataclass

import numpy as np

from paralg.core import checks
from paralg.decoding.tables import RecomputingModel, TableModel
from paralg.models.protocol import AttendingModel, ForwardCache, Layout, Model, positions, tokens_of

__all__ = ["BlockCausal", "BlockCausalNetwork", "NextToken", "Shifted"]


@dataclass(frozen=True)
class ShiftedCache:
    """A cache, and the shifted logits (L, V) of the forward that made it."""

    inner: ForwardCache
    logits: np.ndarray

    @property
    def nbytes(self) -> int:
        """Size of both, in bytes."""
        return self.inner.nbytes + self.logits.nbytes


class Shifted:
    """A ``raw`` model whose row i speaks of x_{i+1}, read as one whose row i speaks of x_i.

    With a cache only the window is recomputed, and the row in front of it, which speaks of the
    window's first position, is not among them: that one is answered from the forward that made the
    cache, and a decoder should commit it at once (``UnmaskingRule(first=True)``), before it goes
    stale.  Nothing speaks of position 0, so it must be given.
    """

    def __init__(self, raw: Model):
        checks.instance("raw", raw, Model, RecomputingModel)
        self.raw, self.V, self.L = raw, raw.V, raw.L

    def denoise(self, x, *, at=None, cache: ShiftedCache | None = None, layout: Layout = "rows"):
        """Row i is the distribution of ``x_i``; see the protocol."""
        x, at = self._checked(x), positions(at, self.L)
        if cache is None:
            return _shift(self.raw.denoise(x, layout=layout))[:, at]
        live = self.raw.denoise(x, at=at, cache=cache.inner, layout=layout)
        logits = np.broadcast_to(cache.logits[at], live.shape).copy()
        follows = np.flatnonzero(np.diff(at, prepend=-2) == 1)
        logits[:, follows] = live[:, follows - 1]
        return logits

    def snapshot(self, x):
        """Run a full denoise and keep what a cache needs, its logits included."""
        logits, inner = self.raw.snapshot(self._checked(x))
        logits = _shift(logits)
        return logits, ShiftedCache(inner, logits[0])

    def _checked(self, x):
        x = tokens_of(x, self.V, self.L)
        if (x[:, 0] == self.V).any():
            raise ValueError("no row of a shifted model speaks of position 0: expected it given")
        return x


class NextToken(RecomputingModel):
    """A table in the raw convention of :class:`Shifted`, to test it with."""

    def __init__(self, table: TableModel):
        checks.instance("table", table, TableModel)
        self.table, self.V, self.L = table, table.V, table.L

    def answer(self, x, at):
        """Row i is the distribution of ``x_{i+1}``; the last row is uniform, it means nothing."""
        logits, inside = np.zeros((len(x), at.size, self.V)), at < self.L - 1
        logits[:, inside] = self.table.denoise(x, at=at[inside] + 1)
        return logits


class BlockCausal(TableModel):
    """A table that sees only positions up to the end of the block it is asked about.

    Blocks have ``block`` positions; what lies before ``begin`` is visible to all.

    >>> from paralg.decoding.tables import HashConditional
    >>> blind = BlockCausal(HashConditional(2, 4, eps=1.0), block=2)
    >>> far, near = np.array([[2, 2, 2, 1]]), np.array([[2, 2, 2, 0]])
    >>> bool(np.all(blind.denoise(far, at=[0]) == blind.denoise(near, at=[0])))
    True
    """

    def __init__(self, table: TableModel, block: int, begin: int = 0):
        self.table, self.V, self.L = table, table.V, table.L
        self._sees = _block_causal(self.L, block, begin)

    def distributions(self, x, visible, at):
        """Ask the table with the later blocks hidden."""
        return self.table.distributions(x, visible & self._sees[at], at)


class BlockCausalNetwork(RecomputingModel):
    """A network under a block-causal attention mask.

    The mask alone does not make a good block-causal model, training with it does; but whatever is
    proved of such models can be checked on any weights.
    """

    def __init__(self, network: AttendingModel, block: int, begin: int = 0):
        checks.instance("network", network, AttendingModel)
        self.network, self.V, self.L = network, network.V, network.L
        self._sees = _block_causal(self.L, block, begin)

    def answer(self, x, at):
        """Let every position see the tokens up to the end of its block."""
        return self.network.attend(x, np.arange(self.L), self._sees)[:, at]


def _block_causal(L: int, block: int, begin: int) -> np.ndarray:
    """Return which position sees which, shape (L, L)."""
    checks.integer("block", block, 1), checks.integer("begin", begin)
    number = np.maximum((np.arange(L) - begin) // block, -1)
    return number <= number[:, None]


def _shift(logits: np.ndarray) -> np.ndarray:
    """Move every row one position to the right; row 0 stays, unused."""
    return np.concatenate([logits[:, :1], logits[:, :-1]], axis=1)
