"""Draft a tree, verify it in one call of the target, keep its path [xiao-2024-clover]."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from paralg.core import checks
from paralg.decoding.clover.tree import Budgeted
from paralg.decoding.randomness import Random, RandomDraws
from paralg.decoding.targets import target_of
from paralg.decoding.trace import Decoded, Recorder
from paralg.decoding.trees import DraftTree, TreeRule, TreeVerdict, certain, verify_chosen
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import AttendingModel, Model, tokens_of

__all__ = ["Clover", "Drafter", "Drafting", "Verify", "clover"]

Verify = Callable[[DraftTree, np.ndarray, Random], TreeVerdict]


class Drafting(Protocol):
    """What drafts for one sequence, K levels deep; its states are indexed by arrays of nodes."""

    K: int

    def read(self, final: Any, x: np.ndarray) -> Any:
        """Take new final slots (None of a table) and all tokens before t₀; return t₀'s state."""

    def expand(self, i: int, states: Any, tokens: np.ndarray) -> tuple[Any, np.ndarray]:
        """Return the states of n nodes, and the distributions (n, V) of their children, level i."""


@runtime_checkable
class Drafter(Protocol):
    """Draft heads, or whatever guesses the tokens after t₀."""

    def start(self) -> Drafting:
        """Return what drafts for one sequence."""


def clover(
    model: Model | AttendingModel, x, drafter: Drafter, rule: TreeRule | None = None, *,
    rng: Random | None = None, shape: LogitsHook | None = None, order=None,
    end: int | None = None, verify: Verify = verify_chosen,
) -> Decoded:  # fmt: skip
    r"""Decode as one token a call would, in fewer calls of the target.

    Each step has a token t₀ that is final and was not sent yet. The drafter grows a tree below it;
    one call under a tree mask gives the target's distribution after t₀ and after every draft;
    the accepted path becomes final, and so does one token more, the next step's t₀.

    Parameters
    ----------
    model : AttendingModel or Model
        A causal network verifies a tree in one row; another model by a row for each leaf.
    x : ndarray of int, shape (L,)
        A prefix of given tokens, then masks; any given tokens with an ``order``.
    drafter : Drafter
        As :class:`~paralg.decoding.clover.heads.CloverHeads`.
    rule : TreeRule, optional
        By default the paper's, with a budget of 4 drafts.
    rng : Random, optional
        Sample from the target's distribution; by default the likeliest token.
    shape : callable, optional
        A hook on the target's logits.
    order : sequence of int, optional
        The masked positions as they are decoded, by ``anyorder``; by default left to right.
    end : int, optional
        A token behind which nothing is decoded: it fills the rest.
    verify : callable, optional
        `verify_chosen`, or `verify_drawn` with `Drawn`: what fits how the children came about.

    Returns
    -------
    Decoded
        Drafts are "proposed", those of the path "accepted", those tried in vain "rejected".

    Raises
    ------
    ValueError, TypeError
        If given tokens are no prefix and there is no order, or an operand is of another type.

    Cost
    ----
    One call for the prompt, then at most one for each token, of at most m + 1 positions.

    References
    ----------
    [xiao-2024-clover], whose next-0 token is t₀, and whose tree attention is ``DraftTree.mask``.

    Examples
    --------
    >>> from paralg.decoding.clover.variants import TableDrafter
    >>> from paralg.decoding.tables import HashConditional
    >>> table = HashConditional(4, 8)
    >>> found = clover(table, [4] * 8, TableDrafter(table))
    >>> found.tokens, found.forwards
    (array([1, 3, 2, 1, 3, 2, 0, 2]), 3)
    """
    rule = Budgeted() if rule is None else rule
    checks.instance("rule", rule, TreeRule)
    checks.instance("drafter", drafter, Drafter)
    return Clover(CountingModel(model, shape), x, drafter, rule, rng, order, end, verify).decode()


class Clover:
    """One decoding: ``order[:n]`` is final and sent, ``order[n]`` has t₀, final and not sent."""

    def __init__(self, model, x, drafter, rule, rng, order, end, verify):
        self.x = tokens_of(np.asarray(x)[None], model.V, model.L)[0].copy()
        self.target = target_of(model, self.x, order)
        self.order, self.n = self.target.order, 0
        self.end = end if end is None else checks.integer("end", end, 0, model.V - 1)
        self.greedy, self.rng = rng is None, RandomDraws() if rng is None else rng
        self.model, self.rule, self.check = model, rule, verify
        self.drafting = drafter.start()
        self.record = Recorder(self.x, model.V)

    def decode(self) -> Decoded:
        """Read the prompt, then draft and verify to the end."""
        if len(self.order):
            p, final = self.target.read(self.x)
            self.record.round(self.model.cost_since())
            self.commit([self.rng.categorical(self.distribution(p))])
            while self.n < len(self.order) - 1:
                final = self.step(final)
        return Decoded(self.x, self.record.trace(), self.model.cost)

    def step(self, final):
        """Draft below t₀, verify, and return the final slots that are new."""
        place = self.order[self.n]
        state = self.drafting.read(final, self.x[:place])
        depth = min(self.drafting.K, len(self.order) - 2 - self.n)
        tree = self.rule.grow(self.drafting.expand, state, self.x[place], depth, self.rng)
        p = self.distribution(self.target.verify(tree, self.x, self.n))
        self.record.round(self.model.cost_since())
        verdict = self.check(tree, p, self.rng)
        self.note("proposed", tree, list(range(1, len(tree))))
        self.note("accepted", tree, verdict.path[1:])
        self.note("rejected", tree, verdict.refused)
        self.n += 1
        self.commit([*tree.tokens[verdict.path[1:]].tolist(), verdict.bonus])
        return self.target.keep(verdict.path)

    def distribution(self, p: np.ndarray) -> np.ndarray:
        """Return what tokens are drawn from: in greedy decoding, the certain distribution."""
        return certain(p) if self.greedy else p

    def commit(self, tokens: list[int]) -> None:
        """Write tokens from n on, as far as the first end, which fills the rest; n is the last."""
        left = len(self.order) - self.n
        if self.end in tokens:
            tokens = (tokens[: tokens.index(self.end)] + [self.end] * left)[:left]
        at = self.order[self.n : self.n + len(tokens)]
        self.x[at] = tokens
        self.record.record("committed", at, tokens)
        self.n += len(tokens) - 1

    def note(self, what: str, tree: DraftTree, nodes: list[int]) -> None:
        """Record an event for each of some nodes, if there are any."""
        if nodes:
            at = self.order[self.n + tree.depth[nodes]]
            self.record.record(what, at, tree.tokens[nodes], tree.joint[nodes])
