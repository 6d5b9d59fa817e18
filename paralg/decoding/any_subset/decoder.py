"""Any-subset speculative decoding (ASSD): draft, evaluate the joint, keep what the joint allows.

[guo-2026-self]
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.any_subset.drafting import SelfDrafts
from paralg.decoding.any_subset.streams import TwoStreams, lattice_order
from paralg.decoding.randomness import Random, residual, softmax
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["AGREE", "AnySubset", "assd"]

AGREE = 1e-5
"""How far the two masks may differ at the first target; in theory not at all."""


def assd(
    model: Model, x, k: int = 5, *, rng: Random, order=None, shape: LogitsHook | None = None,
    draft_shape: LogitsHook | None = None,
) -> Decoded:  # fmt: skip
    r"""Sample all masked tokens as one call for each would, in no more calls than tokens.

    A round with n tokens decoded takes the next :math:`k' = \min(k, u - n)` positions of the order.
    Under the *draft mask* one call gives :math:`q_j = p(\cdot \mid x_{\sigma(<n)})`, from which
    all are drawn independently. Under the *density mask* a second call gives
    :math:`p_j = p(\cdot \mid x_{\sigma(<n)}, \tilde x_{\sigma(n)}, …, \tilde x_{\sigma(j-1)})`.
    In the order each draft is kept with probability :math:`\min(1, p_j/q_j)`; the first refused one
    is replaced by a draw proportional to :math:`\max(0, p_j - q_j)`, and ends the round. The first
    draft is always kept, because :math:`q_n = p_n`; of a last lone token there is nothing to check.

    Parameters
    ----------
    model : Model
        Answers ``anyorder``.
    x : ndarray of int, shape (L,)
        Any given tokens, and masks at the u wanted positions.
    k : int
        Targets in a round, at least 1; gains begin at 3.
    rng : Random
    order : sequence of int, optional
        The masked positions in the order in which they are decoded; by default
        :func:`~.streams.lattice_order`.
    shape : callable, optional
        A hook on the logits (temperature, top-k): p and q are both what it returns.
    draft_shape : callable, optional
        A second hook on the logits of the drafts after the first; the distribution stays.

    Returns
    -------
    Decoded
        Each round of its trace is two calls, one for a last lone token.

    Raises
    ------
    ValueError, TypeError
        If ``k`` is no integer of at least 1, or ``order`` is not one of the masked positions.
    RuntimeError
        If the two masks disagree about the first target by more than 1e-5.

    Cost
    ----
    At most u calls for :math:`k \ge 2`, exactly 2u - 1 for k = 1, each over L contents and k'
    queries.

    Notes
    -----
    ====================  =========================================
    paper                 here
    ====================  =========================================
    N - m                 u, the number of masks
    σ                     ``order``
    temperature           ``shape=Temperature(…)``
    no_temp_oracle        ``draft_shape=Temperature(…)``
    r_atol                :func:`~.variants.lenient_assd`
    n-gram drafts         :func:`~.variants.bigram_assd`
    ====================  =========================================

    References
    ----------
    [guo-2026-self]; the test is that of [leviathan-2023-fast].

    Examples
    --------
    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.tables import HashConditional
    >>> run = assd(HashConditional(3, 8), [3, 1, 3, 3, 3, 0, 3, 3], k=4, rng=RandomDraws(0))
    >>> run.tokens, run.forwards
    (array([1, 1, 2, 1, 1, 0, 0, 2]), 4)
    """
    return AnySubset(model, x, k, rng, order, shape, draft_shape).decode()


class AnySubset:
    """One decoding; ``order[:done]`` is final. Variants override what is accepted.

    ``read`` answers under either mask, ``drafts`` writes the drafts and says whether the first one
    is ``certain``.
    """

    streams = TwoStreams

    def __init__(self, model, x, k, rng, order=None, shape=None, draft_shape=None):
        self.model, self.k, self.rng = CountingModel(model, shape), checks.integer("k", k, 1), rng
        self.x = tokens_of(checks.array("x", x, "i")[None], model.V, model.L)[0].copy()
        order = lattice_order(self.x, model.V) if order is None else order
        self.read = self.streams(self.model, self.x, order)
        self.order = self.read.order
        self.drafts = SelfDrafts(self.read, rng, draft_shape)
        self.record = Recorder(self.x, model.V)
        self.done = 0

    def decode(self) -> Decoded:
        """Draft and verify until everything is final."""
        while self.done < len(self.order):
            q = self.drafts(self.x, self.done, min(self.done + self.k, len(self.order)))
            p = self.judge(q)
            self.record.round(self.model.cost_since())
            self.verify(self.order[self.done : self.done + len(q)], p, q)
            self.read.keep(self.x, self.done)
        return Decoded(self.x, self.record.trace(), self.model.cost)

    def judge(self, q: np.ndarray) -> np.ndarray:
        """Return the p of the drafts, by one call; of a certain last token it is its q."""
        if self.drafts.certain and self.done + 1 == len(self.order):
            return q
        p = softmax(self.read.density(self.x, self.done, self.done + len(q)))
        if self.drafts.certain and np.abs(p[0] - q[0]).max() > AGREE:
            raise RuntimeError("expected both masks to say the same of the first target, got "
                               f"probabilities {p[0]} and {q[0]}")  # fmt: skip
        return p

    def verify(self, at: np.ndarray, p: np.ndarray, q: np.ndarray) -> None:
        """Accept drafts in the order; replace the first refused one; forget the rest."""
        drafts, each = self.x[at], np.arange(len(at))
        ratios = p[each, drafts] / q[each, drafts]
        self.note("proposed", at, q[each, drafts])
        a = 0
        while a < len(at) and self.accepts(a, ratios[a]):
            a += 1
        self.note("accepted", at[:a], ratios[:a])
        if a < len(at):
            self.note("rejected", at[a : a + 1], ratios[a : a + 1])
            self.x[at[a]] = self.rng.categorical(residual(p[a], q[a]))
            self.x[at[a + 1 :]] = self.model.V
        final = at[: a + 1]
        self.note("committed", final, p[each, self.x[at] % self.model.V][: a + 1])
        for i in final:
            self.drafts.write(i, int(self.x[i]))
        self.done += len(final)

    def accepts(self, j: int, ratio: float) -> bool:
        """Decide on draft j of the round; a certain first one is not drawn for."""
        return (j == 0 and self.drafts.certain) or self.rng.accept(ratio)

    def note(self, what: str, positions: np.ndarray, values) -> None:
        """Record an event at each position, if there is any."""
        if len(positions):
            self.record.record(what, positions, self.x[positions], values)
