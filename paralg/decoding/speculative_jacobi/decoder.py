"""Speculative Jacobi decoding: fill the window, one forward, verify, redraw, slide.

[teng-2025-accelerating]
"""

import numpy as np

from paralg.core import checks
from paralg.decoding.randomness import Random, residual
from paralg.decoding.reading import Reader
from paralg.decoding.speculative_jacobi.acceptance import keeps
from paralg.decoding.speculative_jacobi.initialisers import Initialiser, one_hot
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import Model, tokens_of

__all__ = ["SpeculativeJacobi", "speculative_jacobi"]


def speculative_jacobi(
    model: Model, x, W: int = 15, *, rng: Random, initialiser: Initialiser | None = None,
    order=None, shape: LogitsHook | None = None, cache: bool = False,
) -> Decoded:  # fmt: skip
    r"""Sample as one token a forward would, in fewer forwards; the distribution is the same.

    A window of ``W`` drafts follows the n accepted tokens. One forward gives
    :math:`p_i = p(\cdot \mid x_{<i})` at all of them and one position beyond. From left to right a
    draft is kept with probability :math:`\min(1, p_i(x_i)/q_i(x_i))`, where :math:`q_i` is what it
    was drawn from; the first refused one is replaced from the residual and is final; the drafts
    after it are drawn anew from their :math:`p_k`, which becomes their :math:`q_k`.

    Parameters
    ----------
    model : Model
        Answers ``causal``; ``anyorder`` with an ``order``, ``extend`` with a ``cache``.
    x : ndarray of int, shape (L,)
        A prefix of given tokens, then masks; any given tokens with an ``order``.
    W : int
        Drafts in the window; 0 is one token a forward. The 16 of the paper's code counts the last
        accepted token too: it is 15 here.
    rng : Random
    initialiser : Initialiser, optional
        Where first drafts come from; by default uniform.
    order : sequence of int, optional
        The masked positions in the order in which they are decoded; by default left to right.
    shape : callable, optional
        A hook on the logits (guidance, top-k, temperature): p and q are both what it returns.
    cache : bool
        Keep keys and values of what is final.

    Returns
    -------
    Decoded
        Its trace has every draft that was sent as "proposed", and what became of it; drafts after
        a refused one are neither accepted nor rejected.

    Raises
    ------
    ValueError, TypeError
        If ``W`` is no integer of at least 0, or given tokens are no prefix and there is no order.

    Cost
    ----
    :math:`\lceil N/(W+1) \rceil \le F \le N` forwards for N tokens, each of at most W + 1 positions
    with a cache.

    Notes
    -----
    ========================  ==================================================
    paper                     here
    ========================  ==================================================
    window of 16 tokens       ``W=15``
    initialisation            ``initialiser``
    guidance, top-K           ``shape=Chain(Guidance(…), TopK(…))``
    probabilistic criterion   :func:`~.acceptance.keeps`
    ========================  ==================================================

    References
    ----------
    [teng-2025-accelerating]; the test is that of [leviathan-2023-fast].

    Examples
    --------
    >>> from paralg.decoding.randomness import RandomDraws
    >>> from paralg.decoding.tables import HashConditional
    >>> found = speculative_jacobi(HashConditional(4, 8), [4] * 8, W=3, rng=RandomDraws(0))
    >>> found.tokens, found.forwards
    (array([1, 0, 2, 0, 3, 1, 1, 2]), 4)
    """
    run = SpeculativeJacobi(model, x, W, rng, initialiser, order, shape, cache)
    return run.decode()


