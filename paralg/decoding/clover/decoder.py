"""Draft a tree, verify it in one call of the target, keep the accepted path.

[xiao-2024-clover]
"""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from paralg.core import checks
from paralg.decoding.clover.tree import Budgeted, DraftTree, TreeRule
from paralg.decoding.clover.verification import Verdict, certain, verify_chosen
from paralg.decoding.randomness import Random, RandomDraws, softmax
from paralg.decoding.reading import ranks
from paralg.decoding.trace import Decoded, Recorder
from paralg.models.counting import CountingModel, LogitsHook
from paralg.models.protocol import AttendingModel, Model, tokens_of

__all__ = ["Drafter", "Drafting", "clover"]

Verify = Callable[[DraftTree, np.ndarray, Random], Verdict]


class Drafting(Protocol):
    """What drafts for one sequence; its states are indexed by arrays of nodes."""

    K: int

    def read(self, final: Any, x: np.ndarray) -> Any:
        """Take new final slots (None on a table) and all tokens before t₀; return t₀'s state."""

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
        A causal network keeps keys and values, and verifies a tree in one row; a table answers
        ``causal`` with one row for each leaf.
    x : ndarray of int, shape (L,)
        A prefix of given tokens, then masks; any given tokens with an ``order``.
    drafter : Drafter
        :class:`~paralg.decoding.clover.heads.CloverHeads`, a variant, or another one.
    rule : TreeRule, optional
        By default the paper's, with a budget of 4 drafts.
    rng : Random, optional
        Sample from the target's distribution; by default the likeliest token.
    shape : callable, optional
        A hook on the target's logits.
    order : sequence of int, optional
        The masked positions in the order in which they are decoded, for a model that answers
        ``anyorder``; by default left to right.
    end : int, optional
        A token behind which nothing is decoded: it fills the rest.
    verify : callable, optional
        `verify_chosen`, or `verify_drawn` with the rule `Drawn`: one that fits how the children
        came about.

    Returns
    -------
    Decoded
        Every draft is "proposed"; those of the path are "accepted", those tried in vain
        "rejected".

    Raises
    ------
    ValueError, TypeError
        If given tokens are no prefix and there is no order, or an operand is of another type.

    Cost
    ----
    One call for the prompt, then at most one for each token, of at most m + 1 positions; tokens a
    call are 1 + E[accepted].

    Notes
    -----
    =============================  ==================================
    paper                          here
    =============================  ==================================
    next-0 token                   t₀, the last final token
    tree attention                 ``DraftTree.mask``
    acceptance, greedy             :func:`~.verification.certain`
    =============================  ==================================

    References
    ----------
    [xiao-2024-clover]

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
        self.target = _target(model, self.x, order)
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
            self.commit([self.rng.categorical(self.law(p))])
            while self.n < len(self.order) - 1:
                final = self.step(final)
        return Decoded(self.x, self.record.trace(), self.model.cost)

    def step(self, final):
        """Draft below t₀, verify, and return the final slots that are new."""
        place = self.order[self.n]
        state = self.drafting.read(final, self.x[:place])
        depth = min(self.drafting.K, len(self.order) - 2 - self.n)
        tree = self.rule.grow(self.drafting.expand, state, self.x[place], depth, self.rng)
        p = self.law(self.target.verify(tree, self.x, self.n))
        self.record.round(self.model.cost_since())
        verdict = self.check(tree, p, self.rng)
        self.note("proposed", tree, list(range(1, len(tree))))
        self.note("accepted", tree, verdict.path[1:])
        self.note("rejected", tree, verdict.refused)
        self.n += 1
        self.commit([*tree.tokens[verdict.path[1:]].tolist(), verdict.bonus])
        return self.target.keep(verdict.path)

    def law(self, p: np.ndarray) -> np.ndarray:
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


def _target(model: CountingModel, x: np.ndarray, order):
    """Return a network that keeps keys and values, or whatever recomputes."""
    masked = np.flatnonzero(x == model.V)
    if order is not None:
        return Recomputing(model, np.asarray(order), ranks(x, model.V, order))
    if len(masked) and masked[0] != model.L - len(masked):
        raise ValueError("expected the given tokens to be a prefix, or an order, got no order")
    if hasattr(model.model, "extend"):
        return Attending(model, masked)
    return Recomputing(model, masked)


class Attending:
    """A causal network as target: slot i carries x_{i-1}, so t₀ at place i has slot i + 1."""

    def __init__(self, model: CountingModel, order):
        self.model, self.order, self.past, self.tree = model, order, None, None

    def read(self, x):
        """Send the prompt; return the distribution of the first token, and the slots."""
        n = self.order[0]
        tokens = np.concatenate([[self.model.V], x[:n]])[None]
        logits, self.past = self.model.extend(tokens, np.arange(n + 1), np.tri(n + 1, dtype=bool))
        return softmax(logits[0, -1]), self.past

    def verify(self, tree, x, n):
        """Return the distributions after t₀ and after every draft."""
        mask = np.concatenate([np.ones((len(tree), len(self.past)), bool), tree.mask], axis=1)
        places = self.order[n] + 1 + tree.depth
        logits, self.tree = self.model.extend(tree.tokens[None], places, mask, self.past)
        return softmax(logits[0])

    def keep(self, path):
        """Keep keys and values of the accepted path alone; return its slots."""
        final = self.tree.select(path)
        self.past = self.past.join(final)
        return final


class Recomputing:
    """A model without memory as target: one row for each leaf of the tree."""

    def __init__(self, model: CountingModel, order, rank=None):
        self.model, self.order, self.rank = model, order, rank

    def read(self, x):
        """Return the distribution of the first token."""
        return self.ask(x[None], self.order[:1])[0, 0], None

    def verify(self, tree, x, n):
        """Return the distributions after t₀ and after every draft."""
        leaves = np.setdiff1d(np.arange(len(tree)), tree.parents)
        rows = np.tile(np.where(x == self.model.V, 0, x), (len(leaves), 1))
        for row, leaf in zip(rows, leaves, strict=True):
            path = tree.path(leaf)
            row[self.order[n : n + len(path)]] = tree.tokens[path]
        p = self.ask(rows, self.order[n + 1 : n + 2 + tree.depth.max()])
        under = tree.mask[leaves].argmax(axis=0)
        return p[under, tree.depth]

    def ask(self, rows, at):
        """Return distributions (B, len(at), V) in the order of decoding."""
        if self.rank is None:
            return softmax(self.model.causal(rows, at=at))
        sort = np.argsort(at)
        return softmax(self.model.anyorder(rows, self.rank, at=at[sort]))[:, np.argsort(sort)]

    def keep(self, path):
        """Keep nothing."""