class SpeculativeJacobi:
    """One decoding. Variants override what is drawn, kept, put in its place, and done to the rest.

    ``order[:done]`` is final, ``order[done:drafted]`` are drafts; ``q[i]``, (L, V), is what the
    token at i was drawn from.
    """

    def __init__(self, model, x, W, rng, initialiser=None, order=None, shape=None, cache=False):
        if initialiser is not None and not callable(initialiser):
            raise TypeError(f"initialiser must be an Initialiser, got {initialiser!r}")
        self.model = CountingModel(model, shape)
        self.x = tokens_of(np.asarray(x)[None], model.V, model.L)[0].copy()
        self.read = Reader(self.model, self.x, order, cache)
        self.order, self.W, self.rng = self.read.order.tolist(), checks.integer("W", W), rng
        self.initialiser = initialiser or Initialiser()
        self.record = Recorder(self.x, model.V)
        self.q = np.zeros((model.L, model.V))
        self.done = self.drafted = 0

    def decode(self) -> Decoded:
        """Iterate until everything is final."""
        while self.done < len(self.order):
            self.fill()
            p = self.read(self.x, self.done, min(self.drafted + 1, len(self.order)))
            self.record.round(self.model.cost_since())
            self.verify(p)
            self.read.keep(self.done)
        return Decoded(self.x, self.record.trace(), self.model.cost)

    def fill(self) -> None:
        """Append drafts by the initialiser until the window is full."""
        until = max(self.drafted, min(self.done + self.W, len(self.order)))
        for i in self.order[self.drafted : until]:
            drawn_from = self.initialiser(i, self.x, self.q)
            self.x[i] = self.rng.categorical(drawn_from)
            declared = self.initialiser.declared
            self.q[i] = drawn_from if declared else one_hot(self.x[i], self.model.V)
        self.drafted = until

    def verify(self, p: np.ndarray) -> None:
        """Accept drafts from left to right; make the first refused one, or the bonus, final."""
        first, drafts = self.done, self.order[self.done : self.drafted]
        self.note("proposed", drafts, self.q[drafts, self.x[drafts]])
        ratios = p[range(len(drafts)), self.x[drafts]] / self.q[drafts, self.x[drafts]]
        accepted = 0
        while accepted < len(drafts) and self.accepts(drafts[accepted], p[accepted]):
            self.q[drafts[accepted]] = p[accepted]
            accepted += 1
        self.note("accepted", drafts[:accepted], ratios[:accepted])
        self.done += accepted
        if accepted < len(p):
            refused = [self.order[self.done]] if accepted < len(drafts) else []
            self.note("rejected", refused, ratios[accepted : accepted + 1])
            self.finish(self.order[self.done], p[accepted], bool(refused))
            self.done += 1
        final = self.order[first : self.done]
        self.note("committed", final, self.q[final, self.x[final]])
        self.drafted = max(self.drafted, self.done)
        self.refresh(p[len(final) :])

    def finish(self, i: int, p_i: np.ndarray, refused: bool) -> None:
        """Put a final token at ``i``: for a refused draft from the residual, else from p."""
        self.x[i] = self.replacement(i, p_i) if refused else self.draw(i, p_i)
        self.q[i] = p_i

    def refresh(self, p: np.ndarray) -> None:
        """Treat the drafts that were not reached; ``p`` has theirs and one position beyond."""
        for i, p_i in zip(self.order[self.done : self.drafted], p, strict=False):
            self.unreached(i, p_i)

    def draw(self, i: int, p_i: np.ndarray) -> int:
        """Draw a token."""
        return self.rng.categorical(p_i)

    def accepts(self, i: int, p_i: np.ndarray) -> bool:
        """Decide whether the draft at ``i`` becomes final."""
        return keeps(self.rng, p_i, self.q[i], self.x[i])

    def replacement(self, i: int, p_i: np.ndarray) -> int:
        """Draw what replaces a refused draft."""
        return self.rng.categorical(residual(p_i, self.q[i]))

    def unreached(self, i: int, p_i: np.ndarray) -> None:
        """Redraw a draft that was not reached, and remember what it was drawn from."""
        self.x[i] = self.draw(i, p_i)
        self.q[i] = p_i

    def note(self, what: str, positions: list[int], values) -> None:
        """Record an event at each position, if there is any."""
        if positions:
            self.record.record(what, positions, self.x[positions], values)
